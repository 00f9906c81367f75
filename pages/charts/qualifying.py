"""Qualifying: every timed lap over the clock of its phase, behind the best time then, and the cut that it had to make."""

from functools import partial
from typing import Any

import msgspec

from pages.analyses import answer_to, empty_chart
from pages.cars import cars_of
from pages.chart import Car, Chart, Choice, Table
from pages.charts import View
from pages.phases import Phase, is_deleted, phase_of, phases
from pages.qualifying_drawing import PHONE, drawing
from pages.rows import LapRow, SessionRows
from pages.state import State
from races.models import QUALIFYINGS

GAPS = {"then": "best time then", "phase": "best time of the phase"}
ATTEMPT = 1.07  # times the phase's best: what is slower was no attempt
FURTHER = 10  # cars in the last phase; the others leave in two equal parts
SECTORS = ("duration_sector_1", "duration_sector_2", "duration_sector_3")


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A timed lap; times in seconds, `minute` of its end since its phase began."""

    car: int
    phase: int  # from 0
    lap: int
    minute: float
    seconds: float
    sectors: list[float | None]
    compound: str | None
    deleted: bool
    gap: float  # to the best time then, itself included
    phase_gap: float  # to the best time of the phase in the end
    is_best: bool  # of the car in its phase


class Cut(msgspec.Struct, frozen=True):
    """The time that took the last place in the next phase, as it stood from a minute on; gaps as of an `Attempt`."""

    phase: int
    minute: float
    gap: float
    phase_gap: float


def build(rows: SessionRows, state: State) -> Chart:
    """Attempts by phase, the cut as steps, and the field in order with sectors and ideal laps."""
    to = state.choice("gap", GAPS, "then")
    found = phases(rows)
    attempts = attempts_of(rows, found)
    if not attempts:
        return empty_chart("qualifying", "Qualifying", "No timed laps are stored of this session.")
    cars = cars_of(rows)
    wanted = state.cars(rows)
    drawn = [each for each in attempts if not wanted or each.car in wanted]
    field = [line for line in field_of(rows, cars, attempts) if not wanted or line["car"].number in wanted]
    return Chart(
        view="qualifying",
        title="Qualifying",
        summary=summary(field, attempts, to),
        x_label="Minutes since the pit exit opened",
        y_label=f"Seconds behind the {GAPS[to]}",
        cars=cars,
        choices=[Choice("gap", "Behind the", to, [*GAPS.items()])],
        notes=notes(rows, attempts, found),
        table=table(cars, drawn, found),
        data={
            "phases": [panel(phase, number, rows, attempts) for number, phase in enumerate(found)],
            "attempts": drawn,
            "cuts": cuts(attempts, found, len(rows.entries)),
            "field": field,
            "gap": to,
        },
    )


def attempts_of(rows: SessionRows, found: list[Phase]) -> list[Attempt]:
    """The timed laps in the order in which they ended, each beside the best that counted until then."""
    timed = [
        (lap, phase)
        for lap in rows.laps
        if is_timed(lap) and rows.seconds_of(lap) and (phase := phase_of(lap, found)) is not None
    ]
    timed.sort(key=lambda each: ended(each[0]))
    marked = [(lap, phase, is_deleted(lap, phase, rows)) for lap, phase in timed]
    best: dict[int, float] = {}
    own: dict[tuple[int, int], float] = {}
    for lap, phase, gone in marked:
        if not gone:
            seconds = lap.lap_duration or 0.0
            best[phase] = min(seconds, best.get(phase, seconds))
            own[lap.driver_number, phase] = min(seconds, own.get((lap.driver_number, phase), seconds))
    attempts, then = [], dict[int, float]()
    for lap, phase, gone in marked:
        seconds = lap.lap_duration or 0.0
        if phase not in best or seconds > ATTEMPT * best[phase]:
            continue
        if not gone:
            then[phase] = min(seconds, then.get(phase, seconds))
        attempts.append(
            Attempt(
                car=lap.driver_number,
                phase=phase,
                lap=lap.lap_number,
                minute=round((ended(lap) - found[phase].start.timestamp()) / 60, 3),
                seconds=seconds,
                sectors=[getattr(lap, name) for name in SECTORS],
                compound=lap.tyre_compound,
                deleted=gone,
                gap=round(seconds - then.get(phase, seconds), 3),
                phase_gap=round(seconds - best[phase], 3),
                is_best=not gone and seconds == own[lap.driver_number, phase],
            )
        )
    return attempts


def is_timed(lap: LapRow) -> bool:
    return lap.lap_duration is not None and lap.date_start is not None and not lap.is_pit_out_lap


def ended(lap: LapRow) -> float:
    """Unix time of a timed lap's end."""
    return (lap.date_start.timestamp() if lap.date_start else 0.0) + (lap.lap_duration or 0.0)


def places_on(phase: int, count: int, cars: int) -> int:
    """How many cars of a phase reach the next one: of twenty 15 and then 10, of twenty-two 16 and then 10."""
    out = max(cars - FURTHER, 0) / max(count - 1, 1)
    return round(cars - out * (phase + 1))


