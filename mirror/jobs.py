"""The job that syncs with OpenF1, and the clean-up of sync runs whose process died."""

from collections import Counter
from typing import Any

from rest_framework import serializers

from jobs import kinds
from jobs.models import Job
from jobs.progress import Failed, Progress
from mirror import runs
from mirror.client import from_settings
from mirror.errors import OpenF1Error
from mirror.estimates import estimate_text
from mirror.feeds import Feed, registry
from mirror.ordering import count_steps
from mirror.pipeline import sync
from mirror.planning import FIRST_SEASON, Scope, Weekend
from mirror.reporting import Observer, Report


class ProgressObserver(Observer):
    """Reports the steps of a sync as the progress of a job."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def planned(self, weekends: list[Weekend], feeds: list[Feed]) -> None:
        self.progress.step(total=count_steps(weekends, feeds))

    def estimated(self, requests: int) -> None:
        self.progress.step(estimate_text(requests))

    def fetching(self, feed: Feed, weekend: Weekend) -> None:
        self.progress.step(f"{weekend.name}: {feed.collection}")

    def skipped(self, feed: Feed, weekend: Weekend) -> None:
        self.progress.step(done=1)  # by the attempt before

    def piece_stored(self, feed: Feed, weekend: Weekend, counts: Counter) -> None:
        self.progress.step(done=1)

    def car(self, feed: Feed, session: int, driver_number: int, samples: int, seconds: float) -> None:
        self.progress.step(f"session {session}, car {driver_number}: {feed.collection}")

    def failed(self, what: str, error: OpenF1Error) -> None:
        self.progress.step(f"{what}: {error}")


class SyncParameters(kinds.Parameters):
    """What to sync; every season by default."""

    seasons = kinds.season_list(FIRST_SEASON)
    races = kinds.integer_list("Race weekends, by race_id.")
    sessions = kinds.integer_list("Sessions, by session_id.")
    latest = serializers.BooleanField(required=False, help_text="The newest race weekend.")
    session_names = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, max_length=20, help_text="Only sessions of these names."
    )
    collections = serializers.ListField(child=serializers.CharField(), required=False, help_text="All by default.")
    force = serializers.BooleanField(required=False, help_text="Fetch everything again.")
    prune = serializers.BooleanField(required=False, help_text="Delete rows that upstream no longer sends.")

    def validate_collections(self, names: list[str]) -> list[str]:
        if unknown := set(names) - registry().keys():
            raise serializers.ValidationError(f"Unknown: {', '.join(sorted(unknown))}. There are {', '.join(registry())}.")
        return names


def run_sync(progress: Progress, job: Job) -> dict[str, Any]:
    """Sync; a job whose worker died continues where that stopped, also with `force`."""
    parameters = job.parameters
    seasons, races, sessions = (tuple(parameters.get(name, ())) for name in ("seasons", "races", "sessions"))
    names, latest = tuple(parameters.get("session_names", ())), parameters.get("latest", False)
    scope = Scope(seasons=seasons, races=races, sessions=sessions, latest=latest, session_names=names)
    report = sync(
        client=from_settings(notice=progress.step),
        scope=scope,
        collections=parameters.get("collections", ()),
        force=parameters.get("force", False) and job.attempts == 1,
        prune=parameters.get("prune", False),
        observer=ProgressObserver(progress),
    )
    return result_of(report)


def result_of(report: Report) -> dict[str, Any]:
    """The report of a sync as the result of its job; raises Failed if there were errors."""
    if report.errors:
        raise Failed(f"{len(report.errors)} failed; first: {report.errors[0]}", result=report.as_dict())
    return report.as_dict()


kinds.register("sync", run=run_sync, parameters=SyncParameters, about="mirror OpenF1, as `sync_openf1`")
kinds.register_clean_up(runs.close_dead_runs)
