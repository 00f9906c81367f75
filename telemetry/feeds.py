"""OpenF1's laps, stints, pit stops, positions, intervals, overtakes, team radio, and samples of cars and positions."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET

from drivers.feeds import (
    CarFeed,
    ChampionshipDriverFeed,
    ChampionshipTeamFeed,
    DriverFeed,
    SessionResultFeed,
    StartingGridFeed,
)
from mirror.feeds import Feed
from mirror.grading import Gap, Grader
from mirror.values import digest, extract_number
from races.feeds import RaceControlFeed, WeatherFeed
from races.neutralisations import TimedLap, update_neutralisations
from telemetry.deleted_laps import update_deleted_laps
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
from telemetry.quality import lacking
from telemetry.samples import ingest
from telemetry.samples.storage import SampleStorage

PITS_SINCE = datetime(2023, 6, 2, tzinfo=UTC)  # Spain 2023


@RaceControlFeed.update_with
def update_after_messages(session_id: int) -> None:
    """Update what laps and the messages of race control say together: ends of neutralisations, deleted laps."""
    timed = Lap.objects.filter(session_id=session_id, date_start__isnull=False, lap_duration__isnull=False, is_pit_out_lap=False)
    laps = timed.order_by().values_list(*TimedLap._fields)  # a query, which runs only if there are windows
    update_neutralisations(session_id, laps=laps)
    update_deleted_laps(session_id)


class LapFeed(CarFeed):
    collection = "laps"
    model = Lap
    local = ("pit_in_time", "pit_out_time", "track_status", "deleted", "deletion_reason")
    grader = Grader(lacking=lacking.lacking_laps)

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        ingest.summarise_session(scope["session_key"], scope.get("driver_number"))
        update_after_messages(scope["session_key"])


class StintFeed(CarFeed):
    collection = "stints"
    model = Stint
    rename = {"tyre_compound": "compound"}
    grader = Grader(lacking=lacking.lacking_stints)


class PitFeed(CarFeed):
    """A visit is known by its moment: upstream sends several of one car and lap, and adds lap numbers and durations later.

    One without a moment is the only other visit of its car and lap, if there is one.
    """

    collection = "pit"
    model = Pit
    derived = ("digest",)
    together = ("session_id", "driver_number")
    grader = Grader(
        lacking=lacking.lacking_pits,
        none_expected=lacking.no_car_stopped,
        gaps=(
            Gap(
                lambda session: bool(session.date_start and session.date_start < PITS_SINCE),
                "pit rows begin with Spain 2023",
                "quirks, pit",
                "pit-since",
            ),
        ),
    )

    def derive(self, rows: Iterable[Any]) -> None:
        rows = list(rows)
        moments: dict[tuple, set[datetime]] = defaultdict(set)
        for row in rows:
            if row.date and row.lap_number:
                moments[row.session_id, row.driver_number, row.lap_number].add(row.date)
        for row in rows:
            dated = moments.get((row.session_id, row.driver_number, row.lap_number), ())
            row.digest = digest(row.date or (next(iter(dated)) if len(dated) == 1 else row.lap_number))


class PositionFeed(CarFeed):
    collection = "position"
    model = Position
    grader = Grader(lacking=lacking.lacking_cars("position"))


class IntervalFeed(CarFeed):
    """Different measurements of one car and moment are numbered in the order they are sent, and all kept; those that differ in
    nulls only are one.
    """

    collection = "intervals"
    model = Interval
    derived = ("gap_to_leader_seconds", "interval_seconds", "repeat")
    together = ("session_id", "date", "driver_number")
    grader = Grader(
        lacking=lacking.lacking_cars("intervals"),
        gaps=(Gap(lambda session: not session.is_race, "intervals are of races and sprints only", "contract 3, intervals"),),
    )

    def derive(self, rows: Iterable[Any]) -> None:
        seen: dict[tuple, list] = defaultdict(list)
        for row in rows:
            row.gap_to_leader_seconds = extract_number(row.gap_to_leader)
            row.interval_seconds = extract_number(row.interval)
            measured = [row.gap_to_leader, row.interval]
            same = seen[row.session_id, row.driver_number, row.date]
            row.repeat = next((number for number, other in enumerate(same) if agree(measured, other)), len(same))
            if row.repeat == len(same):
                same.append(measured)
            else:
                same[row.repeat] = [
                    old if new in (None, UNSET) else new for old, new in zip(same[row.repeat], measured, strict=True)
                ]


def agree(values: list, others: list) -> bool:
    """Whether values are equal where neither is null."""
    pairs = zip(values, others, strict=True)
    return all(value == other or value in (None, UNSET) or other in (None, UNSET) for value, other in pairs)


class OvertakeFeed(CarFeed):
    collection = "overtakes"
    model = Overtake
    local = ("overtaking_driver", "overtaken_driver")
    grader = Grader(  # incomplete by nature: the rows that upstream has are all there are
        gaps=(Gap(lambda session: not session.is_race, "overtakes are of races and sprints only", "contract 3, overtakes"),)
    )


class TeamRadioFeed(CarFeed):
    """A recording is its address: moments can be missing."""

    collection = "team_radio"
    model = TeamRadio
    grader = Grader(
        gaps=(
            Gap(lambda session: session.is_test, "no radio of tests", "recorded: none of six test days"),
            Gap(lambda session: session.year >= 2026, "hardly any radio since 2026", "contract 3, team_radio"),
        )
    )


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
    """Samples: a file per session and car, requested car by car since upstream refuses more, and only when named."""

    storage_class = SampleStorage
    by_default = False
    key = ("date",)

    @property
    def openf1_fields(self) -> set[str]:
        return {*self.wire.values(), "meeting_key", "session_key", "driver_number"}


class CarDataFeed(SampleFeed):
    collection = "car_data"
    model = CarSample
    grader = Grader(lacking=lacking.lacking_samples("car_data"))


class LocationFeed(SampleFeed):
    collection = "location"
    model = LocationSample
    grader = Grader(lacking=lacking.lacking_samples("location"))


# Collections of the apps below, graded by what laps and stints say of a session.
STANDINGS_GAP = Gap(
    lambda session: not session.is_race, "standings are of races and sprints only", "contract 3, championship_drivers"
)
WeatherFeed.grade_by(Grader(lacking=lacking.lacking_weather))
RaceControlFeed.grade_by(Grader(lacking=lacking.lacking_messages))
DriverFeed.grade_by(Grader(lacking=lacking.lacking_entries))
SessionResultFeed.grade_by(
    Grader(
        lacking=lacking.lacking_results,
        gaps=(Gap(lambda session: session.is_test, "no result of most tests", "recorded: of three of six test days"),),
    )
)
StartingGridFeed.grade_by(
    Grader(
        lacking=lacking.lacking_grid,
        gaps=(
            Gap(
                lambda session: not session.is_qualifying,
                "the grid belongs to the qualifying that decides it",
                "contract 3, starting_grid",
                "grid-of-qualifying",
            ),
        ),
    )
)
ChampionshipDriverFeed.grade_by(Grader(lacking=lacking.lacking_driver_standings, gaps=(STANDINGS_GAP,)))
ChampionshipTeamFeed.grade_by(Grader(lacking=lacking.lacking_team_standings, gaps=(STANDINGS_GAP,)))
