"""Mirror OpenF1 into this site's database."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.wording import plural
from mirror.client import from_settings
from mirror.errors import NothingMatched
from mirror.feeds import collection_name, registry
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.reporting import Report
from mirror.sync_output import BarObserver, JsonObserver, LineObserver, SeasonObserver
from races.arguments import is_key, key_of, race_ids, session_ids
from telemetry.stale import sync_stale

PATIENCE = 4.0  # seconds of silence after which it is said that an answer is waited for


class Command(BaseCommand):
    help = (
        "Mirror OpenF1 into this site's database: only new and changed rows are written, rows that upstream no longer sends "
        "are kept and reported. Without --season, --race, --session or --latest everything since 2023 is synced. An "
        "interrupted sync goes on where it stopped when the same command is given again. "
        "Exit status: 0 all well, also when rows were not valid and are not stored; 1 something failed, or nothing matched; "
        "130 interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "collections", nargs="*", metavar="COLLECTION", help=f"what to sync (all by default): {', '.join(registry())}"
        )
        values: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
        parser.add_argument("--season", "--year", metavar="Y", help="seasons, e.g. 2024", **values)
        parser.add_argument(
            "--race",
            metavar="RACE",
            help="race weekends: race_id (OpenF1's meeting_key), or the name of a stored one (monaco, with its --season)",
            **values,
        )
        parser.add_argument(
            "--session",
            metavar="SESSION",
            help="sessions: session_id (OpenF1's session_key), or the name of stored ones (race, with --race and --season)",
            **values,
        )
        parser.add_argument("--latest", action="store_true", help="the newest race weekend")
        parser.add_argument(
            "--session-name",
            action="append",
            default=[],
            metavar="NAME",
            help="only sessions of this name, e.g. Race or Qualifying (repeatable)",
        )
        parser.add_argument(
            "--stale",
            action="store_true",
            help="whatever is due: sessions of the last 14 days daily, older ones weekly and then monthly, sooner where the "
            "quality report found holes; made for schedulers",
        )
        parser.add_argument(
            "--force", action="store_true", help="fetch everything again, also what an interrupted run has already brought in"
        )
        parser.add_argument(
            "--prune", action="store_true", help="delete rows that upstream no longer sends (never a whole session at once)"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would change; write nothing")
        parser.add_argument(
            "--wait", action="store_true", help="while a session is on track and OpenF1 is closed, wait and come back"
        )
        parser.add_argument(
            "--verbose", action="store_true", help="where no bar is shown, a line for each request and each piece"
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object at the end and nothing else on standard output"
        )

    def handle(self, *args: Any, json: bool, dry_run: bool, wait: bool, verbose: bool, **options: Any) -> None:
        observer: JsonObserver
        if json:
            observer = JsonObserver(self.stderr)
        elif self.stdout.isatty():
            observer = BarObserver(self.stdout)
        else:
            observer = LineObserver(self.stdout) if verbose else SeasonObserver(self.stdout)
        observer.client = from_settings(wait_for_lock=wait, notice=observer.notice, patience=PATIENCE)
        try:
            with observer:
                report = self.sync(observer, options | {"dry_run": dry_run})
        except ValueError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("interrupted; give the same command again to go on", returncode=130) from None
        self.write_summary(report, dry_run=dry_run, as_json=json)

    def sync(self, observer: "JsonObserver", options: dict[str, Any]) -> Report:
        """Sync what the options name, or what is due."""
        settings = {name: options[name] for name in ("collections", "force", "prune", "dry_run")}
        for name in ("season", "race", "session"):
            options[name], collections = split_collections(options[name])
            settings["collections"] = [*settings["collections"], *collections]
        scope = chosen_scope(options)
        if not options["stale"]:
            return sync(client=observer.client, scope=scope, observer=observer, **settings)
        if scope != Scope() or any(settings.values()):
            raise CommandError("--stale finds out by itself what is due: it goes with --wait and --json only")
        return sync_stale(client=observer.client, observer=observer)

    def write_summary(self, report: Report, *, dry_run: bool, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.as_dict(), indent=2))
        else:
            if report.skipped:
                self.stdout.write(
                    f"Went on with an interrupted run: {report.skipped} pieces were there already (--force fetches them again)."
                )
            for collection, counts in report.collections.items():
                self.stdout.write(f"{collection}: {counts_text(counts)}")
            for collection, names in report.unknown_fields.items():
                if names:
                    self.stdout.write(f"{collection}: upstream sends fields this site does not store: {', '.join(sorted(names))}")
            self.write_rejects(report)
            self.stdout.write(
                f"{'Dry run, nothing written: ' if dry_run else ''}{counts_text(report.total)}, "
                f"{plural(report.requests, 'request')}"
            )
        if report.errors:
            for error in report.errors:
                if isinstance(error, NothingMatched):
                    raise CommandError(str(error))
            raise CommandError(f"{len(report.errors)} failed; first: {report.errors[0]}")

    def write_rejects(self, report: Report) -> None:
        """Write why rows were not stored, of the first, and how many there are."""
        for reject in report.rejects:
            key = ", ".join(f"{name} {value}" for name, value in reject["key"].items())
            self.stdout.write(f"{reject['collection']}: not stored: {key}: {reject['reason']}")
        if total := report.total["rejected"]:
            rows = "row from OpenF1 is" if total == 1 else "rows from OpenF1 are"
            self.stdout.write(f"{total} {rows} not stored; see /api/v1/rejects/ or the rejects in the admin.")


def counts_text(counts: Counter) -> str:
    """The counts as a text; those of rare outcomes only when they are not 0."""
    text = f"{counts['created']} created, {counts['updated']} updated, {counts['unchanged']} unchanged"
    return text + "".join(f", {counts[name]} {name}" for name in ("vanished", "pruned", "rejected", "folded") if counts[name])


def split_collections(values: list[str]) -> tuple[list[str], list[str]]:
    """(values of an option, collections): `--season 2024 laps` names a collection after the seasons."""
    collections = [value for value in values if collection_name(value) in registry()]
    return [value for value in values if value not in collections], collections


def chosen_scope(options: dict[str, Any]) -> Scope:
    """What `--season`, `--race` and `--session` name together. Words are looked up within the seasons and weekends named."""
    seasons = [key_of("season", text) for text in options["season"]]
    races, sessions = options["race"], options["session"]
    named = Scope(latest=options["latest"], session_names=tuple(options["session_name"]))
    if not all(map(is_key, sessions)):
        return replace(named, sessions=tuple(session_ids(sessions, races=races, years=seasons)))
    scope = replace(named, sessions=tuple(key_of("session", text) for text in sessions))
    by_name = not all(map(is_key, races))
    return replace(scope, races=tuple(race_ids(races, years=seasons)), seasons=() if by_name else tuple(seasons))
