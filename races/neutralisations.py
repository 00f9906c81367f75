"""Neutralisations: red flags, safety cars and yellow flags as windows of time, derived from the messages of race control.

The rules were found in the messages of 2023 and 2024. A safety car lasts until "TRACK CLEAR" (or a green light), a virtual one
until 15 s after "ENDING", a sector's yellow flag until that sector is clear. A red flag lasts until the pit exit opens again;
a race is stopped until five minutes after the announced restart, because the first laps after it are driven in formation.

Messages get lost. A red flag or a safety car whose end is not announced, or only long after the cars raced again, ends where the
laps show that they did; a yellow flag ends after 400 s. Such an end is marked as inferred.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from races.messages import flag_of, normalise_message, scope_of
from races.models import Neutralisation, RaceControl, Session

State = Neutralisation.State

FORMATION_TIME = timedelta(seconds=300)  # after the announced restart of a race: formation lap or laps behind the safety car
VIRTUAL_ENDING_TIME = timedelta(seconds=15)  # "ENDING" comes 10 to 15 s before the track is green
MAX_YELLOW_TIME = timedelta(seconds=400)  # no message ends some yellow flags
MAX_ANNOUNCEMENT_DELAY = timedelta(minutes=5)  # a restart is announced repeatedly, until shortly after its time
DAY = timedelta(days=1)
MAX_OFFSET = timedelta(hours=14)  # of local time from UTC, anywhere
# A lap at racing speed takes at most this many times the quartile of the laps; to catch up with a safety car 1.13, behind it 1.3.
MAX_RACING_RATIO = 1.1
MAX_WET_RATIO = 1.2  # the laps after a flag may be this much slower than those of the whole session, because of rain
MIN_RACING_CARS = 3  # cars that have to race before a window ends: one wrong lap time ends none
MIN_RACING_SHARE = 0.5  # of the cars that begin a lap at about the same time
MIN_LATENESS = timedelta(minutes=5)  # an announced end this long after the cars raced again is that of another incident
RESUME_AT = re.compile(r"RESUME AT (\d{1,2}):(\d{2})")
OFFSET = re.compile(r"([+-]?)(\d{1,2}):(\d{2})(?::(\d{2}))?")


class Message(NamedTuple):
    """The fields of a race control message that the rules use."""

    date: datetime
    flag: str | None
    scope: str | None
    sector: int | None
    message: str | None


class TimedLap(NamedTuple):
    """A lap that shows how fast cars were."""

    driver_number: int
    date_start: datetime
    lap_duration: float  # seconds


class Window(NamedTuple):
    """A time in which the track was not free; `date_end` is None if nothing ends it."""

    state: str
    date_start: datetime
    date_end: datetime | None
    sector: int | None  # of yellow flags
    inferred: bool = False  # no message says when it ended


def parse_gmt_offset(gmt_offset: str | None) -> timedelta | None:
    """Local time minus UTC: "-04:00:00" -> minus four hours; None if the text is not such an offset."""
    match = OFFSET.fullmatch(gmt_offset or "")
    if not match:
        return None
    sign, hours, minutes, seconds = match.groups()
    span = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    if span > MAX_OFFSET:
        return None
    return -span if sign == "-" else span


class WindowBuilder:
    """Builds the windows of one session from its messages, which are read in the order of their dates."""

    def __init__(self, gmt_offset: timedelta) -> None:
        self.gmt_offset = gmt_offset
        self.windows: list[Window] = []
        self.begins: list[list[datetime]] = []  # of each window: when its state was announced, once or again
        self.open: dict[tuple[str, int | None], int] = {}  # {(state, sector): index in `windows`}
        self.race_restarts_at: datetime | None = None

    def begin_window(self, now: datetime, state: str, sector: int | None = None) -> None:
        if (state, sector) not in self.open:
            self.open[state, sector] = len(self.windows)
            self.windows.append(Window(state, now, None, sector))
            self.begins.append([])
        self.begins[self.open[state, sector]].append(now)

    def end_window(self, when: datetime, state: str, sector: int | None = None) -> None:
        index = self.open.pop((state, sector), None)
        if index is not None:
            self.windows[index] = self.windows[index]._replace(date_end=when)

    def end_all(self, now: datetime, *, pit_exit_opens: bool = False) -> None:
        """End all windows but a red flag, and that too if the pit exit opens and no restart of a race has been announced."""
        for state, sector in list(self.open):
            if state != State.RED_FLAG or (pit_exit_opens and not self.race_restarts_at):
                self.end_window(now, state, sector)

    def begin_red_flag(self, now: datetime) -> None:
        """Begin the window of a red flag; one that is shown after a restart was announced ends the earlier window."""
        if self.race_restarts_at:
            self.end_window(now, State.RED_FLAG)
            self.race_restarts_at = None
        self.begin_window(now, State.RED_FLAG)

    def add_message(self, row: Message) -> None:
        now, text = row.date, re.sub(r"^VSC\b", "VIRTUAL SAFETY CAR", normalise_message(row.message))
        flag = flag_of(row.flag, text)
        if self.race_restarts_at and now > self.race_restarts_at:
            self.end_window(self.race_restarts_at, State.RED_FLAG)
            self.race_restarts_at = None
        if flag:
            self.read_flag(now, flag, scope_of(row.scope, row.sector), row.sector)
        elif text.startswith("SAFETY CAR DEPLOYED"):
            self.end_window(now, State.VIRTUAL_SAFETY_CAR)
            self.begin_window(now, State.SAFETY_CAR)
        elif text.startswith("VIRTUAL SAFETY CAR DEPLOYED"):
            self.begin_window(now, State.VIRTUAL_SAFETY_CAR)
        elif text.startswith("VIRTUAL SAFETY CAR ENDING"):
            self.end_window(now + VIRTUAL_ENDING_TIME, State.VIRTUAL_SAFETY_CAR)
        elif text.startswith("RACE WILL RESUME") and (clock := RESUME_AT.search(text)):
            self.race_restarts_at = self.next_time(now, *map(int, clock.groups())) + FORMATION_TIME

    def read_flag(self, now: datetime, flag: str, scope: str | None, sector: int | None) -> None:
        if flag == "RED":
            self.end_all(now)
            self.begin_red_flag(now)
        elif flag in ("CLEAR", "GREEN") and scope == "Track":
            self.end_all(now, pit_exit_opens=flag == "GREEN")
        elif flag in ("YELLOW", "DOUBLE YELLOW"):
            self.begin_window(now, State.YELLOW_FLAG, sector)
        elif flag == "CLEAR" and scope == "Sector":
            self.end_window(now, State.YELLOW_FLAG, sector)

    def next_time(self, now: datetime, hours: int, minutes: int) -> datetime:
        """The next moment at which it is HH:MM at the circuit; also one that passed at most five minutes ago."""
        local = now + self.gmt_offset
        wait = timedelta(hours=hours, minutes=minutes) - (local - local.replace(hour=0, minute=0, second=0, microsecond=0))
        return now + (wait + MAX_ANNOUNCEMENT_DELAY) % DAY - MAX_ANNOUNCEMENT_DELAY

    def finish(self, racing: "RacingLaps") -> list[Window]:
        """All windows, ordered by start, after the last message was read."""
        if self.race_restarts_at:
            self.end_window(self.race_restarts_at, State.RED_FLAG)
        pairs = zip(self.windows, self.begins, strict=True)
        return sorted(
            (part for window, begins in pairs for part in split_window(window, begins, racing)), key=lambda part: part.date_start
        )


class RacingLaps:
    """The laps of a session, which show when the field raced again."""

    def __init__(self, laps: Iterable[tuple]) -> None:
        self.laps = sorted(map(TimedLap._make, laps), key=lambda lap: lap.date_start)
        self.cars = len({lap.driver_number for lap in self.laps})

    def resumed_after(self, moment: datetime) -> datetime | None:
        """The start of the first lap at racing speed after a moment on which most of the field went along; None if none did."""
        later = [lap for lap in self.laps if lap.date_start >= moment]
        if not later:
            return None
        usual, since = lower_quartile(self.laps), lower_quartile(later)
        longest = MAX_RACING_RATIO * (max(since, usual) if since <= MAX_WET_RATIO * usual else usual)
        racing = (
            index for index, lap in enumerate(later) if lap.lap_duration <= longest and self.field_races(later[index:], longest)
        )
        return next((later[index].date_start for index in racing), None)

    def field_races(self, laps: Sequence[TimedLap], longest: float) -> bool:
        """Whether most of the cars that begin a lap within one lap's time of the first of these take at most `longest` for it."""
        latest = laps[0].date_start + timedelta(seconds=longest)
        racing: dict[int, bool] = {}  # {driver_number: whether its first lap of these was at racing speed}
        for lap in laps:
            if lap.date_start > latest:
                break
            racing.setdefault(lap.driver_number, lap.lap_duration <= longest)
        count = sum(racing.values())
        return count >= min(MIN_RACING_CARS, self.cars) and count >= MIN_RACING_SHARE * len(racing)


