"""What the figures of the answers are: unit, sign and digits that mean something; and the rows of an answer as a flat table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SLOPES = ("stint-pace", "long-runs", "degradation")  # questions whose intervals and bands are of slopes


@dataclass(frozen=True)
class Figure:
    """A figure of an answer."""

    unit: str
    about: str
    digits: int = 3


FIGURES = {
    "pace": Figure("s", "median clean lap, or a stint's first lap by its trend, on an empty tank"),
    "quartiles": Figure("s", "quarter, half and three quarters of the laps are faster"),
    "gap": Figure("s", "behind the best, which has 0; never negative"),
    "band": Figure("s", "lowest and highest value with fuel effects of 0.02 to 0.04 s per kg"),
    "slope": Figure("s/lap", "positive: each lap is slower than the one before", digits=4),
    "interval": Figure("s", "ends of the 95 % interval"),
    "new_stint": Figure("s/lap", "95 % interval of one more stint on this compound", digits=4),
    "stint_80": Figure("s/lap", "80 % interval of the slope that one more stint will show", digits=4),
    "alone": Figure("s/lap", "the slope by the driver's own stints alone", digits=4),
    "mad": Figure("s", "median absolute deviation; small is steady"),
    "median": Figure("s", "half of the values are below"),
    "delta": Figure("s", "positive: the second driver is slower than the first"),
    "lap": Figure("s", "positive: the second driver is slower than the first"),
    "difference": Figure("s/lap", "positive: the first compound loses more than the second", digits=4),
    "lap_duration": Figure("s", "the driver's best lap"),
    "gap_percent": Figure("%", "behind the fastest lap, which has 0; never negative"),
    "phase_percent": Figure("%", "behind the fastest of the last phase that the driver took part in"),
    "mate_percent": Figure("%", "positive: slower than the team-mate in the last phase of both"),
    "loss": Figure("s", "positive: the stop took longer than two laps without one"),
    "gain": Figure("s", "positive: the car that stopped first has gained"),
    "advantage": Figure("s", "by which the first compound is faster when both are new"),
    "age": Figure("laps", "median age at which the first compound has become the slower one", digits=1),
    "never": Figure("share", "of draws in which that does not happen within 80 laps"),
    "worked": Figure("share", "of undercuts after which the car was ahead"),
    "ahead": Figure("", "whether the car that stopped first was ahead after the answer"),
    "slow": Figure("", "whether one of the two stops took 3 s more in the lane than the median one"),
    "ages": Figure("laps", "at which 5, 10 … 95 % of the draws in which it happens have crossed", digits=2),
    "p10": Figure("s", "a tenth of the values is below; of crossovers laps"),
    "p25": Figure("s", "a quarter of the values is below"),
    "p75": Figure("s", "three quarters of the values are below"),
    "p90": Figure("s", "nine tenths of the values are below; of crossovers laps"),
    "tyre_age": Figure("laps", "that the tyres had done before the run"),
    "laps": Figure("laps", "that the figures rest on"),
    "stops": Figure("stops", "that the figures rest on"),
    "pairs": Figure("laps", "of both drivers that the figures rest on"),
    "fuel_effect": Figure("s/kg", "that a kilogram of fuel costs", digits=4),
    "slopes": Figure("s/lap", "positive: each lap of age is slower than the one before", digits=4),
}
ENDS = {2: ("low", "high"), 3: ("p25", "p50", "p75")}  # of a list of so many numbers
TABLES = ("rows", "teams", "compounds", "pairs")  # parts of answers that are tables


def figure_of(question: str, name: str) -> Figure | None:
    """The figure of this name in the answer to a question."""
    figure = FIGURES.get(name)
    if figure and name in ("interval", "band") and question in SLOPES:
        return Figure("s/lap", figure.about, digits=4)
    if figure and name in ("p10", "p90") and question == "crossover":
        return Figure("laps", figure.about, digits=1)
    return figure


def rounded(question: str, value: Any, *, digits: int = 3) -> Any:
    """An answer, or a part of one, with as many digits as mean something."""
    if isinstance(value, float):
        return round(value, digits) + 0.0  # no negative zero
    if isinstance(value, list | tuple):
        return [rounded(question, item, digits=digits) for item in value]
    if isinstance(value, dict):
        figures = {name: figure_of(question, str(name)) for name in value}
        return {
            name: rounded(question, item, digits=figure.digits if (figure := figures[name]) else digits)
            for name, item in value.items()
        }
    return value


def describe_columns(question: str, rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """{name: {unit, about}} of the figures in rows."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: {"unit": figure.unit, "about": figure.about} for name in names if (figure := figure_of(question, name)) is not None
    }


def flat_rows(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows without lists and objects: `interval_low`, `interval_high`, `lap_delta`; lists of laps are left out."""
    flat = [flat_row(row) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    return [{name: row.get(name) for name in names} for row in flat]


def flat_row(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            cells |= flat_row(value, f"{prefix}{name}_")
        elif isinstance(value, list | tuple):
            if len(value) in ENDS and not any(isinstance(item, list | tuple | Mapping) for item in value):
                ends = ("first", "second") if name in ("numbers", "compounds") else ENDS[len(value)]
                cells |= {f"{prefix}{name}_{end}": item for end, item in zip(ends, value, strict=True)}
        else:
            cells[f"{prefix}{name}"] = value
    return cells
