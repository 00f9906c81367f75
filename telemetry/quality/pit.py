"""Faults of pit rows, and of pit rows against laps and stints."""

from collections import defaultdict
from collections.abc import Iterator

from jobs.wording import plural
from telemetry.pit_visits import Kind, VisitClassifier
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, check, join_words, keys
from telemetry.quality.rows import PitRow
from telemetry.quality.session_rows import SessionRows

LONGEST_STOP = 300.0  # seconds in the pit lane: beyond, the car was in the garage or waited for a restart
ROUNDING = 0.01  # seconds: upstream's two names of one duration agree to the digit


def of_pit(pit: PitRow, message: str) -> Finding:
    return Finding(message=message, driver_number=pit.driver_number, lap_number=pit.lap_number, rows={"pit": [pit.pk]})


@check(WARNING, "pit-twice")
def pit_twice_on_a_lap(rows: SessionRows) -> Iterator[Finding]:
    """Several pit rows of one car and lap: two visits, or two versions of one (9223). Counting rows counts stops twice."""
    same: dict[tuple, list[PitRow]] = defaultdict(list)
    for pit in rows.pits:
        if pit.lap_number is not None:
            same[pit.driver_number, pit.lap_number].append(pit)
    for (car, lap), pits in same.items():
        if len(pits) > 1:
            yield Finding(
                message=f"Car {car} has {len(pits)} pit rows on lap {lap}.",
                driver_number=car,
                lap_number=lap,
                rows={"pit": keys(pits)},
            )


@check(NOTE, "no-pit-duration")
def pit_duration_missing(rows: SessionRows) -> Iterator[Finding]:
    """Pit rows without a duration, mostly the first way out of the garage."""
    unknown = [pit for pit in rows.pits if pit.seconds is None]
    if unknown:
        first = sum(pit.lap_number == 1 for pit in unknown)
        yield Finding(
            message=f"No duration on {len(unknown)} of {plural(len(rows.pits), 'pit row')}, {first} of them on lap 1.",
            rows={"pit": keys(unknown)},
        )


@check(NOTE, "garage-time")
def pit_over_300_seconds(rows: SessionRows) -> Iterator[Finding]:
    """Pit rows over 300 s: time in the garage or a red flag, which no mean of stops should hold."""
    long = [pit for pit in rows.pits if pit.seconds is not None and pit.seconds > LONGEST_STOP]
    if long:
        yield Finding(
            message=f"{len(long)} of {plural(len(rows.pits), 'pit row')} over 300 s: no stops.", rows={"pit": keys(long)}
        )


@check(WARNING, "no-pit-lap")
def pit_lap_missing(rows: SessionRows) -> Iterator[Finding]:
    """Pit rows that do not say on which lap."""
    unknown = [pit for pit in rows.pits if pit.lap_number is None]
    if unknown:
        cars = join_words(sorted({pit.driver_number for pit in unknown}))
        yield Finding(message=f"{plural(len(unknown), 'pit row')} without a lap: cars {cars}.", rows={"pit": keys(unknown)})


@check(WARNING, "fields-come-and-go")
def pit_durations_disagree(rows: SessionRows) -> Iterator[Finding]:
    """`pit_duration` and `lane_duration` are two names of one time, and the standstill is a part of it; here they are not."""
    for pit in rows.pits:
        old, new, still = pit.pit_duration, pit.lane_duration, pit.stop_duration
        if old is not None and new is not None and abs(old - new) > ROUNDING:
            yield of_pit(pit, f"Car {pit.driver_number} on lap {pit.lap_number}: {old} s by one name, {new} s by the other.")
        elif still is not None and pit.seconds is not None and still > pit.seconds:
            yield of_pit(
                pit, f"Car {pit.driver_number} on lap {pit.lap_number} stood {still} s of {pit.seconds} s in the pit lane."
            )


@check(ERROR, "no-in-lap-flag")
def pit_without_out_lap(rows: SessionRows) -> Iterator[Finding]:
    """A pit row of a race, and the lap after it is no out-lap: the number of one of the two is wrong."""
    for pit in rows.pits if rows.is_race and rows.laps else []:
        if pit.lap_number is None:
            continue
        after = {lap.lap_number: lap for lap in rows.laps_of.get(pit.driver_number, [])}
        out = after.get(pit.lap_number + 1)
        if out and not out.is_pit_out_lap:
            yield of_pit(
                pit, f"Car {pit.driver_number} was in the pits on lap {pit.lap_number}; lap {out.lap_number} is no out-lap."
            )


@check(WARNING, "no-in-lap-flag")
def out_lap_without_pit(rows: SessionRows) -> Iterator[Finding]:
    """An out-lap of a race without a pit row on the lap before: the stop is missing."""
    for lap in rows.laps if rows.is_race and rows.pits else []:
        stops = {pit.lap_number for pit in rows.pits_of.get(lap.driver_number, [])}
        if lap.is_pit_out_lap and lap.lap_number > 1 and lap.lap_number - 1 not in stops and None not in stops:
            yield Finding(
                message=f"Lap {lap.lap_number} of car {lap.driver_number} is an out-lap without a pit row.",
                driver_number=lap.driver_number,
                lap_number=lap.lap_number,
                rows={"laps": [lap.pk]},
            )


@check(NOTE, "no-in-lap-flag")
def stops_without_new_stint(rows: SessionRows) -> Iterator[Finding]:
    """Pit rows of a race without a new stint: drive-through penalties, repairs, restarts on the same tyres."""
    starts = {(stint.driver_number, stint.lap_start) for stint in rows.stints}
    same = [
        pit
        for pit in rows.pits
        if rows.is_race and starts and pit.lap_number is not None
        if not starts & {(pit.driver_number, pit.lap_number), (pit.driver_number, pit.lap_number + 1)}
    ]
    if same:
        text = join_words(f"{pit.driver_number}/{pit.lap_number}" for pit in same)
        yield Finding(
            message=f"{plural(len(same), 'visit')} to the pits without a new stint (car/lap): {text}.", rows={"pit": keys(same)}
        )


@check(NOTE, "transits")
def visits_without_stop(rows: SessionRows) -> Iterator[Finding]:
    """Visits to the pit lane of a race on which the car did not stop: behind the safety car, or for a penalty."""
    if not rows.is_race:
        return
    classifier = VisitClassifier(stints=rows.stints, laps=rows.laps, windows=rows.windows)
    visits = classifier.classify(rows.pits)
    for kind in (Kind.TRANSIT, Kind.DRIVE_THROUGH):
        passing = [visit for visit in visits if visit.kind == kind]
        if passing:
            text = join_words(f"{visit.driver_number}/{visit.lap_number}" for visit in passing)
            yield Finding(
                message=f"{plural(len(passing), 'visit')} to the pit lane without a stop, {kind.value} (car/lap): {text}.",
                rows={"pit": [visit.pit.pk for visit in passing if visit.pit]},
            )
