"""Neutralisations: red flags, safety cars and yellow flags as windows of time, derived from the messages of race control.

The rules were found in the messages of 2023 and 2024. A safety car lasts until "TRACK CLEAR" (or a green light), a virtual one
until 15 s after "ENDING", a sector's yellow flag until that sector is clear. A red flag lasts until the pit exit opens again;
a race is stopped until five minutes after the announced restart, because the first laps after it are driven in formation.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from races.models import Neutralisation, RaceControl, Session

State = Neutralisation.State

FORMATION_TIME = timedelta(seconds=300)  # after the announced restart of a race: formation lap or laps behind the safety car
VIRTUAL_ENDING_TIME = timedelta(seconds=15)  # "ENDING" comes 10 to 15 s before the track is green
MAX_YELLOW_TIME = timedelta(seconds=400)  # no message ends some yellow flags
MAX_ANNOUNCEMENT_DELAY = timedelta(minutes=5)  # a restart is announced repeatedly, until shortly after its time
DAY = timedelta(days=1)
RESUME_AT = re.compile(r"RESUME AT (\d{1,2}):(\d{2})")
OFFSET = re.compile(r"([+-]?)(\d{1,2}):(\d{2})(?::(\d{2}))?")


class Message(NamedTuple):
    """The fields of a race control message that the rules use."""

    date: datetime
    flag: str | None
    scope: str | None
    sector: int | None
    message: str | None


class Window(NamedTuple):
    """A time in which the track was not free; `date_end` is None if no message ends it."""

    state: str
    date_start: datetime
    date_end: datetime | None
    sector: int | None  # of yellow flags


def parse_gmt_offset(gmt_offset: str | None) -> timedelta | None:
    """Local time minus UTC: "-04:00:00" -> minus four hours; None if the text is not such an offset."""
    match = OFFSET.fullmatch(gmt_offset or "")
    if not match:
        return None
    sign, hours, minutes, seconds = match.groups()
    span = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    return -span if sign == "-" else span


class WindowBuilder:
    """Builds the windows of one session from its messages, which are read in the order of their dates."""

    def __init__(self, gmt_offset: timedelta) -> None:
        self.gmt_offset = gmt_offset
        self.windows: list[Window] = []
        self.open: dict[tuple[str, int | None], int] = {}  # {(state, sector): index in `windows`}
        self.race_restarts_at: datetime | None = None

    def begin_window(self, now: datetime, state: str, sector: int | None = None) -> None:
        if (state, sector) not in self.open:
            self.open[state, sector] = len(self.windows)
            self.windows.append(Window(state, now, None, sector))

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

    def read(self, row: Message) -> None:
        now, text = row.date, row.message or ""
        if self.race_restarts_at and now > self.race_restarts_at:
            self.end_window(self.race_restarts_at, State.RED_FLAG)
            self.race_restarts_at = None
        if row.flag:
            self.read_flag(now, row.flag, row.scope, row.sector)
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

    def finish(self) -> list[Window]:
        """All windows, after the last message was read."""
        if self.race_restarts_at:
            self.end_window(self.race_restarts_at, State.RED_FLAG)
        return [limit_yellow_flag(window) if window.state == State.YELLOW_FLAG else window for window in self.windows]


def limit_yellow_flag(window: Window) -> Window:
    """The window of a yellow flag, at most `MAX_YELLOW_TIME` long."""
    latest = window.date_start + MAX_YELLOW_TIME
    return window._replace(date_end=min(window.date_end or latest, latest))


def find_windows(messages: Iterable[Message], *, gmt_offset: timedelta) -> list[Window]:
    """The windows of one session in which the track was not free, ordered by start; `messages` may be in any order.

    `gmt_offset` is local time minus UTC: restarts are announced in local time.
    """
    builder = WindowBuilder(gmt_offset)
    for message in sorted((m for m in messages if m.date), key=lambda m: m.date):
        builder.read(message)
    return builder.finish()


def update_neutralisations(session_id: int) -> None:
    """Replace the stored windows of a session by those of its messages, if they differ."""
    gmt_offset = Session.objects.filter(pk=session_id).values_list("gmt_offset", flat=True).first()
    messages = RaceControl.objects.filter(session_id=session_id).order_by("date", "pk").values_list(*Message._fields)
    derived = find_windows(map(Message._make, messages), gmt_offset=parse_gmt_offset(gmt_offset) or timedelta())
    stored = Neutralisation.objects.filter(session_id=session_id)
    if list(map(Window._make, stored.order_by("pk").values_list(*Window._fields))) != derived:
        stored.delete()
        Neutralisation.objects.bulk_create(Neutralisation(session_id=session_id, **window._asdict()) for window in derived)
