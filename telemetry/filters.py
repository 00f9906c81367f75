from races.filters import SessionRowFilter
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


class LapFilter(SessionRowFilter):
    class Meta:
        model = Lap


class StintFilter(SessionRowFilter):
    class Meta:
        model = Stint


class PitFilter(SessionRowFilter):
    class Meta:
        model = Pit


class PositionFilter(SessionRowFilter):
    class Meta:
        model = Position


class IntervalFilter(SessionRowFilter):
    class Meta:
        model = Interval


class OvertakeFilter(SessionRowFilter):
    class Meta:
        model = Overtake


class TeamRadioFilter(SessionRowFilter):
    class Meta:
        model = TeamRadio


class TelemetryFilter(SessionRowFilter):
    class Meta:
        model = Telemetry


class SampleFileFilter(SessionRowFilter):
    class Meta:
        model = SampleFile


class SessionQualityFilter(SessionRowFilter):
    class Meta:
        model = SessionQuality


class FastF1ComparisonFilter(SessionRowFilter):
    class Meta:
        model = FastF1Comparison
