"""Questions for predictions, and their answers, as JSON."""

from typing import Any, ClassVar

from rest_framework import serializers

from api.fields import ChoiceField
from drivers.filters import DRIVER, SessionWords
from races.models import RACES


class PredictSerializer(SessionWords):
    """Laps of a stored race (`session_id`, `driver_number`, `from_lap`), or a hypothetical one (`circuit_name`, `lap_number`).

    `race`, `year`, `session` and `driver` are the same in words.
    """

    driver = serializers.CharField(required=False, help_text=DRIVER)
    session_id = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, help_text="A race that is stored.")
    driver_number = serializers.IntegerField(required=False, min_value=0, max_value=99, help_text="A car of it.")
    from_lap = serializers.IntegerField(
        required=False, min_value=1, max_value=200, help_text="The first lap to predict: one it has driven, or the next."
    )
    horizon = serializers.IntegerField(required=False, min_value=1, max_value=100, help_text="Number of laps; 1 by default.")
    sectors_done = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2,
        help_text="Sectors of the first lap that are driven when it is asked about; 0 by default, the lap begins.",
    )
    race_laps = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=200,
        help_text="Announced length of the race; of a hypothetical lap that of the circuit's last race by default.",
    )
    circuit_name = serializers.CharField(required=False, max_length=100, help_text="Of a hypothetical lap, such as “Sakhir”.")
    driver_id = serializers.CharField(required=False, max_length=100, help_text="For example “max_verstappen”.")
    tyre_compound = ChoiceField(required=False, choices=("SOFT", "MEDIUM", "HARD", "INTERMEDIATE", "WET"))
    tyre_age = serializers.IntegerField(required=False, min_value=0, max_value=100, help_text="Laps done on the tyres before.")
    stint_number = serializers.IntegerField(required=False, min_value=1, max_value=20)
    lap_number = serializers.IntegerField(required=False, min_value=1, max_value=200)
    air_temperature = serializers.FloatField(
        required=False, min_value=-30, max_value=60, help_text="°C; changes nothing beside the track's."
    )
    track_temperature = serializers.FloatField(
        required=False, min_value=-30, max_value=80, help_text="°C; as in the circuit's last race by default."
    )
    rainfall = serializers.BooleanField(required=False)
    kinds = RACES

    STORED: ClassVar = ("session_id", "driver_number", "from_lap")  # required of a stored race
    HYPOTHETICAL: ClassVar = ("circuit_name", "lap_number")  # required of a hypothetical lap

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        stored = "session_id" in attrs
        required = self.STORED if stored else self.HYPOTHETICAL
        if missing := [name for name in required if name not in attrs]:
            ways = f"{', '.join(self.STORED)} for a stored race, {', '.join(self.HYPOTHETICAL)} for a hypothetical lap"
            raise serializers.ValidationError({name: [f"Required: {ways}."] for name in missing})
        of_stored = {*self.STORED, "horizon", "sectors_done", "race_laps"}
        allowed = of_stored if stored else set(self.fields) - of_stored | {"race_laps"}
        if foreign := [name for name in attrs if name not in allowed]:
            owner = "a hypothetical lap" if stored else "a stored race"
            raise serializers.ValidationError({name: [f"This is a property of {owner}: leave it out."] for name in foreign})
        if attrs.get("lap_number", 0) > attrs.get("race_laps", 200):
            raise serializers.ValidationError({"lap_number": [f"The race has {attrs['race_laps']} laps."]})
        return attrs


class PredictedLapSerializer(serializers.Serializer):
    lap_number = serializers.IntegerField()
    seconds = serializers.FloatField(help_text="Predicted lap time.")
    low = serializers.FloatField(help_text="Lower end of the 80 % interval, in seconds.")
    high = serializers.FloatField(help_text="Upper end of the 80 % interval, in seconds.")
    task = serializers.CharField(help_text="The task whose champion predicted it.")


class ChampionSerializer(serializers.Serializer):
    task = serializers.CharField()
    model = serializers.CharField()
    run = serializers.CharField(help_text="URL of the training.")
    split = serializers.CharField(help_text="How training and test laps were divided.")
    measured = serializers.DictField(
        child=serializers.FloatField(),
        help_text="On test races: `mae` and `baseline_mae` in seconds, `skill`, and the `coverage` of its intervals.",
    )


class PredictionSerializer(serializers.Serializer):
    laps = PredictedLapSerializer(many=True)
    champions = ChampionSerializer(many=True, help_text="The models that made the predictions.")
    warnings = serializers.ListField(child=serializers.CharField(), help_text="Reasons to trust this less than usual.")
