from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.response import Response

from api.sync import SyncedViewSet
from api.viewsets import EntityViewSet, ReadOnlyViewSet
from telemetry.filters import (
    FastF1ComparisonFilter,
    IntervalFilter,
    LapFilter,
    OvertakeFilter,
    PitFilter,
    PositionFilter,
    SampleFileFilter,
    SessionQualityFilter,
    StintFilter,
    TeamRadioFilter,
    TelemetryFilter,
)
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
from telemetry.serializers import (
    FastF1ComparisonSerializer,
    IntervalSerializer,
    LapSerializer,
    OvertakeSerializer,
    PitSerializer,
    PositionSerializer,
    SampleFileSerializer,
    SessionQualitySerializer,
    StintSerializer,
    TeamRadioSerializer,
    TelemetrySerializer,
)


class LapViewSet(SyncedViewSet):
    queryset = Lap.objects.all()
    serializer_class = LapSerializer
    filterset_class = LapFilter
    search_fields = ("driver__full_name",)

    @extend_schema(summary="Show the samples of one lap", responses=TraceSerializer)
    @action(detail=True, url_path="telemetry", filterset_class=None)
    def telemetry(self, request, lap_id):
        """The car's samples of a lap in order, with the distance along the lap and the nearest position."""
        return Response(lap_trace(self.get_object()))


class StintViewSet(SyncedViewSet):
    queryset = Stint.objects.all()
    serializer_class = StintSerializer
    filterset_class = StintFilter
    search_fields = ("driver__full_name",)


class PitViewSet(SyncedViewSet):
    queryset = Pit.objects.all()
    serializer_class = PitSerializer
    filterset_class = PitFilter
    search_fields = ("driver__full_name",)


class PositionViewSet(SyncedViewSet):
    queryset = Position.objects.all()
    serializer_class = PositionSerializer
    filterset_class = PositionFilter
    search_fields = ("driver__full_name",)


class IntervalViewSet(SyncedViewSet):
    queryset = Interval.objects.all()
    serializer_class = IntervalSerializer
    filterset_class = IntervalFilter
    search_fields = ("driver__full_name",)


class OvertakeViewSet(SyncedViewSet):
    queryset = Overtake.objects.all()
    serializer_class = OvertakeSerializer
    filterset_class = OvertakeFilter
    search_fields = ("overtaking_driver__full_name", "overtaken_driver__full_name")


class TeamRadioViewSet(SyncedViewSet):
    queryset = TeamRadio.objects.all()
    serializer_class = TeamRadioSerializer
    filterset_class = TeamRadioFilter
    search_fields = ("driver__full_name",)


class TelemetryViewSet(EntityViewSet):
    queryset = Telemetry.objects.all()
    serializer_class = TelemetrySerializer
    filterset_class = TelemetryFilter
    search_fields = ("driver__full_name",)


class SampleFileViewSet(ReadOnlyViewSet):
    queryset = SampleFile.objects.all()
    serializer_class = SampleFileSerializer
    filterset_class = SampleFileFilter
    search_fields = ("driver__full_name",)


class SessionQualityViewSet(ReadOnlyViewSet):
    queryset = SessionQuality.objects.all()
    serializer_class = SessionQualitySerializer
    filterset_class = SessionQualityFilter
    dated_by = "checked_at"
    search_fields = ("session__session_name", "session__location")


class FastF1ComparisonViewSet(ReadOnlyViewSet):
    queryset = FastF1Comparison.objects.all()
    serializer_class = FastF1ComparisonSerializer
    filterset_class = FastF1ComparisonFilter
    dated_by = "compared_at"
    search_fields = ("session__session_name", "session__location")
