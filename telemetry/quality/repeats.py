"""Rows of one car that were sent again as something else."""

from collections import defaultdict
from collections.abc import Iterator

from telemetry.quality.findings import ERROR, Finding, check, keys
from telemetry.quality.laps import numbers
from telemetry.quality.rows import LapRow
from telemetry.quality.session_rows import SessionRows


def is_copy(one: LapRow, other: LapRow) -> bool:
    """Whether two laps have the same speeds, as far as both have them: at one place at least."""
    speeds = [(one.i1_speed, other.i1_speed), (one.i2_speed, other.i2_speed), (one.st_speed, other.st_speed)]
    known = [(a, b) for a, b in speeds if a is not None and b is not None]
    return bool(known) and all(a == b for a, b in known)


def find_copies(laps: list[LapRow]) -> list[tuple[LapRow, list[LapRow]]]:
    """(lap, later laps that are equal to it) of a car; none where most laps have one, as with coarse times."""
    same: dict[tuple, list[LapRow]] = defaultdict(list)
    for lap in laps:
        if lap.lap_duration is not None and None not in lap.sectors:
            same[lap.lap_duration, lap.sectors].append(lap)
    copies = [(first, [lap for lap in others if is_copy(first, lap)]) for first, *others in same.values()]
    return [pair for pair in copies if pair[1]] if 2 * sum(len(found) for _, found in copies) < len(same) else []


@check(ERROR, "laps-repeat", spoils_laps=True)
def lap_repeats_an_earlier_one(rows: SessionRows) -> Iterator[Finding]:
    """A car's lap is equal to an earlier one in time, all sectors and speeds: it was sent again in the place of a lost lap.

    Take its time from another source, or delete it.
    """
    for car, laps in rows.laps_of.items():
        for first, copies in find_copies(laps):
            which = numbers(copies)
            yield Finding(
                message=f"{which.capitalize()} of car {car} {'repeats' if len(copies) == 1 else 'repeat'} lap {first.lap_number} "
                "in time, sectors and speeds: take the time from another source, or delete it.",
                driver_number=car,
                lap_number=copies[0].lap_number if len(copies) == 1 else None,
                rows={"laps": keys(copies)},
            )
