"""Visits to the pit lane and the ends of races, as marks on a car's line."""

from ml.colours import compound_letter
from pages.chart import Mark
from pages.rows import LapRow, SessionRows, derived_once, grouped
from pages.timing import field_crossings
from telemetry.pit_visits import Kind, Tyres, Visit, VisitClassifier, read_lane_penalties

NEW = (Tyres.OTHER_COMPOUND, Tyres.YOUNGER)
SHOWN_KINDS = (Kind.DRIVE_THROUGH, Kind.UNKNOWN)  # visits that cost time but are no stops, or perhaps none


@derived_once
def visits(rows: SessionRows) -> dict[int, list[tuple[Visit, bool]]]:
    """{car number: its visits to the pit lane of a race in order, each with whether the car came out on new tyres}"""
    if not rows.is_race:
        return {}
    penalties = read_lane_penalties((message.date, message.message) for message in rows.messages)
    classifier = VisitClassifier(stints=rows.stints, laps=rows.laps, windows=rows.neutralisations, penalties=penalties)
    found = sorted(classifier.classify(rows.pits), key=lambda visit: visit.lap_number)
    return {
        car: [(visit, classifier.tyres(car, visit.lap_number) in NEW) for visit in own] for car, own in grouped(found).items()
    }


def stop_marks(rows: SessionRows, car: int) -> list[Mark]:
    """A mark at the end of each lap after which a car stopped, drove through the lane or got new tyres under a red flag."""
    laps = {lap.lap_number: lap for lap in rows.laps_of.get(car, [])}
    return [mark for visit, is_new in visits(rows).get(car, []) if (mark := mark_of(visit, laps, is_new=is_new))]


def mark_of(visit: Visit, laps: dict[int, LapRow], *, is_new: bool) -> Mark | None:
    tyres = " to ".join(
        compound_letter(lap.tyre_compound if (lap := laps.get(number)) else None)
        for number in (visit.lap_number, visit.lap_number + 1)
    )
    seconds = f", {visit.pit.seconds:.1f} s in the lane" if visit.pit and visit.pit.seconds is not None else ""
    if visit.is_stop:
        return Mark(visit.lap_number, "stop", f"{tyres}{seconds}")
    if visit.kind == Kind.RED_FLAG and is_new:
        return Mark(visit.lap_number, "change", f"{tyres} under the red flag")
    return Mark(visit.lap_number, "visit", f"{visit.kind}{seconds}") if visit.kind in SHOWN_KINDS else None


def end_mark(rows: SessionRows, car: int) -> list[Mark]:
    """A mark at the end of the last lap that a car completed, where its race ended before the flag."""
    result = rows.result_of.get(car)
    ends = field_crossings(rows).get(car)
    if result is None or not ends or not (result.dnf or result.dsq):
        return []
    return [Mark(max(ends), "out", "disqualified" if result.dsq else "did not finish")]
