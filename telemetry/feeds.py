"""OpenF1's laps, stints, pit stops, positions, intervals, overtakes and team radio."""

from collections import defaultdict

from drivers.feeds import CarFeed
from f1site.openf1.feeds import digest, number
from telemetry.models import Interval, Lap, Overtake, Pit, Position, Stint, TeamRadio


class LapFeed(CarFeed):
    collection = "laps"
    model = Lap
    local = ("pit_in_time", "pit_out_time", "track_status")


class StintFeed(CarFeed):
    collection = "stints"
    model = Stint
    rename = {"tyre_compound": "compound"}


class PitFeed(CarFeed):
    """A visit is known by its moment: upstream sends several of one car and lap, and adds lap numbers and durations later."""

    collection = "pit"
    model = Pit
    derived = ("digest",)

    def derive(self, rows):
        for row in rows:
            row.digest = digest(row.date or row.lap_number)


class PositionFeed(CarFeed):
    collection = "position"
    model = Position


class IntervalFeed(CarFeed):
    """Different measurements of one car and moment are numbered in the order they are sent, and all kept."""

    collection = "intervals"
    model = Interval
    derived = ("gap_to_leader_seconds", "interval_seconds", "repeat")

    def derive(self, rows):
        seen: dict[tuple, list] = defaultdict(list)
        for row in rows:
            row.gap_to_leader_seconds = number(row.gap_to_leader)
            row.interval_seconds = number(row.interval)
            measured = (row.gap_to_leader, row.interval)
            same = seen[row.session_id, row.driver_number, row.date]
            if measured not in same:
                same.append(measured)
            row.repeat = same.index(measured)


class OvertakeFeed(CarFeed):
    collection = "overtakes"
    model = Overtake
    local = ("overtaking_driver", "overtaken_driver")


class TeamRadioFeed(CarFeed):
    """A recording is its address: moments can be missing."""

    collection = "team_radio"
    model = TeamRadio
