"""Syncs over HTTP: call the same function as the command for one collection, and answer with the counts."""

from collections import Counter
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api import history
from api.viewsets import EntityViewSet
from jobs.unknown import refuse_unknown
from mirror.client import from_settings
from mirror.errors import NothingMatched
from mirror.feeds import registry
from mirror.models import SyncRun
from mirror.pipeline import sync
from mirror.planning import FIRST_SEASON, Scope
from mirror.reporting import Report


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
        client = from_settings(attempts=self.attempts)
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
