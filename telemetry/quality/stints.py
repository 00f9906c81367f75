"""Faults of stints and of the tyres they name."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from statistics import median

from jobs.wording import plural
from telemetry.lap_rules import WET_COMPOUNDS, gives_way
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, Proposal, check, join_words, keys
from telemetry.quality.proposals import propose
from telemetry.quality.rows import StintRow
from telemetry.quality.session_rows import SessionRows, once_per_session

NO_STOP = 1.07  # times a car's median lap: an in-lap or an out-lap is slower
OLDEST_TYRES = 40  # laps at the start of a stint: sets that old are not fitted again


def of_stint(stint: StintRow, message: str) -> Finding:
    return of_stints([stint], message)


def of_stints(stints: list[StintRow], message: str) -> Finding:
    """A finding about stints of one car; about the last of them, when they are told by one."""
    last = stints[-1]
    return Finding(
        message=message, driver_number=last.driver_number, stint_number=last.stint_number, rows={"stints": keys(stints)}
    )


def several(what: str, stints: list[StintRow]) -> Iterator[Finding]:
    """A finding about stints of any car, if there are some."""
    if stints:
        text = join_words(f"{stint.driver_number}/{stint.stint_number}" for stint in stints)
        yield Finding(message=f"{plural(len(stints), 'stint')} {what} (car/stint): {text}.", rows={"stints": keys(stints)})


def name(stint: StintRow) -> str:
    return f"Stint {stint.stint_number} of car {stint.driver_number}"


def is_phantom(rows: SessionRows, stint: StintRow) -> bool:
    """Whether a stint begins after the car's last lap, by its laps or else its result.

    A result counts no unfinished lap: where the car may have stopped before it, a stint may have begun there.
    """
    last = rows.last_lap(stint.driver_number)
    if not (stint.laps and last and stint.laps[0] > last):
        return False
    stops = [pit for pit in rows.pits_of.get(stint.driver_number, []) if pit.lap_number in (last, last + 1)]
    return bool(rows.laps or stint.laps[0] > last + 1 or (rows.pits and not stops))


@once_per_session
def neighbours(rows: SessionRows) -> list[tuple[StintRow, StintRow]]:
    """Pairs of consecutive stints of a car, of those that have bounds and were driven."""
    driven = ([stint for stint in stints if stint.laps and not is_phantom(rows, stint)] for stints in rows.stints_of.values())
    return [pair for stints in driven for pair in pairwise(stints)]


@check(ERROR, "stint-bounds-null")
def stint_bounds_missing(rows: SessionRows) -> Iterator[Finding]:
    """A stint without its first or last lap (7787/16): its laps have no tyres."""
    for car, stints in rows.stints_of.items():
        unbound = [stint for stint in stints if stint.lap_start is None or stint.lap_end is None]
        if unbound:
            which = join_words(stint.stint_number for stint in unbound)
            yield of_stints(
                unbound, f"No first or last lap on car {car} in {'stint' if len(unbound) == 1 else 'stints'} {which}."
            )


@check(ERROR, "stint-reversed")
def stint_reversed(rows: SessionRows) -> Iterator[Finding]:
    """A stint that ends before it begins (7787/77: laps 55 to 54)."""
    for stint in rows.stints:
        if stint.lap_start is not None and stint.lap_end is not None and stint.lap_end < stint.lap_start:
            yield of_stint(stint, f"{name(stint)} runs backwards, from lap {stint.lap_start} to {stint.lap_end}.")


@check(ERROR, "stint-gap")
def stints_overlap(rows: SessionRows) -> Iterator[Finding]:
    """Stints that overlap by more than the lap they share: the last lap of the one or the first of the other is wrong."""
    for one, other in neighbours(rows):
        if other.laps[0] < one.laps[-1]:
            found = of_stints(
                [one, other], f"{name(other)} begins on lap {other.lap_start}, the one before ends on lap {one.lap_end}."
            )
            yield replace(found, proposals=without_overlap(rows, one, other))


def without_overlap(rows: SessionRows, one: StintRow, other: StintRow) -> list[Proposal]:
    """A proposal to end a stint where the next one begins; or to begin that after it, where an out-lap follows the first."""
    out_laps = {lap.lap_number for lap in rows.laps_of.get(one.driver_number, []) if lap.is_pit_out_lap}
    if gives_way(one, other, out_laps):
        end = other.laps[0] - (other.laps[0] + 1 not in out_laps)
        why = f"Stint {other.stint_number} begins on lap {other.lap_start}."
        return propose(rows, "stints", one, {"lap_end": end}, why=why)
    if one.laps[-1] + 1 not in out_laps:
        return []
    why = f"Lap {one.laps[-1] + 1} is the out-lap after stint {one.stint_number}."
    return propose(rows, "stints", other, {"lap_start": one.laps[-1] + 1}, why=why)


@check(WARNING, "stint-gap")
def stints_leave_a_gap(rows: SessionRows) -> Iterator[Finding]:
    """Laps between two stints belong to none."""
    for one, other in neighbours(rows):
        if other.laps[0] > one.laps[-1] + 1:
            yield of_stints(
                [one, other], f"{name(other)} begins on lap {other.lap_start}, the one before ends on lap {one.lap_end}."
            )


@check(WARNING, "stint-gap", "stint-bounds-null")
def laps_without_stint(rows: SessionRows) -> Iterator[Finding]:
    """Laps that no stint covers: their tyres are unknown. Unfinished last laps, which a result does not count, need none."""
    for car, laps in rows.laps_of.items() if rows.stints else []:
        covered = {number for stint in rows.stints_of.get(car, []) for number in stint.laps}
        finished = (rows.result_of[car].number_of_laps if car in rows.result_of else None) or laps[-1].lap_number
        bare = [lap for lap in laps if lap.lap_number <= finished and lap.lap_number not in covered]
        if bare:
            yield Finding(
                message=f"Car {car} has no stint for {plural(len(bare), 'lap')}: {join_words(lap.lap_number for lap in bare)}.",
                driver_number=car,
                rows={"laps": keys(bare)},
            )


@check(NOTE, "shared-lap")
def stints_share_a_lap(rows: SessionRows) -> Iterator[Finding]:
    """Stints that begin on the lap the one before ends on: a plain join has that lap twice. `Lap.objects.with_stint` has not."""
    sharing = [other for one, other in neighbours(rows) if other.laps[0] == one.laps[-1]]
    if sharing:
        yield Finding(
            message=f"{plural(len(sharing), 'stint')} of {len(rows.stints)} begin on the lap that the one before ends on.",
            rows={"stints": keys(sharing)},
        )


@check(WARNING, "stint-numbers")
def stint_numbers_skip(rows: SessionRows) -> Iterator[Finding]:
    """A car's stints are not numbered from 1 without a gap: one was lost."""
    for car, stints in rows.stints_of.items():
        there = [stint.stint_number for stint in stints]
        if there != list(range(1, len(stints) + 1)):
            yield Finding(message=f"Car {car} has stints {join_words(there)}.", driver_number=car, rows={"stints": keys(stints)})


