"""Syncs over HTTP: call the same function as the command for one collection, and answer with the counts.

A request does not wait for OpenF1's pace, or for another sync, longer than `PATIENCE`: what would is left to a worker.
"""

import math
import time
from collections import Counter
from typing import Any

from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api import admission, history
from api.viewsets import EntityViewSet
from jobs import queue
from jobs.unknown import refuse_unknown
from mirror.client import from_settings
from mirror.errors import NothingMatched
from mirror.feeds import registry
from mirror.models import SyncRun
from mirror.pipeline import sync
from mirror.planning import FIRST_SEASON, Scope
from mirror.reporting import Report

PATIENCE = 5  # seconds that a request waits in all


class TakesLonger(Exception):
    """A sync would have to wait; (scope, seconds)."""


class Postponed(APIException):
    """A sync that a request cannot wait for, while there is no worker to do it."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE

    def __init__(self, seconds: float) -> None:
        self.wait = math.ceil(seconds)  # which REST framework puts into Retry-After
        super().__init__(
            f"OpenF1's pace, or another sync, would keep this waiting for {self.wait} seconds, and there is no worker to do it "
            "in the background; try again then, start one, or use sync_openf1."
        )


class Waiting:
    """The time that a sync may sleep."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.left = scope, float(PATIENCE)

    def sleep(self, seconds: float) -> None:
        if seconds > self.left:
            raise TakesLonger(self.scope, seconds)
        self.left -= seconds
        time.sleep(seconds)


class SyncScope(serializers.Serializer):
    """The season or race to sync; without either, every season."""

    season = serializers.IntegerField(required=False, min_value=FIRST_SEASON, max_value=2100, help_text="A season, e.g. 2024.")
    race_id = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1, help_text="A race weekend.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_unknown(self.initial_data, self.fields)
        if len(attrs) > 1:
            raise serializers.ValidationError({"race_id": ["Give a season or a race, not both."]})
        return attrs

    def scope(self) -> Scope:
        season, race_id = (self.validated_data.get(name) for name in ("season", "race_id"))
        return Scope(seasons=(season,) if season else (), races=(race_id,) if race_id else ())


class SyncCounts(serializers.Serializer):
    """The counts of a sync."""

    created = serializers.IntegerField(min_value=0, help_text="Rows that were new.")
    updated = serializers.IntegerField(min_value=0, help_text="Rows that upstream had changed.")
    total = serializers.IntegerField(min_value=0, help_text="Rows that upstream sent: created, updated and unchanged.")


class SyncMixin(EntityViewSet):
    """Syncs an entity's collection. Gives up after few attempts, because the client waits for the answer."""

    attempts = 3

    @property
    def collection(self) -> str:
        return next(feed.collection for feed in registry().values() if feed.model is self.model)

    def run_sync(self, scope: Scope) -> Report:
        """Sync and return the report; raises the sync's first error, and NotFound for a race that does not exist at OpenF1."""
        waiting = Waiting(scope)
        client = from_settings(attempts=self.attempts, sleep=waiting.sleep)
        client.pace.sleep = waiting.sleep
        with admission.turn(admission.SYNCS, self.request):
            report = sync(client=client, scope=scope, collections=[self.collection], force=True)
        if report.run_id:
            history.log_addition(self.request.user, SyncRun.objects.get(pk=report.run_id))
        for error in report.errors:
            if not isinstance(error, NothingMatched):
                raise error
        for race_id in scope.races:
            if not registry()["meetings"].model._default_manager.filter(pk=race_id).exists():
                raise NotFound(f"There is no race '{race_id}', here or at OpenF1.")
        if report.errors:
            raise report.errors[0]
        return report

    def handle_exception(self, exc: Exception) -> Response:
        return self.postpone(*exc.args) if isinstance(exc, TakesLonger) else super().handle_exception(exc)

    def postpone(self, scope: Scope, seconds: float) -> Response:
        """Leave a sync to a worker: 202 with the job; 503 where there is none."""
        from api.jobs.serializers import JobSerializer  # which reads the kinds of jobs that apps have registered

        if not queue.has_worker():
            return super().handle_exception(Postponed(seconds))
        parameters = {"seasons": [*scope.seasons], "races": [*scope.races], "collections": [self.collection], "force": True}
        job = queue.add("sync", {name: value for name, value in parameters.items() if value}, owner=self.request.user)
        answer = JobSerializer(context=self.get_serializer_context()).to_representation(job)
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": answer["url"]})

    def sync_and_count(self, scope: Scope) -> dict[str, int]:
        """Sync and return the values of `SyncCounts`."""
        return summarise_counts(self.run_sync(scope).collections[self.collection])


class SyncedViewSet(SyncMixin):
    """An entity that is synced by race weekend: `POST /laps/{race_id}/` and `POST /laps/sync/{race_id}/`."""

    def sync_race(self, request: Request, **kwargs: Any) -> Response:
        """Bring in one race weekend's rows from OpenF1; the number in the URL is the race's."""
        [race_id] = kwargs.values()
        return Response(self.sync_and_count(Scope(races=(int(race_id),))))


class SyncedAtOnceViewSet(SyncMixin):
    """An entity that is synced for all seasons, one season or one race weekend: `POST /drivers/sync/`."""

    def sync_all(self, request: Request, **kwargs: Any) -> Response:
        """Bring in the rows of every season from OpenF1, or of one season or race."""
        if not isinstance(request.data, dict):
            raise serializers.ValidationError({"detail": "The body is no object with a season or a race_id."})
        scope_serializer = SyncScope(data={**request.query_params.dict(), **request.data})
        scope_serializer.is_valid(raise_exception=True)
        return Response(self.sync_and_count(scope_serializer.scope()))


def summarise_counts(counts: Counter) -> dict[str, int]:
    """The values of `SyncCounts` from the counts of a report."""
    total = counts["created"] + counts["updated"] + counts["unchanged"]
    return {"created": counts["created"], "updated": counts["updated"], "total": total}
