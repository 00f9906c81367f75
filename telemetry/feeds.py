"""OpenF1's laps, stints, pit stops, positions, intervals, overtakes, team radio, and samples of cars and positions."""

from collections import defaultdict

from drivers.feeds import CarFeed
from drivers.models import Entry
from mirror.feeds import Feed, digest, number
from telemetry.models import (
    CarSample,
    Interval,
    Lap,
    LocationSample,
    Overtake,
    Pit,
    Position,
    SampleFile,
    Stint,
    TeamRadio,
    Telemetry,
)
from telemetry.samples import files, ingest


class LapFeed(CarFeed):
    collection = "laps"
    model = Lap
    local = ("pit_in_time", "pit_out_time", "track_status")

    def after_write(self, scope, *, source):
        ingest.summarise_again(scope["session_key"], scope.get("driver_number"))


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


class TelemetryFeed(CarFeed):
    """Figures per lap: not a collection of OpenF1's but computed here, until a person takes a line over."""

    collection = "telemetry"
    model = Telemetry
    computed = True


class SampleFileFeed(CarFeed):
    """Descriptions of files: computed here."""

    collection = "sample_files"
    model = SampleFile
    computed = True


class SampleFeed(Feed):
    """Samples: a file per session and car, fetched car by car since upstream refuses more, and only when asked for."""

    by_default = False
    per_car = True
    key = ("date",)

    @property
    def known(self):
        return {*self.wire.values(), "meeting_key", "session_key", "driver_number"}

    def cars(self, session_id: int) -> list[int]:
        """The numbers to ask for: those of the session's entries."""
        return sorted(Entry.objects.numbers(session_id))

    def discard(self, *, source):
        ingest.discard(SampleFile.objects.filter(collection=self.collection, source=source))

    def files(self):
        return SampleFile.objects.filter(collection=self.collection)

    def read(self, name, columns):
        return files.read(name, columns, use_threads=False)  # small files: threads cost more than they save

    def stored_count(self, scope):
        return ingest.samples_stored(self.collection, scope["session_key"], scope["driver_number"])

    def apply(self, rows, scope, *, source, prune, write):
        car = {"session_id": scope["session_key"], "driver_number": scope["driver_number"]}
        return ingest.store(self, rows, **car, source=source, prune=prune, write=write)


class CarDataFeed(SampleFeed):
    collection = "car_data"
    model = CarSample


class LocationFeed(SampleFeed):
    collection = "location"
    model = LocationSample
