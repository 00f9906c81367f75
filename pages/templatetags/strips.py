"""The strips of compared laps as SVG: made here, because a template takes several times as long for their hundreds of figures."""

from collections.abc import Iterator
from html import escape
from typing import Any

from django import template
from django.utils.safestring import mark_safe

from pages.chart import Car

register = template.Library()


@register.filter
def strips_svg(drawing: dict[str, Any], cars: list[Car]) -> str:
    """Sector lines and corners, a group per strip, and the ticks of the distance below; `lens.js` moves them."""
    parts = [*marks(drawing), *(part for strip in drawing["strips"] for part in strip_parts(strip, drawing, cars))]
    ticks = [
        f'<text class="tick" x="{x}" y="{drawing["bottom"]}" dy="17" text-anchor="middle">{value:g}</text>'
        for value, x in drawing["ticks"]
    ]
    return mark_safe("\n".join([*parts, f"<g data-ticks>{''.join(ticks)}</g>"]))  # noqa: S308 - texts are escaped below


def marks(drawing: dict[str, Any]) -> Iterator[str]:
    ends = f'y1="{drawing["top"]}" y2="{drawing["bottom"]}"'
    for line in drawing["lines"]:
        name = f'<text class="tick" x="{line["x"]}" dx="3" y="{drawing["bottom"]}" dy="-3">{line["name"]}</text>'
        yield f'<g data-d="{line["d"]}"><line class="sector-line" x1="{line["x"]}" x2="{line["x"]}" {ends}/>{name}</g>'
    for corner in drawing["corners"]:
        x = corner["x"]
        label = f'<text class="tick" x="{x}" y="14" text-anchor="middle">{escape(corner["label"])}</text>'
        yield f'<g data-d="{corner["d"]}"><line class="corner-line" x1="{x}" x2="{x}" {ends}/>{label}</g>'


def strip_parts(strip: dict[str, Any], drawing: dict[str, Any], cars: list[Car]) -> Iterator[str]:
    """A strip's grid, axis and ticks, the lines of its laps, and its name."""
    sides = f'data-across x1="{drawing["left"]}" x2="{drawing["right"]}"'
    scale = " ".join(f'data-{name}="{strip[name]}"' for name in ("top", "bottom", "low", "high"))
    yield f'<g data-strip="{strip["name"]}" {scale}{" data-stepped" * strip["stepped"]}>'
    yield f'<line class="grid" {sides} y1="{strip["bottom"]}" y2="{strip["bottom"]}"/>'
    if strip["zero"] is not None:
        yield f'<line class="axis" {sides} y1="{strip["zero"]}" y2="{strip["zero"]}"/>'
    for value, y in strip["ticks"]:
        yield f'<text class="tick" x="{drawing["left"]}" dx="-6" y="{y}" dy="4" text-anchor="end">{value}</text>'
    yield f'<g clip-path="url(#plot)">{"".join(lap_svg(lap, cars[lap["number"]]) for lap in strip["laps"])}</g>'
    yield f'<text class="name" x="{drawing["left"]}" y="{strip["top"]}" dy="-5">{strip["title"]}</text></g>'


def lap_svg(lap: dict[str, Any], car: Car) -> str:
    """A lap's line, and its bands in the strip of the delta."""
    bands = [
        f'<path class="{kind}" data-lap="{lap["number"]}" data-band="{name}" d="{lap[name]}"/>'
        for kind, name in (("band-95", "delta_band_95"), ("band-80", "delta_band"))
        if name in lap
    ]
    dashes = ' stroke-dasharray="6 4"' if car.dashed else ""
    stroke = f'stroke-width="1.7" stroke-linejoin="round"{dashes}'
    line = f'<path class="car-line" data-lap="{lap["number"]}" {stroke} d="{lap["path"]}"/>'
    return f'<g style="--colour:{escape(car.light)};--dark:{escape(car.dark)}">{"".join(bands)}{line}</g>'
