"""The answers as text that fits into 80 columns: tables with units and signs, and what is to be known about them."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from ml.analysis.columns import figure_of, flat_rows

Cell = tuple[str, str]  # (name in the flat row, or first and last name of a range separated by a blank; heading)

PACE: tuple[Cell, ...] = (("pace", "pace s"), ("gap", "gap s"), ("band_low band_high", "gap, 0.02–0.04 s/kg"), ("laps", "laps"))
TABLES: dict[str, dict[str, tuple[Cell, ...]]] = {  # {question: {table of the answer: its columns}}
    "race-pace": {"rows": (("name", "driver"), ("team", "team"), *PACE), "teams": (("team", "team"), *PACE)},
    "stint-pace": {
        "rows": (
            ("name", "driver"),
            ("stint", "stint"),
            ("compound", "compound"),
            ("first_lap last_lap", "laps"),
            ("pace", "pace s"),
            ("slope", "trend s/lap"),
            ("interval_low interval_high", "95 %"),
        )
    },
    "consistency": {"rows": (("name", "driver"), ("team", "team"), ("mad", "scatter (MAD) s"), ("laps", "laps"))},
    "long-runs": {
        "rows": (
            ("name", "driver"),
            ("compound", "compound"),
            ("tyre_age", "age"),
            ("laps", "laps"),
            ("median", "median s"),
            ("slope", "trend s/lap"),
            ("interval_low interval_high", "95 %"),
        )
    },
    "degradation": {
        "rows": (
            ("compound", "compound"),
            ("slope", "s/lap"),
            ("interval_low interval_high", "95 %"),
            ("band_low band_high", "0.02–0.04 s/kg"),
            ("stints", "stints"),
            ("laps", "laps"),
        ),
        "next": (("compound", "compound"), ("stint_80_low stint_80_high", "s/lap of one more stint, 80 %")),
        "drivers": (
            ("compound", "compound"),
            ("name", "driver"),
            ("slope", "s/lap"),
            ("interval_low interval_high", "95 %"),
            ("stint_80_low stint_80_high", "next, 80 %"),
            ("laps", "laps"),
        ),
    },
    "team-mates": {
        "rows": (
            ("first second", "drivers"),
            ("lap_delta", "lap s"),
            ("lap_interval_low lap_interval_high", "95 %"),
            ("sector_1_delta", "S1 s"),
            ("sector_2_delta", "S2 s"),
            ("sector_3_delta", "S3 s"),
            ("pairs", "laps"),
        )
    },
    "qualifying-gap": {
        "rows": (
            ("name", "driver"),
            ("team", "team"),
            ("lap_duration", "best s"),
            ("gap", "gap s"),
            ("gap_percent", "gap %"),
            ("phase", "in"),
            ("phase_percent", "there %"),
            ("mate_percent", "mate %"),
        )
    },
    "pit-loss": {
        "rows": (
            ("track", "track"),
            ("median", "median s"),
            ("p25 p75", "half of them s"),
            ("p10 p90", "80 % s"),
            ("stops", "stops"),
        )
    },
    "crossover": {
        "rows": (
            ("faster_when_new", "faster when new"),
            ("other", "than"),
            ("advantage", "by s"),
            ("age", "until lap"),
            ("p10 p90", "80 %"),
            ("never", "never"),
        )
    },
    "undercut": {
        "rows": (
            ("name", "driver"),
            ("on", "on"),
            ("lap_number", "lap"),
            ("answered", "answer"),
            ("gain", "gain s"),
            ("ahead", "ahead"),
        )
    },
}
SIGNED = ("gap", "slope", "delta", "gain", "loss", "percent")  # ends of the names of figures whose sign says something
SIGNS = {  # {question: what a plus means}
    "race-pace": "+ is slower than the best",
    "stint-pace": "+ gets slower with each lap",
    "long-runs": "+ gets slower with each lap",
    "degradation": "+ loses time with each lap of age",
    "team-mates": "+: the second driver is slower",
    "qualifying-gap": "+ is slower",
    "undercut": "+: the car that stopped first has gained",
}


def print_answer(console: Console, answer: dict[str, Any], *, about: str) -> None:
    """Print the tables of an answer, and what is to be known about it."""
    session, question = answer["session"], answer["question"]
    console.print(f"{session['year']} {session['race']}, {session['session_name']}: {about}", style="bold")
    for name, cells in TABLES[question].items():
        rows = driver_rows(answer) if name == "drivers" else flat_rows(answer["rows" if name == "next" else name])
        if rows:
            console.print(make_table(question, cells, rows))
    if question in SIGNS:
        console.print(f"Signs: {SIGNS[question]}.")
    for pair in answer.get("pairs", ()):
        console.print(pair["said"])
    for line in besides(answer):
        console.print(line)
    for warning in answer.get("warnings", ()):
        console.print(f"Mind: {warning}", style="bold")
    console.print(f"n = {answer['n']}; {'; '.join(answer['filters'])}")
    console.print(f"Taken for granted: {'; '.join(answer['assumptions'])}")


def driver_rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """What degradation says of drivers, by compound."""
    return [{**driver, "compound": row["compound"]} for row in answer["rows"] for driver in flat_rows(row["drivers"])]


def make_table(question: str, cells: tuple[Cell, ...], rows: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for names, heading in cells:
        text = all(isinstance(row.get(names.split()[0]), str) for row in rows)
        table.add_column(heading, justify="left" if text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(format_cell(question, names, row) for names, _ in cells))
    return table


def format_cell(question: str, names: str, row: dict[str, Any]) -> str:
    """A cell: a value, or two as a range."""
    values = [format_value(question, name, row.get(name)) for name in names.split()]
    if len(values) == 1:
        return values[0]
    return "–" if "–" in values else " to ".join(values) if "." in values[0] else "–".join(values)


def format_value(question: str, name: str, value: Any) -> str:
    """A value with its digits, and its sign where that says something."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    figure = (
        figure_of(question, name)
        or figure_of(question, name.rpartition("_")[0])
        or figure_of(question, name.split("_", maxsplit=1)[0])
    )
    if figure and figure.unit == "share":
        return f"{value:.0%}"
    sign = "+" if name.endswith(SIGNED) and value else ""
    return f"{value:{sign}.{figure.digits if figure else 3}f}"


def besides(answer: dict[str, Any]) -> Iterator[str]:
    """What is no row: the distribution of a gain, what the race says without being told of fuel, what was left out."""
    if "median" in answer:
        spread = f"80 % from {answer['p10']:+.2f} to {answer['p90']:+.2f} s"
        yield f"median {answer['median']:+.2f} s, {spread}; ahead afterwards: {answer['worked']:.0%}"
    if free := answer.get("free"):
        slopes = "; ".join(f"{name} {with_interval(slope)} s/lap" for name, slope in free["slopes"].items())
        yield f"Without taking fuel for granted: {slopes}"
        if free["fuel_effect"]:
            yield f"fuel: {with_interval(free['fuel_effect'])} s per kg"
    if left_out := answer.get("left_out"):
        parts = left_out if isinstance(left_out, list) else [f"{name}: {count}" for name, count in left_out.items()]
        yield f"Left out: {'; '.join(parts)}"


def with_interval(slope: dict[str, Any]) -> str:
    low, high = slope["interval"]
    return f"{slope['value']:+.3f} ({low:+.3f} to {high:+.3f})"
