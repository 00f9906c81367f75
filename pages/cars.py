"""The cars of a session in finishing order, with the colours they are drawn in."""

from ml.cars import EntryFacts, in_finishing_order, look_of
from pages.chart import Car
from pages.rows import EntryRow, SessionRows, derived_once


def finishing_order(rows: SessionRows) -> list[int]:
    """Car numbers: classified cars by place, then those that drove furthest, then the rest by number."""
    laps = {car: len(own) for car, own in rows.laps_of.items()}
    return in_finishing_order([row.driver_number for row in rows.results], laps, [row.driver_number for row in rows.entries])


@derived_once
def cars_of(rows: SessionRows) -> list[Car]:
    """Every car that has an entry, a result or a lap; the second of a team is dashed."""
    order = finishing_order(rows)
    entries = [rows.entry_of.get(car) or EntryRow(car, None, None, None, None, None, None) for car in order]
    facts = [EntryFacts(entry.driver_number, entry.name_acronym, entry.team_name, entry.team_colour) for entry in entries]
    cars = []
    for entry, look in zip(entries, look_of(facts), strict=True):
        result = rows.result_of.get(entry.driver_number)
        cars.append(
            Car(
                number=look.number,
                acronym=look.acronym,
                name=entry.person or entry.full_name or f"Car {entry.driver_number}",
                team=look.team,
                light=look.light,
                dark=look.dark,
                dashed=look.dashed,
                place=result.position if result else None,
                driver_id=entry.driver_id,
            )
        )
    return cars
