"""How figures are written on pages."""

from collections.abc import Iterator
from html import escape
from typing import Any

from django import template
from django.utils.safestring import mark_safe

from drivers.teams import team_slug
from pages.chart import Table

register = template.Library()


@register.filter
def lap_time(seconds: float | None) -> str:
    """93.456 -> 1:33.456; an hour and more with hours: 1:31:44.742."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:06.3f}"
    return f"{minutes}:{rest:06.3f}" if minutes else f"{rest:.3f}"


@register.filter
def cell(value: Any) -> str:
    """A value in a table: three digits after the point, a dash for nothing."""
    if value is None:
        return "–"
    return f"{value:.3f}".replace("-", "−") if isinstance(value, float) else str(value)


def safe_cell(value: Any) -> str:
    """A cell as HTML; figures hold nothing to escape, and escaping them takes longer than writing them."""
    if type(value) is float:  # most of them are: the shortest way
        return f"{value:.3f}" if value > 0 else cell(value)
    return cell(value) if value is None or type(value) is int else escape(cell(value))


@register.filter
def table_body(table: Table) -> str:
    """The rows of a table as HTML: made here, because a template takes ten times as long for a thousand of them."""
    marks = [' class="r"' if numeric else "" for numeric in table.numeric]
    tags = [(f"<td{mark}>", "</td>") if at else (f'<th scope="row"{mark}>', "</th>") for at, mark in enumerate(marks)]
    rows = (
        "".join([f"{begin}{safe_cell(value)}{end}" for (begin, end), value in zip(tags, row, strict=True)]) for row in table.rows
    )
    return mark_safe("".join(f"<tr>{row}</tr>" for row in rows))  # noqa: S308 - escaped above


SHORT_HEADINGS = {
    "Qualifying": "Q",
    "Race": "R",
    "Sprint": "S",
    "Sprint Qualifying": "SQ",
    "Sprint Shootout": "SQ",
    "Sector 1": "S1",
    "Sector 2": "S2",
    "Sector 3": "S3",
    "Trap before line 1, km/h": "I1",
    "Trap before line 2, km/h": "I2",
    "Speed trap, km/h": "ST",
}


@register.filter
def heading(name: str) -> str:
    """A column's heading, and the short form that phones show: "Practice 1", and P1."""
    short = SHORT_HEADINGS.get(name) or f"{name[:1]}{name.rpartition(' ')[2]}"
    both = f'<span class="wide">{escape(name)}</span><abbr class="phone" title="{escape(name)}">{escape(short)}</abbr>'
    return mark_safe(both)  # noqa: S308 - escaped above


@register.filter
def grade_sign(grade: str) -> str:
    """A grade as one sign, for phones."""
    return {"complete": "✓", "partial": "◐", "missing": "✗"}.get(grade, "–")


@register.filter
def signed(value: int | None) -> str:
    """3 -> +3, -2 -> minus 2, nothing -> a dash."""
    if value is None:
        return "–"
    return f"+{value}" if value > 0 else str(value).replace("-", "−")


@register.filter
def percent(share: float) -> str:
    """0.25 -> 25 %"""
    return f"{100 * share:.0f} %"


@register.filter
def short_race(name: str) -> str:
    """A race's name where there is little room: without "Grand Prix"."""
    return name.replace(" Grand Prix", "")


@register.filter
def with_code(text: str) -> str:
    """A sentence whose `commands` are set as code."""
    parts = escape(text).split("`")
    return mark_safe("".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts)))  # noqa: S308 - escaped above


@register.filter
def gap(value: float, digits: int = 3) -> str:
    """0.1234 -> +0.123, -0.2 -> minus 0.200: a difference with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


@register.filter
def cells_of(result: Any, columns: list[str]) -> list[Any]:
    """The sessions of a result in the order of a table's columns; None where there was none."""
    return [result.sessions.get(name) for name in columns]


@register.filter
def at(values: list[Any], index: int) -> Any:
    """The value at a place of a list."""
    return values[index]


@register.filter
def labels_of(laps: list[dict[str, Any]]) -> str:
    """Compared laps as the address names them: VER-20,LEC-20."""
    return ",".join(lap["label"] for lap in laps)


@register.filter
def plus_minus(figure: tuple[float, float] | None, digits: int) -> str:
    """(268.5, 2.5) -> 268 ± 2; nothing -> a dash."""
    return "–" if figure is None else f"{figure[0]:.{digits}f} ± {figure[1]:.{digits}f}"


@register.filter
def corner_rows(corners: list[dict[str, Any]]) -> str:
    """The rows of a table of corners as HTML, a row for each lap: made here, because a template takes several times as long."""
    return mark_safe("".join(row for corner in corners for row in rows_of_corner(corner)))  # noqa: S308 - escaped below


def rows_of_corner(corner: dict[str, Any]) -> Iterator[str]:
    """A corner's number, place and fastest lap stand beside the rows of all laps."""
    span = f' rowspan="{len(corner["laps"])}"'
    fastest = f"<b>{escape(corner['fastest'])}</b>" if corner["fastest"] else "not certain" * (len(corner["laps"]) > 1)
    for number, lap in enumerate(corner["laps"]):
        gain = f"{gap(lap['gain'][0])} ± {lap['gain'][1]:.3f}" if lap["gain"] else ""
        apex = "–" if lap["apex"] is None else f"{lap['apex']:.0f}"
        figures = [plus_minus(lap["entry"], 0), plus_minus(lap["minimum"], 0), apex, plus_minus(lap["exit"], 0)]
        cells = "".join(f'<td class="r">{each}</td>' for each in (*figures, plus_minus(lap["brake_to_throttle"], 2), gain))
        head = f'<th scope="rowgroup"{span}>{escape(corner["label"])}</th><td class="r wide"{span}>{corner["distance"]:.0f}</td>'
        tail = f"<td{span}>{fastest}</td>"
        yield f'<tr>{head * (number == 0)}<td class="who">{escape(lap["label"])}</td>{cells}{tail * (number == 0)}</tr>'


@register.filter
def map_pieces(pieces: list[dict[str, Any]]) -> str:
    """The coloured pieces of a map and the names beside them as SVG: made here, because a template takes far longer."""
    return mark_safe("".join([*map(piece_path, pieces), *map(piece_name, pieces)]))  # noqa: S308 - escaped below


def piece_path(piece: dict[str, Any]) -> str:
    car = piece.get("car")
    style = f' style="--colour:{escape(car.light)};--dark:{escape(car.dark)}"' if car else ""
    kind, path, title = escape(piece["kind"]), piece["path"], escape(piece["title"])
    return f'<path class="piece {kind}"{style} d="{path}"><title>{title}</title></path>'


def piece_name(piece: dict[str, Any]) -> str:
    if not piece.get("text"):
        return ""
    x, y = piece["text_place"]
    where = f'x="{x}" y="{y}" dy="4" text-anchor="middle"'
    return f'<text class="ink acronym" font-weight="600" {where}>{escape(piece["text"])}</text>'


@register.filter
def team_url(name: str) -> str:
    """The address of a team's page; where a person has given it another, this one leads there."""
    return f"/f1/teams/{team_slug(name)}/"
