"""Faults of places, weather and race control's messages."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from telemetry.quality.findings import NOTE, WARNING, Finding, check, join_words, keys, plural
from telemetry.quality.session_rows import SessionRows

WEATHER_GAP = timedelta(minutes=5)  # the weather is measured once a minute
NAMES_A_CAR = re.compile(r"\bCARS? \d")


@check(NOTE, "places-twice")
def two_places_at_once(rows: SessionRows) -> Iterator[Finding]:
    """A car has two places at one moment: take the later row, or the next moment's."""
    if rows.places_twice:
        cars = join_words(sorted({row.driver_number for row in rows.places_twice}))
        first = rows.places_twice[0].date
        yield Finding(
            message=f"{plural(len(rows.places_twice), 'moment')} with two places of a car, first at {first:%H:%M:%S}: {cars}.",
            rows={"position": [pk for row in rows.places_twice for pk in (row.first_pk, row.last_pk)]},
        )


@check(NOTE, "places-twice")
def car_without_place(rows: SessionRows) -> Iterator[Finding]:
    """A car that drove has no position at all: upstream sends changes only, and one who never changes place has none."""
    absent = sorted(rows.drove - set(rows.counts["position"])) if rows.counts["position"] else []
    if absent:
        yield Finding(message=f"No position of {'car' if len(absent) == 1 else 'cars'} {join_words(absent)}.")


def weather_gaps(rows: SessionRows) -> list[tuple[timedelta, int, int]]:
    """(length, primary keys of the measurements before and after) of gaps in the weather that touch the session."""
    begin, end = rows.session.date_start, rows.session.date_end
    return [
        (later - earlier, one, other)
        for (one, earlier), (other, later) in pairwise(rows.weather)
        if later - earlier > WEATHER_GAP and (not begin or later > begin) and (not end or earlier < end)
    ]


@check(WARNING, "sample-gaps")
def weather_has_gaps(rows: SessionRows) -> Iterator[Finding]:
    """Over five minutes of a session without weather, which is measured every minute."""
    for length, one, other in weather_gaps(rows):
        yield Finding(message=f"No weather for {length.total_seconds() / 60:.0f} minutes.", rows={"weather": [one, other]})


@check(WARNING, "sample-gaps")
def weather_of_another_session(rows: SessionRows) -> Iterator[Finding]:
    """Weather from hours after the session: another one's was filed under it (9466 has that of the next day)."""
    end = rows.session.date_end
    strays = [pk for pk, date in rows.weather if end and date > end + timedelta(hours=2)]
    if strays:
        yield Finding(
            message=f"{plural(len(strays), 'measurement')} from over two hours after the end.", rows={"weather": strays}
        )


@check(NOTE, "messages-about-nobody")
def messages_without_car(rows: SessionRows) -> Iterator[Finding]:
    """Messages that name a car in their words only: a filter by `driver_number` does not find them."""
    named = [row for row in rows.messages if row.driver_number is None and NAMES_A_CAR.search(row.message or "")]
    if named:
        yield Finding(
            message=f"{plural(len(named), 'message')} about cars without a driver_number.", rows={"race_control": keys(named)}
        )


@check(WARNING, "messages-about-nobody")
def messages_undated(rows: SessionRows) -> Iterator[Finding]:
    """Messages that do not say when: the flags they speak of cannot be laid beside laps."""
    undated = [row for row in rows.messages if row.date is None]
    if undated:
        yield Finding(message=f"{plural(len(undated), 'message')} without a date.", rows={"race_control": keys(undated)})


@check(NOTE, "messages-twice")
def messages_repeat(rows: SessionRows) -> Iterator[Finding]:
    """The same words at the same moment in two rows, which differ in another field."""
    seen: dict[tuple, list[int]] = {}
    for row in rows.messages:
        seen.setdefault((row.date, row.message), []).append(row.pk)
    same = [pk for pks in seen.values() if len(pks) > 1 for pk in pks]
    if same:
        yield Finding(message=f"{plural(len(same), 'message')} said more than once at one moment.", rows={"race_control": same})
