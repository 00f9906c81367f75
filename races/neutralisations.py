"""When the track was not free: what race control said, read as windows of time.

The rules were found on the messages of 2023 and 2024. A safety car lasts until "TRACK CLEAR" (or a green light), a virtual one
until 15 s after "ENDING", a sector's yellow flag until that sector is clear. A red flag lasts until the pit exit opens again;
a race is stopped until five minutes after the announced restart, because the first laps after it are driven in formation.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from races.models import Neutralisation, RaceControl, Session

State = Neutralisation.State

AFTER_RESTART = timedelta(seconds=300)  # after the announced restart of a race: formation lap or laps behind the safety car
AFTER_VIRTUAL = timedelta(seconds=15)  # "ENDING" comes 10 to 15 s before the track is green
LONGEST_YELLOW = timedelta(seconds=400)  # some yellow flags are never taken back in the messages
LATE = timedelta(minutes=5)  # a restart is announced, and announced again, until shortly after its time
DAY = timedelta(days=1)
RESUME_AT = re.compile(r"RESUME AT (\d{1,2}):(\d{2})")
OFFSET = re.compile(r"([+-]?)(\d{1,2}):(\d{2})(?::(\d{2}))?")


class Message(NamedTuple):
    """What is read of a message of race control."""

    date: datetime
    flag: str | None
    scope: str | None
    sector: int | None
    message: str | None


class Window(NamedTuple):
    """A time in which the track was not free; without an end where no message ends it."""

    state: str
    date_start: datetime
    date_end: datetime | None
    sector: int | None  # of yellow flags


def offset(gmt_offset: str | None) -> timedelta | None:
    """Local time minus UTC: "-04:00:00" -> minus four hours; None where the text cannot be read."""
    found = OFFSET.fullmatch(gmt_offset or "")
    if not found:
        return None
    sign, hours, minutes, seconds = found.groups()
    span = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    return -span if sign == "-" else span


class Reader:
    """Reads one session's messages in order."""

    def __init__(self, gmt_offset: timedelta):
        self.gmt_offset = gmt_offset
        self.windows: list[Window] = []
        self.open: dict[tuple[str, int | None], int] = {}  # places in `windows` of those that have not ended
        self.race_restarts_at: datetime | None = None

    def begin(self, now: datetime, state: str, sector: int | None = None) -> None:
        if (state, sector) not in self.open:
            self.open[state, sector] = len(self.windows)
            self.windows.append(Window(state, now, None, sector))

    def end(self, when: datetime, state: str, sector: int | None = None) -> None:
        place = self.open.pop((state, sector), None)
        if place is not None:
            self.windows[place] = self.windows[place]._replace(date_end=when)

    def all_clear(self, now: datetime, *, pit_exit_opens: bool = False) -> None:
        """End all but a red flag; that too when the pit exit opens, unless a race's restart is announced for later."""
        for state, sector in list(self.open):
            if state != State.RED_FLAG or (pit_exit_opens and not self.race_restarts_at):
                self.end(now, state, sector)

    def stop(self, now: datetime) -> None:
        """A red flag; one within five minutes of a restart is another one."""
        if self.race_restarts_at:
            self.end(now, State.RED_FLAG)
            self.race_restarts_at = None
        self.begin(now, State.RED_FLAG)

    def read(self, row: Message) -> None:
        now, said = row.date, row.message or ""
        if self.race_restarts_at and now > self.race_restarts_at:
            self.end(self.race_restarts_at, State.RED_FLAG)
            self.race_restarts_at = None
        if row.flag:
            self.read_flag(now, row.flag, row.scope, row.sector)
        elif said.startswith("SAFETY CAR DEPLOYED"):
            self.end(now, State.VIRTUAL_SAFETY_CAR)
            self.begin(now, State.SAFETY_CAR)
        elif said.startswith("VIRTUAL SAFETY CAR DEPLOYED"):
            self.begin(now, State.VIRTUAL_SAFETY_CAR)
        elif said.startswith("VIRTUAL SAFETY CAR ENDING"):
            self.end(now + AFTER_VIRTUAL, State.VIRTUAL_SAFETY_CAR)
        elif said.startswith("RACE WILL RESUME") and (clock := RESUME_AT.search(said)):
            self.race_restarts_at = self.next_time(now, *map(int, clock.groups())) + AFTER_RESTART

    def read_flag(self, now: datetime, flag: str, scope: str | None, sector: int | None) -> None:
        if flag == "RED":
            self.all_clear(now)
            self.stop(now)
        elif flag in ("CLEAR", "GREEN") and scope == "Track":
            self.all_clear(now, pit_exit_opens=flag == "GREEN")
        elif flag in ("YELLOW", "DOUBLE YELLOW"):
            self.begin(now, State.YELLOW_FLAG, sector)
        elif flag == "CLEAR" and scope == "Sector":
            self.end(now, State.YELLOW_FLAG, sector)

    def next_time(self, now: datetime, hours: int, minutes: int) -> datetime:
        """When clocks at the circuit show HH:MM next, or showed it in the last minutes."""
        local = now + self.gmt_offset
        wait = timedelta(hours=hours, minutes=minutes) - (local - local.replace(hour=0, minute=0, second=0, microsecond=0))
        return now + (wait + LATE) % DAY - LATE

    def finished(self) -> list[Window]:
        """All windows, after the last message."""
        if self.race_restarts_at:
            self.end(self.race_restarts_at, State.RED_FLAG)
        return [capped(window) if window.state == State.YELLOW_FLAG else window for window in self.windows]


def capped(window: Window) -> Window:
    latest = window.date_start + LONGEST_YELLOW
    return window._replace(date_end=min(window.date_end or latest, latest))


def windows(messages: Iterable[Message], *, gmt_offset: timedelta) -> list[Window]:
    """The windows of one session, by their start, in which the track was not free; the order of `messages` does not matter.

    `gmt_offset` is local time minus UTC: restarts are announced in local time.
    """
    reader = Reader(gmt_offset)
    for message in sorted((m for m in messages if m.date), key=lambda m: m.date):
        reader.read(message)
    return reader.finished()


def refresh(session_id: int) -> None:
    """Bring the stored windows of a session in line with its messages; writes only when they differ."""
    gmt_offset = Session.objects.filter(pk=session_id).values_list("gmt_offset", flat=True).first()
    messages = RaceControl.objects.filter(session_id=session_id).order_by("date", "pk").values_list(*Message._fields)
    found = windows(map(Message._make, messages), gmt_offset=offset(gmt_offset) or timedelta())
    stored = Neutralisation.objects.filter(session_id=session_id)
    if list(map(Window._make, stored.order_by("pk").values_list(*Window._fields))) != found:
        stored.delete()
        Neutralisation.objects.bulk_create(Neutralisation(session_id=session_id, **window._asdict()) for window in found)
