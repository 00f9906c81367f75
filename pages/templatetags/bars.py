"""The bars of strategies as SVG: made here, because a template takes several times as long for a hundred of them."""

from collections.abc import Iterator
from html import escape
from typing import Any

from django import template
from django.utils.safestring import mark_safe
from django.utils.text import slugify

from jobs.wording import plural

register = template.Library()


@register.filter
def bar_rows(drawing: dict[str, Any]) -> str:
    """A row per car: its name, the stripes of flags, and a bar per stint."""
    parts = [part for row in drawing["rows"] for part in row_parts(row, left=drawing["left"], size=drawing["size"])]
    return mark_safe("\n".join(parts))  # noqa: S308 - escaped below


def row_parts(row: dict[str, Any], *, left: float, size: str) -> Iterator[str]:
    car, y = row["car"], row["text_y"]
    yield f'<text class="name" x="{left}" dx="-10" y="{y}" text-anchor="end">{escape(car.acronym)}</text>'
    for stripe in row["stripes"]:
        where = " ".join(f'{name}="{stripe[name]}"' for name in ("x", "y", "width", "height"))
        title = f"{escape(car.name)}: {escape(stripe['kind'])}"
        yield f'<rect class="stripe {slugify(stripe["kind"])}" {where}><title>{title}</title></rect>'
    for bar in row["bars"]:
        yield f"<g>{''.join(bar_parts(bar, escape(car.name), y=y, size=size))}</g>"
    if not row["bars"]:
        said = "ended on the first lap" if row["without_lap"] else "which laps its tyres did is not known"
        yield f'<text class="soft" x="{left}" dx="6" y="{y}">{said}</text>'


def bar_parts(bar: dict[str, Any], name: str, *, y: float, size: str) -> Iterator[str]:
    """A bar, what is drawn over it, and its letter and figures."""
    kind, where = bar["kind"], f'x="{bar["x"]}" y="{bar["y"]}" width="{bar["width"]}" height="20" rx="3"'
    yield f"<title>{name}: {describe_bar(bar)}</title>"
    yield f'<rect class="{kind}" {where}/>'
    if bar["used"]:
        yield f'<rect fill="url(#used-{size})" {where}/>'
    if bar["corrected"]:
        yield f'<rect class="outline" stroke-width="2" {where}/>'
    if bar["letter"]:
        yield f'<text class="on-{kind}" font-weight="700" x="{bar["x"]}" dx="7" y="{y}">{escape(bar["letter"])}</text>'
    if bar["laps"]:
        laps = f"{bar['laps']} · {bar['lane']} s" if bar["lane"] else bar["laps"]
        yield f'<text class="on-{kind} count" font-size="11" x="{bar["end"]}" y="{y}" text-anchor="end">{laps}</text>'
    if bar["red"]:
        title = f"<title>{name} changed tyres under the red flag after lap {bar['last']}</title>"
        yield f'<rect class="red-stroke" x="{bar["lane_x"]}" y="{bar["y"]}" width="3.5" height="20" rx="1">{title}</rect>'


def describe_bar(bar: dict[str, Any]) -> str:
    """A bar in words."""
    age = f", {plural(bar['age'], 'lap')} old at the start" if bar["age"] else ""
    lane = f"; then {bar['lane']} s in the pit lane" if bar["lane"] else ""
    return f"laps {bar['first']} to {bar['last']}, {escape((bar['compound'] or 'unknown tyres').lower())}{age}{lane}"
