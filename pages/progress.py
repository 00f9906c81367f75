"""The championship by round, as a chart over a season's drivers or teams."""

from collections.abc import Sequence
from itertools import count

from ml.colours import palette
from pages.chart import Car, Chart, Line, Table
from pages.season import Season, Standing
from pages.state import BadState

FIRST_SHOWN = 10  # lines that are drawn when nobody is named


def progress(season: Season, asked: str = "") -> Chart:
    """Points after each round; `asked` names drivers by their acronyms, separated by commas.

    Where upstream's last standings differ from the sum of the results, as after a penalty on points, they are not in the lines.
    """
    cars = cars_of(season.drivers)
    known = {car.acronym.upper(): car.number for car in cars}
    wanted = [name.strip().upper() for name in asked.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in known]:
        raise BadState(f"drivers={unknown[0]!r}: nobody with points or results is called that; there are {', '.join(known)}.")
    lines = [
        Line(car.number, [round(value, 2) for value in each.progress]) for car, each in zip(cars, season.drivers, strict=True)
    ]
    return Chart(
        view="season",
        title="Championship by round",
        summary="Points of each driver after every round that gave points.",
        x=[float(number) for number in range(1, len(season.rounds) + 1)],
        x_label="Round",
        y_label="Points",
        cars=cars,
        lines=lines,
        shown=[known[name] for name in wanted] or [car.number for car in cars[:FIRST_SHOWN]],
        table=table(season, cars),
        data={"names": season.rounds},
    )


def cars_of(standings: Sequence[Standing]) -> list[Car]:
    """The drivers in the order of the standings, numbered from 1; the second of a team is dashed.

    Those who share an acronym are told apart by a number behind it.
    """
    shades = palette(tuple((each.team, each.colour) for each in standings))
    teams: set[str] = set()
    taken: set[str] = set()
    cars = []
    for place, each in enumerate(standings, 1):
        acronym = next(name for n in count(1) if (name := each.acronym if n == 1 else f"{each.acronym}{n}") not in taken)
        taken.add(acronym)
        cars.append(
            Car(
                number=place,
                acronym=acronym,
                name=each.name,
                team=each.team,
                light=shades[each.team].light,
                dark=shades[each.team].dark,
                dashed=each.team in teams,
                driver_id=each.driver_id,
            )
        )
        teams.add(each.team)
    return cars


def table(season: Season, cars: list[Car]) -> Table:
    """Drivers by rounds."""
    columns = [("Driver", False), *((name, True) for name in season.rounds)]
    rows = [[car.name, *map(points_text, each.progress)] for car, each in zip(cars, season.drivers, strict=True)]
    return Table.of(columns, rows)


def points_text(points: float) -> str:
    return f"{points:g}"
