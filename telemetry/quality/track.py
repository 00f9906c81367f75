"""Faults of places, weather and race control's messages, and of the flags that the messages begin and end."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from jobs.wording import plural
from races.messages import normalise_message
from races.models import Neutralisation
from races.neutralisations import Window
from telemetry.deleted_laps import LapTime, find_deleted_laps, read_verdict
from telemetry.quality.findings import NOTE, WARNING, Finding, check, join_words, keys
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
    named = [row for row in rows.messages if row.driver_number is None and NAMES_A_CAR.search(normalise_message(row.message))]
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
    same = [pks for pks in seen.values() if len(pks) > 1]
    if same:
        yield Finding(
            message=f"{plural(len(same), 'message')} said more than once at one moment.",
            rows={"race_control": [pk for pks in same for pk in pks]},
        )


def of_window(rows: SessionRows, window: Window, message: str) -> Finding:
    """A finding about a flag or a safety car; the rows are the messages of the moment at which it began."""
    return Finding(message=message, rows={"race_control": [row.pk for row in rows.messages if row.date == window.date_start]})


@check(WARNING, "no-end")
def neutralisation_end_inferred(rows: SessionRows) -> Iterator[Finding]:
    """No message ends a red flag or a safety car in time: it ends where the laps show that the field raced again."""
    for window in rows.windows:
        if window.inferred and window.date_end and window.state != Neutralisation.State.YELLOW_FLAG:
            yield of_window(
                rows,
                window,
                f"No message ends the {window.state} of {window.date_start:%H:%M:%S}; inferred from racing laps, it ends "
                f"at {window.date_end:%H:%M:%S}. Add the message that is missing to race control if that is wrong.",
            )


@check(NOTE, "no-end")
def yellow_flag_end_inferred(rows: SessionRows) -> Iterator[Finding]:
    """Yellow flags that no message takes back within 400 s, after which they are taken to be over."""
    windows = [window for window in rows.windows if window.inferred and window.state == Neutralisation.State.YELLOW_FLAG]
    starts = {window.date_start for window in windows}
    if windows:
        yield Finding(
            message=f"{plural(len(windows), 'yellow flag')} without an end, inferred as 400 s after the start: "
            f"{join_words(f'{window.date_start:%H:%M:%S} in sector {window.sector}' for window in windows)}.",
            rows={"race_control": [row.pk for row in rows.messages if row.date in starts]},
        )


@check(WARNING, "no-end")
def neutralisation_without_end(rows: SessionRows) -> Iterator[Finding]:
    """A flag or safety car that neither a message nor the pace of the laps ends: all later laps count as driven under it."""
    for window in rows.windows:
        after = [lap for lap in rows.laps if lap.date_start and lap.date_start >= window.date_start]
        if window.date_end is None and after:
            yield of_window(
                rows,
                window,
                f"Nothing ends the {window.state} of {window.date_start:%H:%M:%S}: {plural(len(after), 'lap')} after it count as "
                "driven under it. Right if the session ended that way; else add the message that is missing.",
            )


@check(WARNING, "no-messages")
def neutralisations_unknown(rows: SessionRows) -> Iterator[Finding]:
    """No dated message of race control: whether a lap was driven behind a safety car, or was deleted, is unknown."""
    if rows.laps and not any(row.date for row in rows.messages):
        yield Finding(
            message=f"No dated message of race control: flags, safety cars and deleted laps are unknown for "
            f"{plural(len(rows.laps), 'lap')}. Sync race_control of this session.",
        )


@check(NOTE, "deleted-laps")
def deleted_lap_not_found(rows: SessionRows) -> Iterator[Finding]:
    """Messages that delete a lap time that no lap of the car has: the lap cannot be marked as deleted."""
    verdicts = {verdict: row for row in rows.messages if (verdict := read_verdict(row.message, row.date))}
    laps = [LapTime(lap.driver_number, lap.lap_number, lap.date_start, lap.lap_duration) for lap in rows.laps]
    _, unknown = find_deleted_laps(verdicts, laps)
    missing = [verdicts[verdict] for verdict in unknown if verdict.driver_number in rows.laps_of]
    if missing:
        yield Finding(
            message=f"{plural(len(missing), 'message')} about the time of a lap that no lap of the car has: "
            f"{join_words((row.message or '' for row in missing), most=3)}.",
            rows={"race_control": keys(missing)},
        )