def cuts(attempts: list[Attempt], found: list[Phase], cars: int) -> list[Cut]:
    """The time to beat, whenever it or the best time changed; none in the last phase."""
    steps = []
    for phase in range(len(found) - 1):
        on = places_on(phase, len(found), cars)
        own: dict[int, float] = {}
        for each in (each for each in attempts if each.phase == phase and not each.deleted):
            own[each.car] = min(each.seconds, own.get(each.car, each.seconds))
            if len(own) >= on:
                last = sorted(own.values())[on - 1]
                best = each.seconds - each.phase_gap
                steps.append(Cut(phase, each.minute, round(last - min(own.values()), 3), round(last - best, 3)))
    return steps


def panel(phase: Phase, number: int, rows: SessionRows, attempts: list[Attempt]) -> dict[str, Any]:
    """A phase in minutes: the time on its clock, its last lap, and its red flags."""
    minutes = (phase.end - phase.start).total_seconds() / 60
    last = max([each.minute for each in attempts if each.phase == number], default=minutes)
    flags = []
    for flag in rows.neutralisations:
        if flag.state == "red flag" and flag.date_start < phase.end and (flag.date_end is None or flag.date_end > phase.start):
            start, end = max(flag.date_start, phase.start), min(flag.date_end or phase.end, phase.end)
            flags.append([round((moment - phase.start).total_seconds() / 60, 2) for moment in (start, end)])
    return {"name": phase.name, "minutes": round(minutes, 2), "last": round(max(last, minutes), 2), "red_flags": flags}


def field_of(rows: SessionRows, cars: list[Car], attempts: list[Attempt]) -> list[dict[str, Any]]:
    """A line per car in the order of the result: best lap with its sectors, ideal lap, gaps in per cent."""
    counted = [each for each in attempts if not each.deleted]
    answer = answer_to("qualifying-gap", rows)
    gaps = {} if isinstance(answer, str) else {row["name"]: row for row in answer["rows"]}
    fastest = [min((s for each in counted if (s := each.sectors[at])), default=None) for at in range(3)]
    lines = []
    for car in cars:
        mine = [each for each in counted if each.car == car.number]
        if not mine:
            continue
        best = min(mine, key=lambda each: each.seconds)
        own = [min((s for each in mine if (s := each.sectors[at])), default=None) for at in range(3)]
        ideal = round(sum(own), 3) if None not in own else None  # type: ignore[arg-type]
        told = gaps.get(car.acronym, {})
        lines.append(
            {
                "car": car,
                "place": car.place,
                "seconds": best.seconds,
                "compound": best.compound,
                "sectors": [
                    {"seconds": s, "kind": "best" if s and s == fastest[at] else "own" if s and s == own[at] else ""}
                    for at, s in enumerate(best.sectors)
                ],
                "ideal": ideal,
                "lost": round(best.seconds - ideal, 3) if ideal is not None else None,
                "gap": told.get("gap"),
                "percent": told.get("gap_percent"),
                "phase_percent": told.get("phase_percent"),
                "mate_percent": told.get("mate_percent"),
                "deleted": sum(each.deleted and each.car == car.number for each in attempts),
            }
        )
    return lines


def summary(field: list[dict[str, Any]], attempts: list[Attempt], to: str) -> str:
    deleted = sum(each.deleted for each in attempts)
    gone = f" {deleted} lap{'s' if deleted > 1 else ''} struck out: the time was deleted." if deleted else ""
    lead = f"{field[0]['car'].name} leads the order. " if field else ""
    return (
        f"{lead}Each dot is a timed lap, by how far it was behind the {GAPS[to]}; below the stepped line a driver was out.{gone}"
    )


def notes(rows: SessionRows, attempts: list[Attempt], found: list[Phase]) -> list[str]:
    said = [] if len(found) > 1 else ["Race control's messages are not stored: the phases are not known."]
    return [
        *said,
        "Ideal lap: a driver's three best sectors added up. Phase, %: behind the fastest of the last phase that the driver took "
        "part in, as the track gets faster; Mate, %: behind the team-mate in the last phase of both.",
        f"Laps over {ATTEMPT:.0%} of the phase's best were no attempts and are left out.",
    ]


def table(cars: list[Car], attempts: list[Attempt], found: list[Phase]) -> Table:
    names = {car.number: car.acronym for car in cars}
    columns = [
        ("Driver", False),
        ("Phase", False),
        ("Lap", True),
        ("Minute", True),
        ("Lap time, s", True),
        ("Sector 1", True),
        ("Sector 2", True),
        ("Sector 3", True),
        ("Behind then, s", True),
        ("Behind the phase's best, s", True),
        ("Tyre", False),
        ("Deleted", False),
    ]
    lines = [
        [
            names[each.car],
            found[each.phase].name,
            each.lap,
            round(each.minute, 2),
            each.seconds,
            *each.sectors,
            each.gap,
            each.phase_gap,
            each.compound,
            "deleted" if each.deleted else "",
        ]
        for each in attempts
    ]
    return Table.of(columns, lines)


VIEW = View(
    name="qualifying",
    title="Qualifying",
    about="Who was safe, who was out, and when?",
    build=build,
    parameters=("gap",),
    sessions=QUALIFYINGS,
    template="pages/views/qualifying.html",
    layout=drawing,
    narrow=partial(drawing, paper=PHONE),
)
