"""Questions about strategy, and their answers, as JSON."""

from typing import ClassVar

from rest_framework import serializers

from api.fields import ChoiceField
from drivers.filters import DRIVER, SessionWords
from ml.strategy.timeline import COMPOUNDS
from races.models import RACES

MAX_KEY, MAX_LAP, MAX_STOPS = 2**31 - 1, 200, 6


class SessionQuery(SessionWords):
    """A race, by its key or in words."""

    session_id = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_KEY,
        help_text="A race or sprint that is stored, or on; or race, year and session.",
    )
    kinds = RACES
    ways: ClassVar = {"session_id": "race, year and session"}


class CarQuery(SessionQuery):
    """A car of a race, by its number or in words."""

    driver = serializers.CharField(required=False, help_text=DRIVER)
    driver_number = serializers.IntegerField(
        required=False, min_value=0, max_value=999, help_text="The car that stops or attacks; or driver."
    )
    ways: ClassVar = SessionQuery.ways | {"driver_number": "driver"}


class RejoinQuery(CarQuery):
    """A stop of a car at the end of a lap."""

    lap = serializers.IntegerField(min_value=2, max_value=MAX_LAP, help_text="The lap at whose end it would come in.")
    tyre_compound = ChoiceField(required=False, choices=COMPOUNDS, help_text="The tyres it would take.")
    safety_car = serializers.BooleanField(required=False, help_text="As if the safety car were deployed at that moment.")


class UndercutQuery(CarQuery):
    """A car that attacks the one directly ahead by stopping at the end of a lap, or by staying out."""

    lap = serializers.IntegerField(
        min_value=2, max_value=MAX_LAP, help_text="The lap at whose end it, or the car ahead, would come in."
    )


class ForecastQuery(SessionQuery):
    """A race from the end of a lap on."""

    lap = serializers.IntegerField(
        min_value=1, max_value=MAX_LAP, help_text="The lap of the leader after which nothing is known."
    )
    actual_stops = serializers.BooleanField(
        required=False, help_text="With the stops that the cars made, which only hindsight knows; by default they are foretold."
    )


class WhatIfQuery(CarQuery):
    """Another strategy of one car, from the end of a lap on."""

    lap = serializers.IntegerField(
        min_value=1, max_value=MAX_LAP, help_text="The lap of the leader after which nothing is known."
    )
    stop_lap = serializers.ListField(
        child=serializers.IntegerField(min_value=2, max_value=MAX_LAP),
        required=False,
        max_length=MAX_STOPS,
        help_text="It stops at the end of this lap, and not otherwise; repeat it for several stops, leave it out for none.",
    )
    tyre_compound = serializers.ListField(
        child=ChoiceField(choices=COMPOUNDS[:3]),
        required=False,
        max_length=MAX_STOPS,
        help_text="The tyres that it takes then: one for each stop_lap, in the same order.",
    )


class PlaceSerializer(serializers.Serializer):
    place = serializers.IntegerField()
    probability = serializers.FloatField()


class NeighbourSerializer(serializers.Serializer):
    driver_number = serializers.IntegerField()
    gap = serializers.FloatField(help_text="Seconds at the end of the out-lap, if nobody else stops.")


class StrategyAnswer(serializers.Serializer):
    """What every answer says of itself."""

    session_id = serializers.IntegerField()
    lap = serializers.IntegerField()
    assumptions = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField(), help_text="Reasons to trust this less than usual.")


class StopsExamSerializer(serializers.Serializer):
    stops = serializers.IntegerField(help_text="Stops of races that the model had not learnt from.")
    exact = serializers.FloatField(help_text="Share of them of which the likely place was right.")
    within_one = serializers.FloatField(help_text="Share of them of which it was at most one place off.")


class RejoinExamSerializer(serializers.Serializer):
    all_stops = StopsExamSerializer(allow_null=True)
    free_track = StopsExamSerializer(allow_null=True, help_text="On a free track, which is known afterwards only.")


class RejoinSerializer(StrategyAnswer):
    driver_number = serializers.IntegerField()
    places = PlaceSerializer(many=True, help_text="The probabilities sum to 1; places below 0.5 % are left out.")
    likely = serializers.IntegerField(help_text="The median of the places: the best single answer.")
    expected = serializers.FloatField(help_text="The mean of the places.")
    set_80 = serializers.ListField(child=serializers.IntegerField(), help_text="The fewest places that have 80 % together.")
    ahead = NeighbourSerializer(allow_null=True, help_text="The car ahead after the out-lap.")
    behind = NeighbourSerializer(allow_null=True, help_text="The car behind after the out-lap.")
    air = serializers.CharField(help_text="Clean air (more than 2 s) or traffic.")
    asked_at = serializers.CharField(help_text="The moment after which nothing is known.")
    track = serializers.CharField(help_text="Free, or the neutralisation.")
    pit_loss = serializers.FloatField(help_text="Seconds that a stop costs on a free track.")
    penalty = serializers.FloatField(help_text="Seconds that pending penalties add.")
    n = serializers.IntegerField(help_text="Finished stops of this race that the pit loss rests on.")
    exam = RejoinExamSerializer(help_text="How often such answers were right.")


