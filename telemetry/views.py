from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.sync import SyncedViewSet
from api.viewsets import EntityViewSet, ReadOnlyViewSet
from races.views import SessionRows
from telemetry.models import (
    FastF1Comparison,
    Interval,
    Lap,
    Overtake,
    Pit,
    Position,
    SampleFile,
    SessionQuality,
    Stint,
    TeamRadio,
    Telemetry,
)
from telemetry.samples.serializers import TraceSerializer
from telemetry.samples.trace import lap_trace
from telemetry.serializers import FastF1ComparisonSerializer, SessionQualitySerializer


class LapViewSet(SessionRows, SyncedViewSet):
    queryset = Lap.objects.all()
    search_fields = ("driver__full_name",)

    @extend_schema(summary="Show the samples of one lap", responses=TraceSerializer)
    @action(detail=True, url_path="telemetry", filterset_class=None)
    def telemetry(self, request: Request, lap_id: str) -> Response:
        """The car's samples of a lap in order, with the distance along the lap and the nearest position."""
        return Response(lap_trace(self.get_object()))


class StintViewSet(SessionRows, SyncedViewSet):
    queryset = Stint.objects.all()
    search_fields = ("driver__full_name",)


class PitViewSet(SessionRows, SyncedViewSet):
    queryset = Pit.objects.all()
    search_fields = ("driver__full_name",)


class PositionViewSet(SessionRows, SyncedViewSet):
    queryset = Position.objects.all()
    search_fields = ("driver__full_name",)


class IntervalViewSet(SessionRows, SyncedViewSet):
    queryset = Interval.objects.all()
    search_fields = ("driver__full_name",)


class OvertakeViewSet(SessionRows, SyncedViewSet):
    queryset = Overtake.objects.all()
    search_fields = ("overtaking_driver__full_name", "overtaken_driver__full_name")


class TeamRadioViewSet(SessionRows, SyncedViewSet):
    queryset = TeamRadio.objects.all()
    search_fields = ("driver__full_name",)


class TelemetryViewSet(SessionRows, EntityViewSet):
    queryset = Telemetry.objects.all()
    search_fields = ("driver__full_name",)


class SampleFileViewSet(SessionRows, ReadOnlyViewSet):
    queryset = SampleFile.objects.all()
    search_fields = ("driver__full_name",)


class SessionQualityViewSet(SessionRows, ReadOnlyViewSet):
    queryset = SessionQuality.objects.all()
    serializer_class = SessionQualitySerializer
    dated_by = "checked_at"
    search_fields = ("session__session_name", "session__location")


class FastF1ComparisonViewSet(SessionRows, ReadOnlyViewSet):
    queryset = FastF1Comparison.objects.all()
    serializer_class = FastF1ComparisonSerializer
    dated_by = "compared_at"
    search_fields = ("session__session_name", "session__location")
