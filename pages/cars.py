"""The cars of a session in finishing order, with the colours they are drawn in."""

from pages.chart import Car
from pages.colours import palette
from pages.rows import EntryRow, SessionRows, derived_once


def finishing_order(rows: SessionRows) -> list[int]:
    """Car numbers: classified cars by place, then those that drove furthest, then the rest by number."""
    placed = [result.driver_number for result in rows.results]
    far = sorted((car for car in rows.laps_of if car not in placed), key=lambda car: (-len(rows.laps_of[car]), car))
    rest = [entry.driver_number for entry in rows.entries if entry.driver_number not in {*placed, *far}]
    return [*placed, *far, *rest]


@derived_once
def cars_of(rows: SessionRows) -> list[Car]:
    """Every car that has an entry, a result or a lap; the second of a team is dashed."""
    order = finishing_order(rows)
    entries = [rows.entry_of.get(car) or EntryRow(car, None, None, None, None, None, None) for car in order]
    teams = {entry.team_name or "": entry.team_colour for entry in entries}
    shades = palette(tuple(teams.items()))
    seen: set[str] = set()
    cars = []
    for entry in entries:
        team = entry.team_name or ""
        result = rows.result_of.get(entry.driver_number)
        cars.append(
            Car(
                number=entry.driver_number,
                acronym=entry.name_acronym or str(entry.driver_number),
                name=entry.person or entry.full_name or f"Car {entry.driver_number}",
                team=team,
                light=shades[team].light,
                dark=shades[team].dark,
                dashed=bool(team) and team in seen,
                place=result.position if result else None,
                driver_id=entry.driver_id,
            )
        )
        seen.add(team)
    return cars