@check(WARNING, "phantom-stint")
def stint_after_last_lap(rows: SessionRows) -> Iterator[Finding]:
    """A stint that begins after the car's last lap: tyres that were fitted and never driven."""
    for stint in rows.stints:
        if is_phantom(rows, stint):
            last = rows.last_lap(stint.driver_number)
            yield of_stint(stint, f"{name(stint)} begins on lap {stint.lap_start}, after the car's last, {last}.")


@check(WARNING, "phantom-stint")
def stint_beyond_last_lap(rows: SessionRows) -> Iterator[Finding]:
    """A stint that began in time and ends after the car's last lap: its length is wrong."""
    for stint in rows.stints:
        laps = rows.laps_of.get(stint.driver_number)
        if stint.laps and laps and stint.laps[0] <= laps[-1].lap_number < stint.laps[-1]:
            yield of_stint(stint, f"{name(stint)} ends on lap {stint.lap_end}; the car's last is {laps[-1].lap_number}.")


@check(WARNING, "no-compound")
def compound_unknown(rows: SessionRows) -> Iterator[Finding]:
    """The compound is null, UNKNOWN or TEST_UNKNOWN."""
    yield from several("on unknown tyres", [stint for stint in rows.stints if not stint.compound_known])


@check(WARNING)
def rain_tyres_of_one_car(rows: SessionRows) -> Iterator[Finding]:
    """One car of a race on rain tyres, all others on slicks to the end: look at the weather, and correct the compound."""
    raining = [stint for stint in rows.stints if stint.tyre_compound in WET_COMPOUNDS] if rows.is_race else []
    if len({stint.driver_number for stint in raining}) == 1 and len(rows.stints_of) > 1:
        what = join_words(f"{name(stint)} is on {stint.tyre_compound}" for stint in raining)
        yield of_stints(raining, f"{what}; no other car of the {len(rows.stints_of)} ever was on rain tyres.")


