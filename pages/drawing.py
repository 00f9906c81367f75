"""Scales and ticks of the charts that templates draw as SVG; lengths in CSS pixels."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

WIDTH = 1120.0  # of every such drawing; it scales with the page
NARROW = 560.0  # of the drawing that phones show in its place


class Scale(NamedTuple):
    """From values to places along an axis."""

    low: float
    high: float
    start: float  # where `low` is
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return round(self.start + (value - self.low) / span * (self.end - self.start), 1)

    def places(self, values: "Sequence[float | None] | np.ndarray") -> list[float | None]:
        """The same for a column of values, in a tenth of the time; None for None."""
        import numpy as np

        span = self.high - self.low or 1.0
        places = self.start + (np.asarray(values, dtype=float) - self.low) * ((self.end - self.start) / span)
        return [None if place != place else place for place in places.round(1).tolist()]  # noqa: PLR0124 - NaN

    def ticks(self, about: int = 8) -> Iterator[tuple[float, float]]:
        """(value, place) of round values, about so many."""
        step = nice_step((self.high - self.low) / max(1, about))
        value = math.ceil(self.low / step - 1e-9) * step
        while value <= self.high + 1e-9:
            yield round(value, 6), self(value)
            value += step


def nice_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 … (and 0.5, 0.2, …) that is not below `rough`."""
    power = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)
