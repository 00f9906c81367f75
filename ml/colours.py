"""Team colours that can be told from the paper and from each other, in light and in dark.

Contrast is WCAG 2.2's; 3:1 is what it asks of lines and shapes (success criterion 1.4.11).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

PAPERS = {"light": "#ffffff", "dark": "#121417"}
CONTRAST = 3.0
APART = 26.0  # how far two teams' colours lie apart at least, in CIELAB (CIE 1976); 2.3 is just noticeable
UNKNOWN = "#7d8592"
DIGITS = re.compile("[0-9A-Fa-f]{6}")
RGB = tuple[float, float, float]


class Shades(NamedTuple):
    """One colour as it is drawn on light and on dark paper: `#rrggbb`."""

    light: str
    dark: str


def as_colour(digits: str | None) -> str:
    """`#rrggbb` of a team's six hexadecimal digits; that of no team where upstream sent anything else."""
    return f"#{digits.lower()}" if digits and DIGITS.fullmatch(digits) else UNKNOWN


def channels(colour: str) -> RGB:
    """Red, green and blue of `#rrggbb`, from 0 to 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def written(rgb: RGB) -> str:
    return "#" + "".join(f"{round(255 * min(max(channel, 0), 1)):02x}" for channel in rgb)


def linear(rgb: RGB) -> RGB:
    """sRGB without its gamma."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return red, green, blue


@lru_cache(maxsize=1024)
def luminance(colour: str) -> float:
    red, green, blue = linear(channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@lru_cache(maxsize=1024)
def lab(colour: str) -> tuple[float, float, float]:
    """CIELAB under D65: lightness from 0 to 100, green-red, blue-yellow."""
    red, green, blue = linear(channels(colour))
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
    )
    x, y, z = (value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: str, other: str) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(lab(one), lab(other), strict=True)) ** 0.5)


def blend(colour: str, towards: str, share: float) -> str:
    """The colour with this share of another in it."""
    one, other = channels(colour), channels(towards)
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return written((red, green, blue))


def legible(colour: str, paper: str) -> str:
    """The colour, or the nearest of its darker (on light paper) or lighter twins with enough contrast."""
    ink = "#000000" if luminance(paper) > 0.5 else "#ffffff"
    return next((twin for step in range(21) if contrast(twin := blend(colour, ink, step / 20), paper) >= CONTRAST), ink)


@lru_cache(maxsize=256)
def palette(colours: tuple[tuple[str, str | None], ...]) -> dict[str, Shades]:
    """{team: shades} for (team, six hexadecimal digits, or what is none) in order of importance; a team's first colour counts.

    A team whose colour lies too near to an earlier one's gets the nearest twin that does not: teams in blue differ in lightness.
    """
    chosen: dict[str, Shades] = {}
    known: dict[str, str] = {}
    for team, digits in colours:
        if known.setdefault(team, UNKNOWN) == UNKNOWN:
            known[team] = as_colour(digits)
    for team, colour in known.items():
        light = apart(colour, PAPERS["light"], (shade.light for shade in chosen.values()))
        dark = apart(colour, PAPERS["dark"], (shade.dark for shade in chosen.values()))
        chosen[team] = Shades(light, dark)
    return chosen


def apart(colour: str, paper: str, others: Iterable[str]) -> str:
    taken = list(others)
    twins = [legible(colour, paper)]
    for step in range(1, 13):
        twins += [blend(colour, "#000000", step / 20), blend(colour, "#ffffff", step / 20)]
    usable = [twin for twin in twins if contrast(twin, paper) >= CONTRAST]
    far = next((twin for twin in usable if all(distance(twin, other) >= APART for other in taken)), None)
    return far or max(usable, key=lambda twin: min((distance(twin, other) for other in taken), default=0))


def compound_letter(compound: str | None) -> str:
    """S, M, H, I, W; ? for a compound that is not known."""
    return compound[0] if compound in COMPOUNDS else "?"


COMPOUNDS = ("SOFT", "MEDIUM", "HARD", "INTERMEDIATE", "WET")