@check(WARNING, "tyre-age")
def tyre_age_missing(rows: SessionRows) -> Iterator[Finding]:
    """It is not known how many laps a set of tyres had done."""
    yield from several("on tyres of unknown age", [stint for stint in rows.stints if stint.tyre_age_at_start is None])


@check(WARNING, "tyre-age")
def tyres_too_old(rows: SessionRows) -> Iterator[Finding]:
    """A set of tyres of over 40 laps at the start of a stint: nobody fits those, the count is wrong."""
    for stint in rows.stints:
        if stint.tyre_age_at_start is not None and stint.tyre_age_at_start > OLDEST_TYRES:
            yield of_stint(stint, f"{name(stint)} begins on tyres of {stint.tyre_age_at_start} laps.")


def stopped_between(rows: SessionRows, one: StintRow, other: StintRow) -> bool | None:
    """Whether the car was in the pits between two stints, by its pit rows and out-laps; None where neither is stored.

    A pit row has the number of the in-lap in a race, that of the out-lap in all other sessions.
    """
    car, last, first = one.driver_number, one.laps[-1], other.laps[0]
    if not rows.pits and not rows.laps_of.get(car):
        return None
    pits = any(pit.lap_number in (last, first - 1, first) for pit in rows.pits_of.get(car, []))
    return pits or any(lap.is_pit_out_lap and lap.lap_number in (first, first + 1) for lap in rows.laps_of.get(car, []))


def drove_through(rows: SessionRows, one: StintRow, other: StintRow) -> bool:
    """Whether the laps around the boundary of two stints were too fast for a stop."""
    laps = {lap.lap_number: lap.lap_duration for lap in rows.laps_of.get(one.driver_number, [])}
    times = [seconds for seconds in laps.values() if seconds is not None]
    around = [laps.get(number) for number in (other.laps[0] - 1, other.laps[0])]
    return bool(times) and all(seconds is not None and seconds < NO_STOP * median(times) for seconds in around)


@check(ERROR, "tyre-age")
def tyre_age_falls(rows: SessionRows) -> Iterator[Finding]:
    """Tyres get younger while the car stays out: what upstream calls two stints is one, or a stop is missing.

    Look at the lap times around the boundary.
    """
    for one, other in neighbours(rows):
        if one.tyre_age_at_start is None or other.tyre_age_at_start is None:
            continue
        if one.compound_known and other.compound_known and one.tyre_compound != other.tyre_compound:
            continue
        going_on = one.tyre_age_at_start + other.laps[0] - one.laps[0]
        restarts = other.tyre_age_at_start < going_on - 1 or (other.tyre_age_at_start == 0 and going_on > 0)
        if restarts and stopped_between(rows, one, other) is False:
            why = f"The car did not stop: the tyres of the stint before go on, {plural(going_on, 'lap')} old."
            values = {"tyre_age_at_start": going_on} if drove_through(rows, one, other) else {}
            found = of_stints(
                [one, other],
                f"Without a stop the tyres of car {one.driver_number} are {plural(going_on, 'lap')} old before lap "
                f"{other.lap_start}, and {other.tyre_age_at_start} by the stint that begins there.",
            )
            yield replace(found, proposals=propose(rows, "stints", other, values, why=why))


@check(WARNING, "no-in-lap-flag", "stint-gap")
def compound_changes_without_stop(rows: SessionRows) -> Iterator[Finding]:
    """Other tyres without a pit row or out-lap: the stop is missing, or the stint is wrong."""
    for one, other in neighbours(rows):
        if one.tyre_compound != other.tyre_compound and stopped_between(rows, one, other) is False:
            yield of_stints(
                [one, other],
                f"Car {one.driver_number} goes from {one.tyre_compound} to {other.tyre_compound} on lap {other.lap_start} "
                "without having been in the pits.",
            )
