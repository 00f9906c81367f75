"""OpenF1's laps and stints."""

from drivers.feeds import CarFeed
from telemetry.models import Lap, Stint


class LapFeed(CarFeed):
    collection = "laps"
    model = Lap
    local = ("pit_in_time", "pit_out_time", "track_status")


class StintFeed(CarFeed):
    collection = "stints"
    model = Stint
    rename = {"tyre_compound": "compound"}