def lower_quartile(laps: Sequence[TimedLap]) -> float:
    """A lap time in seconds that a quarter of the laps do not exceed: no single lap moves it far."""
    return sorted(lap.lap_duration for lap in laps)[len(laps) // 4]


def infer_end(window: Window, racing: RacingLaps) -> Window:
    """The window; with an inferred end if no message ends it, or one that is too late to belong to it."""
    if window.state == State.YELLOW_FLAG:  # of a sector: the time of a whole lap does not show it
        end: datetime | None = window.date_start + MAX_YELLOW_TIME
        lateness = timedelta()
    else:
        end, lateness = racing.resumed_after(window.date_start), MIN_LATENESS
    if end and (window.date_end is None or window.date_end - end > lateness):
        return window._replace(date_end=end, inferred=True)
    return window


def split_window(window: Window, begins: list[datetime], racing: RacingLaps) -> list[Window]:
    """The window with its end; if that was inferred, a later announcement of the same state begins another window."""
    ended = infer_end(window, racing)
    later = [moment for moment in begins if ended.inferred and ended.date_end and moment > ended.date_end]
    return [ended, *(split_window(window._replace(date_start=later[0]), later, racing) if later else ())]


def find_windows(messages: Iterable[Message], *, gmt_offset: timedelta, laps: Iterable[tuple] = ()) -> list[Window]:
    """The windows of one session in which the track was not free, ordered by start; `messages` may be in any order.

    `gmt_offset` is local time minus UTC: restarts are announced in local time. `laps`, with the values of `TimedLap`, show where
    a window ended that no message ends.
    """
    builder = WindowBuilder(gmt_offset)
    for message in sorted((m for m in messages if m.date), key=lambda m: m.date):
        builder.add_message(message)
    return builder.finish(RacingLaps(laps)) if builder.windows else []


def are_known(session_id: int) -> bool:
    """Whether messages of race control are stored of a session; without them nobody knows when its track was free."""
    return RaceControl.objects.filter(session_id=session_id, date__isnull=False).exists()


def unknown_sessions(session_ids: Iterable[int]) -> set[int]:
    """Those of these stored sessions of which nobody knows when the track was free."""
    stored = Session.objects.filter(pk__in=list(session_ids))
    return set(stored.exclude(race_control__date__isnull=False).values_list("pk", flat=True))


def update_neutralisations(session_id: int, *, laps: Iterable[tuple] = ()) -> None:
    """Replace the stored windows of a session by those of its messages, if they differ; `laps` as `find_windows` takes them."""
    gmt_offset = Session.objects.filter(pk=session_id).values_list("gmt_offset", flat=True).first()
    messages = RaceControl.objects.filter(session_id=session_id).order_by("date", "pk").values_list(*Message._fields)
    derived = find_windows(map(Message._make, messages), gmt_offset=parse_gmt_offset(gmt_offset) or timedelta(), laps=laps)
    stored = Neutralisation.objects.filter(session_id=session_id)
    if list(map(Window._make, stored.order_by("pk").values_list(*Window._fields))) != derived:
        stored.delete()
        Neutralisation.objects.bulk_create(Neutralisation(session_id=session_id, **window._asdict()) for window in derived)