class AttemptsSerializer(serializers.Serializer):
    stops = serializers.CharField(help_text="Usual, or which of the two stops was slow.")
    attempts = serializers.IntegerField(help_text="In the races that the model has learnt from.")
    won = serializers.IntegerField()


class BrierSerializer(serializers.Serializer):
    """Of races that the model had not learnt from; lower scores are better."""

    attempts = serializers.FloatField()
    brier = serializers.FloatField(help_text="Brier score of the probability.")
    base_rate_brier = serializers.FloatField(help_text="Brier score of the share that is won.")
    better_low = serializers.FloatField(help_text="The difference of the two, lower end of its 95 % interval over races.")
    better_high = serializers.FloatField(help_text="Upper end.")


class OddsSerializer(serializers.Serializer):
    probability = serializers.FloatField(help_text="That the place is gained.")
    base_rate = serializers.FloatField(help_text="The share of recorded attempts that were won.")
    recorded = AttemptsSerializer(many=True)
    better_than_base_rate = serializers.BooleanField(allow_null=True, help_text="By the exam; null where nothing was measured.")
    exam = BrierSerializer(allow_null=True)
    asked_at = serializers.CharField(help_text="The moment after which nothing is known.")


class RivalSerializer(serializers.Serializer):
    driver_number = serializers.IntegerField()
    gap = serializers.FloatField(help_text="Seconds at the line when the lap began.")


class UndercutSerializer(StrategyAnswer):
    driver_number = serializers.IntegerField()
    rival = RivalSerializer(allow_null=True, help_text="The car directly ahead.")
    undercut = OddsSerializer(allow_null=True, help_text="By stopping first; null where it is no attempt.")
    overcut = OddsSerializer(allow_null=True, help_text="By staying out while the rival stops; null where it is no attempt.")


class FinishSerializer(serializers.Serializer):
    driver_number = serializers.IntegerField()
    likely = serializers.IntegerField(help_text="The median place.")
    expected = serializers.FloatField(help_text="The mean place.")
    low = serializers.IntegerField(help_text="First place of the shortest range with 80 %.")
    high = serializers.IntegerField(help_text="Last place of that range.")
    win = serializers.FloatField(help_text="Probability.")
    podium = serializers.FloatField(help_text="Probability.")
    places = PlaceSerializer(many=True)


class ForecastCarSerializer(FinishSerializer):
    order_stays = serializers.IntegerField(help_text="The place at the car's last crossing of the line.")


class ComparisonSerializer(serializers.Serializer):
    """Forecasts of the exam beside "the order stays": mean distances from the finish in places."""

    races = serializers.IntegerField()
    error = serializers.FloatField()
    order_stays_error = serializers.FloatField()
    better_low = serializers.FloatField(help_text="The difference, lower end of its 95 % interval over races.")
    better_high = serializers.FloatField(help_text="Upper end.")
    covered = serializers.FloatField(help_text="Share of finishes within the range of 80 %.")


class ForecastExamSerializer(serializers.Serializer):
    share = serializers.FloatField(help_text="The share of the race that these forecasts were made from.")
    everywhere = ComparisonSerializer(help_text="At all circuits of the exam.")
    here = ComparisonSerializer(allow_null=True, help_text="At this circuit; null where the exam had none of its races.")


class ForecastSerializer(StrategyAnswer):
    race_laps = serializers.IntegerField()
    cars = ForecastCarSerializer(many=True, help_text="The cars that are running, the best first.")
    races = serializers.IntegerField(help_text="How many races were simulated.")
    exam = ForecastExamSerializer(allow_null=True, help_text="How good such forecasts were.")


class WindowSerializer(serializers.Serializer):
    stop_lap = serializers.IntegerField()
    expected = serializers.FloatField(help_text="The mean place.")
    error = serializers.FloatField(help_text="Its standard error: fewer races are simulated for each lap of the window.")
    low = serializers.IntegerField(help_text="The place that is bettered in 10 % of the races.")
    high = serializers.IntegerField(help_text="The place that is reached or bettered in 90 % of them.")


class StopSerializer(serializers.Serializer):
    stop_lap = serializers.IntegerField()
    tyre_compound = serializers.CharField(allow_null=True)


class LapRangeSerializer(serializers.Serializer):
    first_lap = serializers.IntegerField()
    last_lap = serializers.IntegerField()


class WhatIfSerializer(StrategyAnswer):
    driver_number = serializers.IntegerField()
    stops = StopSerializer(many=True, help_text="The stops that are asked about.")
    stops_made = StopSerializer(many=True, help_text="Those that the car made after that lap.")
    as_driven = FinishSerializer(help_text="With the stops that the car made.")
    changed = FinishSerializer(help_text="With the stops that are asked about.")
    window = WindowSerializer(many=True, help_text="The same for each lap that the first of the stops could be on.")
    best_window = LapRangeSerializer(
        allow_null=True, help_text="The laps of the window whose mean place cannot be told from the best one's."
    )
    exam = ForecastExamSerializer(allow_null=True, help_text="How good forecasts with the stops that were made are.")
