"""Syncs over HTTP: the same function as the command, for one collection, with the counts as the answer."""

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
from mirror.feeds import registry
from mirror.models import SyncRun
from mirror.pipeline import sync
from mirror.planning import FIRST_SEASON, Scope
from mirror.reporting import Report


class SyncScope(serializers.Serializer):
    """What to sync; nothing given means every season."""

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
    """What a sync did to the rows that upstream sent."""

    created = serializers.IntegerField(min_value=0, help_text="Rows that were new.")
    updated = serializers.IntegerField(min_value=0, help_text="Rows that upstream had changed.")
    total = serializers.IntegerField(min_value=0, help_text="Rows that upstream sent: created, updated and unchanged.")


class SyncMixin(EntityViewSet):
    """Asks OpenF1 for the rows of an entity; a person waits for the answer, so an outage is reported after a few attempts."""

    attempts = 3

    @property
    def collection(self) -> str:
        return next(feed.collection for feed in registry().values() if feed.model is self.model)

    def run(self, scope: Scope) -> Report:
        """Sync; raises what kept upstream's rows from coming, and 404 for a race that upstream does not know either."""
        client = from_settings(attempts=self.attempts)
        report = sync(client=client, scope=scope, collections=[self.collection], force=True)
        if report.run_id:
            history.added(self.request.user, SyncRun.objects.get(pk=report.run_id))
        if report.errors:
            raise report.errors[0]
        for race_id in scope.races:
            if not registry()["meetings"].model._default_manager.filter(pk=race_id).exists():
                raise NotFound(f"There is no race '{race_id}', here or at OpenF1.")
        return report

    def counts(self, scope: Scope) -> dict[str, int]:
        """Sync, and what came of it."""
        return told(self.run(scope).collections[self.collection])


class SyncedViewSet(SyncMixin):
    """An entity that is synced race by race: `POST /laps/{race_id}/` and `POST /laps/sync/{race_id}/`."""

    def sync_race(self, request: Request, **kwargs: Any) -> Response:
        """Bring in one race weekend's rows from OpenF1; the number in the URL is the race's."""
        [race_id] = kwargs.values()
        return Response(self.counts(Scope(races=(int(race_id),))))


class SyncedAtOnceViewSet(SyncMixin):
    """An entity that is synced as a whole, by season or by race: `POST /drivers/sync/`."""

    def sync_all(self, request: Request, **kwargs: Any) -> Response:
        """Bring in the rows of every season from OpenF1, or of one season or race."""
        if not isinstance(request.data, dict):
            raise serializers.ValidationError({"detail": "The body is no object with a season or a race_id."})
        asked = SyncScope(data={**request.query_params.dict(), **request.data})
        asked.is_valid(raise_exception=True)
        return Response(self.counts(asked.scope()))


def told(counts: Counter) -> dict[str, int]:
    total = counts["created"] + counts["updated"] + counts["unchanged"]
    return {"created": counts["created"], "updated": counts["updated"], "total": total}
