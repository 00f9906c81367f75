"""Visits to the pit lane, as marks on a car's line."""

from itertools import pairwise

from pages.chart import Mark
from pages.colours import compound_letter
from pages.rows import SessionRows

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
        marks.append(Mark(lap.lap_number, "stop", f"{tyres}{seconds}"))
    return marks


def end_mark(rows: SessionRows, car: int) -> list[Mark]:
    """A mark where a race ended before the flag."""
    result = rows.result_of.get(car)
    laps = rows.laps_of.get(car, [])
    if result is None or not laps or not (result.dnf or result.dsq):
        return []
    return [Mark(laps[-1].lap_number, "out", "disqualified" if result.dsq else "did not finish")]
