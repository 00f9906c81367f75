from drivers.serializers import CarSerializer
from telemetry.models import Lap, Stint


class LapSerializer(CarSerializer):
    class Meta:
        model = Lap
        fields = "__all__"


class StintSerializer(CarSerializer):
    class Meta:
        model = Stint
        fields = "__all__"
