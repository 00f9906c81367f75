from typing import Any

from api.sync import SyncedAtOnceViewSet, SyncedViewSet
from drivers.filters import (
    ChampionshipDriverFilter,
    ChampionshipTeamFilter,
    DriverFilter,
    EntryFilter,
    SessionResultFilter,
    StartingGridFilter,
)
from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry, SessionResult, StartingGrid
from drivers.serializers import (
    ChampionshipDriverSerializer,
    ChampionshipTeamSerializer,
    DriverSerializer,
    EntrySerializer,
    SessionResultSerializer,
    StartingGridSerializer,
)
from mirror.pipeline import Scope


class DriverViewSet(SyncedAtOnceViewSet):
    queryset = Driver.objects.all()
    serializer_class = DriverSerializer
    filterset_class = DriverFilter
    collection = "drivers"  # OpenF1's rows are entries; people are made of them

    def counts(self, scope: Scope) -> dict[str, int]:
        """Sync the entries, and count the people: by comparing them before and after."""
        before = people()
        self.run(scope)
        after = people()
        known = before.keys() & after.keys()
        in_scope = Entry.objects.exclude(driver=None).filter(**within(scope))
        return {
            "created": len(after.keys() - known),
            "updated": sum(before[person] != after[person] for person in known),
            "total": in_scope.values("driver").distinct().count(),
        }


class EntryViewSet(SyncedViewSet):
    queryset = Entry.objects.all()
    serializer_class = EntrySerializer
    filterset_class = EntryFilter


class SessionResultViewSet(SyncedViewSet):
    queryset = SessionResult.objects.all()
    serializer_class = SessionResultSerializer
    filterset_class = SessionResultFilter


class StartingGridViewSet(SyncedViewSet):
    """Below a race or sprint, `/sessions/9472/starting-grid/`, it is the grid which that started from."""

    queryset = StartingGrid.objects.all()
    serializer_class = StartingGridSerializer
    filterset_class = StartingGridFilter

    def get_queryset(self):
        if self.parent == "session":
            return StartingGrid.objects.below(self.kwargs["session_id"])
        return super().get_queryset()


class ChampionshipDriverViewSet(SyncedViewSet):
    queryset = ChampionshipDriver.objects.all()
    serializer_class = ChampionshipDriverSerializer
    filterset_class = ChampionshipDriverFilter


class ChampionshipTeamViewSet(SyncedViewSet):
    queryset = ChampionshipTeam.objects.all()
    serializer_class = ChampionshipTeamSerializer
    filterset_class = ChampionshipTeamFilter


def people() -> dict[str, tuple]:
    """{driver_id: every field that says something about them}"""
    names = [field.attname for field in Driver._meta.concrete_fields if field.name != "changed_at"]
    return {row[names.index("driver_id")]: row for row in Driver.objects.values_list(*names)}


def within(scope: Scope) -> dict[str, Any]:
    """The entries of a scope."""
    if scope.races:
        return {"session__race__in": scope.races}
    return {"session__year__in": scope.seasons} if scope.seasons else {}
