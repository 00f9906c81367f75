"""Visits to the pit lane, as marks on a car's line."""

from itertools import pairwise

from pages.chart import Mark
from pages.colours import compound_letter
from pages.rows import LapRow, SessionRows
from pages.timing import red_flags

GARAGE = 300.0  # s in the lane; a longer visit is a red flag or the garage


def stop_marks(rows: SessionRows, car: int) -> list[Mark]:
    """A mark at the end of each lap on which a car came in, with the tyres before and after and the time in the lane."""
    laps = rows.laps_of.get(car, [])
    lanes = {pit.lap_number: pit.lane_time for pit in rows.pits_of.get(car, []) if pit.lap_number is not None}
    marks = []
    for lap, following in pairwise(laps):
        if not following.is_pit_out_lap or following.lap_number != lap.lap_number + 1:
            continue
        tyres = f"{compound_letter(lap.tyre_compound)} to {compound_letter(following.tyre_compound)}"
        lane = lanes.get(lap.lap_number)
        seconds = f", {lane:.1f} s in the lane" if lane is not None and lane < GARAGE else ""
        red = under_red_flag(lap, following, red_flags(rows))
        marks.append(Mark(lap.lap_number, "change" if red else "stop", f"{tyres}{' under the red flag' if red else seconds}"))
    return marks


def under_red_flag(lap: LapRow, following: LapRow, flags: list[tuple[float, float]]) -> bool:
    """Whether a car that came in at the end of a lap did so while the race was stopped: a change of tyres that cost no place."""
    if following.date_start is not None:
        moment = following.date_start.timestamp()
    elif lap.date_start is not None and lap.lap_duration is not None:
        moment = lap.date_start.timestamp() + lap.lap_duration
    else:
        return False
    return any(start <= moment <= end for start, end in flags)


def end_mark(rows: SessionRows, car: int) -> list[Mark]:
    """A mark where a race ended before the flag."""
    result = rows.result_of.get(car)
    laps = rows.laps_of.get(car, [])
    if result is None or not laps or not (result.dnf or result.dsq):
        return []
    return [Mark(laps[-1].lap_number, "out", "disqualified" if result.dsq else "did not finish")]
