from races.serializers import SessionRowSerializer
from telemetry.models import (
    Interval,
    Lap,
    Overtake,
    Pit,
    Position,
    SampleFile,
    Stint,
    TeamRadio,
    Telemetry,
)


class LapSerializer(SessionRowSerializer):
    class Meta:
        model = Lap
        fields = "__all__"


class StintSerializer(SessionRowSerializer):
    class Meta:
        model = Stint
        fields = "__all__"


class PitSerializer(SessionRowSerializer):
    class Meta:
        model = Pit
        fields = "__all__"


class PositionSerializer(SessionRowSerializer):
    class Meta:
        model = Position
        fields = "__all__"


class IntervalSerializer(SessionRowSerializer):
    class Meta:
        model = Interval
        fields = "__all__"


class OvertakeSerializer(SessionRowSerializer):
    class Meta:
        model = Overtake
        fields = "__all__"


class TeamRadioSerializer(SessionRowSerializer):
    class Meta:
        model = TeamRadio
        fields = "__all__"


class TelemetrySerializer(SessionRowSerializer):
    class Meta:
        model = Telemetry
        fields = "__all__"


class SampleFileSerializer(SessionRowSerializer):
    class Meta:
        model = SampleFile
        fields = "__all__"
