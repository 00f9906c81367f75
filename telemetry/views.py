from f1site.api.sync import SyncedViewSet
from telemetry.filters import LapFilter, StintFilter
from telemetry.models import Lap, Stint
from telemetry.serializers import LapSerializer, StintSerializer


class LapViewSet(SyncedViewSet):
    queryset = Lap.objects.all()
    serializer_class = LapSerializer
    filterset_class = LapFilter
    search_fields = ("driver__full_name",)


class StintViewSet(SyncedViewSet):
    queryset = Stint.objects.all()
    serializer_class = StintSerializer
    filterset_class = StintFilter
    search_fields = ("driver__full_name",)
