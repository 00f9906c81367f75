from typing import Any

from django.db.models import QuerySet

from api import provenance
from api.sync import SyncedAtOnceViewSet, SyncedViewSet
from drivers.filters import CarRowFilter, CorrectionFilter, DriverFilter, RejectFilter, SyncRunFilter
from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry, SessionResult, StartingGrid
from drivers.serializers import DriverSerializer, EntrySerializer
from mirror.planning import Scope
from races.models import RaceControl
from races.views import SessionRows


class CarRows(SessionRows):
    """For viewsets of rows about a car in a session: they also filter by what people call its driver."""

    filterset_base = CarRowFilter


class DriverViewSet(SyncedAtOnceViewSet):
    queryset = Driver.objects.all()
    serializer_class = DriverSerializer
    filterset_class = DriverFilter
    collection = "drivers"  # OpenF1's rows are entries; drivers are derived from them

    def sync_and_count(self, scope: Scope) -> dict[str, int]:
        """Sync the entries, and count the drivers that differ before and after."""
        before = driver_fields()
        self.run_sync(scope)
        after = driver_fields()
        common = before.keys() & after.keys()
        in_scope = Entry.objects.exclude(driver=None).filter(**entry_conditions(scope))
        return {
            "created": len(after.keys() - common),
            "updated": sum(before[driver_id] != after[driver_id] for driver_id in common),
            "total": in_scope.values("driver").distinct().count(),
        }


class EntryViewSet(CarRows, SyncedViewSet):
    queryset = Entry.objects.all()
    serializer_class = EntrySerializer


class SessionResultViewSet(CarRows, SyncedViewSet):
    queryset = SessionResult.objects.all()


class StartingGridViewSet(CarRows, SyncedViewSet):
    """Below a race or sprint (`/sessions/9472/starting-grid/`) the list is the grid from which that session started."""

    queryset = StartingGrid.objects.all()

    def get_queryset(self) -> QuerySet[StartingGrid]:
        if self.parent == "session":
            return StartingGrid.objects.below(self.kwargs["session_id"])
        return super().get_queryset()


class ChampionshipDriverViewSet(CarRows, SyncedViewSet):
    queryset = ChampionshipDriver.objects.all()


class ChampionshipTeamViewSet(SessionRows, SyncedViewSet):
    queryset = ChampionshipTeam.objects.all()


def driver_fields() -> dict[str, tuple]:
    """{driver_id: the values of all fields but the time of the last change}."""
    names = [field.attname for field in Driver._meta.concrete_fields if field.name != "changed_at"]
    return {row[names.index("driver_id")]: row for row in Driver.objects.values_list(*names)}


def entry_conditions(scope: Scope) -> dict[str, Any]:
    """Conditions, as keyword arguments of `filter`, on the entries that a scope covers."""
    if scope.races:
        return {"session__race__in": scope.races}
    return {"session__year__in": scope.seasons} if scope.seasons else {}


class RaceControlViewSet(CarRows, SyncedViewSet):
    """Messages name cars, so their list understands what people call drivers."""

    queryset = RaceControl.objects.all()


class CorrectionViewSet(provenance.CorrectionViewSet):
    filterset_class = CorrectionFilter


class RejectViewSet(provenance.RejectViewSet):
    filterset_class = RejectFilter


class SyncRunViewSet(provenance.SyncRunViewSet):
    filterset_class = SyncRunFilter
