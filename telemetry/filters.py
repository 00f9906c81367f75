from races.filters import SessionRowFilter
from telemetry.models import Lap, Stint


class LapFilter(SessionRowFilter):
    class Meta:
        model = Lap


class StintFilter(SessionRowFilter):
    class Meta:
        model = Stint
