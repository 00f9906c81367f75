"""Safety cars, red flags and rain on the lap axis: placed by time, so that they meet each car where it was."""

import datetime
from collections.abc import Iterator

from pages.chart import Band
from pages.rows import SessionRows
from pages.timing import lap_at

SHOWN = ("safety car", "virtual safety car", "red flag")
RAIN_GAP = datetime.timedelta(minutes=3)  # the weather comes once a minute; drier than that and the shower has ended


def bands_of(rows: SessionRows, ends: dict[int, dict[int, float]]) -> list[Band]:
    """The bands of a chart over laps; `ends` as `timing.field_crossings` gives them."""
    bands = []
    for kind, start, end in spans_of(rows):
        cars = {car: where for car in ends if (where := on_laps(rows, car, ends[car], start, end))}
        if cars:
            bands.append(Band(kind, cars))
    return bands


def spans_of(rows: SessionRows) -> list[tuple[str, datetime.datetime, datetime.datetime | None]]:
    """(kind, start, end) of everything that bands show."""
    spans = [(row.state, row.date_start, row.date_end) for row in rows.neutralisations if row.state in SHOWN]
    return [*spans, *(("rain", *span) for span in showers(rows))]


def bands_over_time(rows: SessionRows, begin: datetime.datetime) -> list[Band]:
    """The bands of a chart over the minutes since a moment: the same for all cars."""
    last = max((lap.date_start for lap in rows.laps if lap.date_start), default=begin)
    bands = []
    for kind, start, end in spans_of(rows):
        minutes = [round((moment - begin).total_seconds() / 60, 2) for moment in (start, min(end or last, last))]
        if 0 <= minutes[0] < minutes[1]:
            bands.append(Band(kind, dict.fromkeys(rows.laps_of, (minutes[0], minutes[1]))))
    return bands


def on_laps(
    rows: SessionRows, car: int, ends: dict[int, float], start: datetime.datetime, end: datetime.datetime | None
) -> tuple[float, float] | None:
    """From where to where on a car's lap axis a time reaches; None where it does not meet the car's laps."""
    laps = rows.laps_of[car]
    if not ends:
        return None
    first, last = min(ends), max(ends)
    began = lap_at(start, laps, ends)
    stopped = lap_at(end, laps, ends) if end else None
    if began is None:
        if start.timestamp() >= ends[last]:
            return None
        began = first - 1.0
    if stopped is None:
        if end is not None and end.timestamp() < ends[last]:
            return None
        stopped = float(last)
    return (round(began, 2), round(stopped, 2)) if stopped > began else None


def showers(rows: SessionRows) -> Iterator[tuple[datetime.datetime, datetime.datetime]]:
    """From when to when it rained, by the weather station."""
    wet = [row.date for row in rows.weather if row.rainfall]
    start = end = None
    for moment in wet:
        if start is None or end is None or moment - end > RAIN_GAP:
            if start is not None and end is not None:
                yield start, end
            start = moment
        end = moment
    if start is not None and end is not None:
        yield start, end
