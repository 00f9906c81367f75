"""Deleted laps: lap times that race control took away, mostly for track limits, as its messages say.

"CAR 12 (ABC) TIME 1:32.100 DELETED - TRACK LIMITS AT TURN 4 LAP 7 15:11:52" names car, time and lap; the lap is missing where the
next lap was affected ("(NEXT LAP)"), the time where the lap has none ("CAR 12 (ABC) LAP DELETED - …"). A later message can
reinstate a lap. In the recorded messages of 2023 and 2024 the named lap has the named time in 336 of 336 cases with one such lap.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from mirror import versions
from races.messages import normalise_message
from races.models import RaceControl
from telemetry.models import Lap

MESSAGE = re.compile(
    r"CAR (?P<car>\d{1,3})\b.*?\b(?:TIME|LAP)(?: (?:(?P<minutes>\d{1,3}):)?(?P<seconds>\d{1,5}\.\d{1,6}))?"
    r"(?: WAS| IS| HAS BEEN| WILL BE)? (?P<verb>DELETED|REINSTATED)(?: ?[-–] ?(?P<rest>.*))?"
)
LAP_NUMBER = re.compile(r"\s+LAP (\d{1,4})\b.*")
NOTE = re.compile(r"\s*\([^)]*\)\s*$")  # "(NEXT LAP)", "(PIT)"
MAX_LAP_DISTANCE = 1  # laps between the one a message names and the deleted one
MAX_DELAY = timedelta(minutes=15)  # between the end of a lap and the message that deletes it without saying which lap it was


class Verdict(NamedTuple):
    """A message that deletes or reinstates a lap."""

    driver_number: int
    lap_duration: float | None  # seconds
    lap_number: int | None
    reason: str
    deletes: bool  # false: reinstates
    date: datetime | None


class LapTime(NamedTuple):
    """The fields of a lap by which a verdict finds it."""

    driver_number: int
    lap_number: int
    date_start: datetime | None
    lap_duration: float | None

    @property
    def date_end(self) -> datetime | None:
        if self.date_start is None or self.lap_duration is None:
            return None
        return self.date_start + timedelta(seconds=self.lap_duration)


def read_verdict(message: str | None, date: datetime | None = None) -> Verdict | None:
    """What a message of race control says about the time of a lap; None for all other messages."""
    match = MESSAGE.match(normalise_message(message))
    if not match:
        return None
    seconds = round(int(match["minutes"] or 0) * 60 + float(match["seconds"]), 3) if match["seconds"] else None
    rest = match["rest"] or ""
    named = LAP_NUMBER.search(rest)
    reason = NOTE.sub("", LAP_NUMBER.sub("", rest)).strip()
    return Verdict(
        driver_number=int(match["car"]),
        lap_duration=seconds,
        lap_number=int(named[1]) if named else None,
        reason=reason or "deleted",
        deletes=match["verb"] == "DELETED",
        date=date,
    )


def find_lap(verdict: Verdict, laps: list[LapTime], taken: dict[tuple[int, int], str]) -> LapTime | None:
    """The lap of this car that a verdict is about, by its time and number; None if none fits.

    Of several laps with the same time the nearest to the named lap is taken, or else the one that had just ended; one that is
    not `taken` by an earlier message, if the verdict deletes, or one that is, if it reinstates.
    """
    if verdict.lap_duration is None:
        return next((lap for lap in laps if lap.lap_number == verdict.lap_number), None)
    candidates = [lap for lap in laps if lap.lap_duration is not None and abs(lap.lap_duration - verdict.lap_duration) < 0.0005]
    if verdict.lap_number is not None:
        candidates = [lap for lap in candidates if abs(lap.lap_number - verdict.lap_number) <= MAX_LAP_DISTANCE]
    elif verdict.deletes and verdict.date:
        candidates = [lap for lap in candidates if lap.date_end is None or abs(verdict.date - lap.date_end) <= MAX_DELAY]

    def distance(lap: LapTime) -> tuple:
        fits = ((lap.driver_number, lap.lap_number) in taken) != verdict.deletes
        delay = abs(verdict.date - lap.date_end) if verdict.date and lap.date_end else timedelta.max
        return not fits, abs(lap.lap_number - (verdict.lap_number or lap.lap_number)), delay

    return min(candidates, key=distance, default=None)


def find_deleted_laps(verdicts: Iterable[Verdict], laps: Iterable[LapTime]) -> tuple[dict[tuple[int, int], str], list[Verdict]]:
    """({(driver number, lap number): reason} of the laps that stay deleted, verdicts about laps that are not there).

    Verdicts are in the order of their messages: the last one about a lap counts.
    """
    by_car: dict[int, list[LapTime]] = {}
    for lap in laps:
        by_car.setdefault(lap.driver_number, []).append(lap)
    deleted: dict[tuple[int, int], str] = {}
    unknown: list[Verdict] = []
    for verdict in verdicts:
        target = find_lap(verdict, by_car.get(verdict.driver_number, []), deleted)
        if target is None:
            unknown.append(verdict)
        elif verdict.deletes:
            deleted[target.driver_number, target.lap_number] = verdict.reason
        else:
            deleted.pop((target.driver_number, target.lap_number), None)
    return deleted, unknown


def update_deleted_laps(session_id: int) -> None:
    """Bring `deleted` and `deletion_reason` of a session's laps in line with the messages of race control."""
    messages = RaceControl.objects.filter(session_id=session_id).order_by("date", "pk").values_list("message", "date")
    verdicts = [verdict for message, date in messages if (verdict := read_verdict(message, date))]
    laps = Lap.objects.filter(session_id=session_id)
    stored = {(lap.driver_number, lap.lap_number): lap for lap in laps.filter(deleted=True)}
    if not verdicts and not stored:
        return
    deleted, _ = find_deleted_laps(verdicts, map(LapTime._make, laps.order_by("pk").values_list(*LapTime._fields)))
    wrong = {key for key in deleted.keys() | stored.keys() if deleted.get(key) != (key in stored and stored[key].deletion_reason)}
    cars = {car for car, _ in wrong}
    changed = [lap for lap in laps.filter(driver_number__in=cars) if (lap.driver_number, lap.lap_number) in wrong]
    now = timezone.now()
    for lap in changed:
        lap.deletion_reason = deleted.get((lap.driver_number, lap.lap_number))
        lap.deleted, lap.changed_at = lap.deletion_reason is not None, now
    if changed:
        Lap.objects.bulk_update(changed, ["deleted", "deletion_reason", "changed_at"])
        versions.touch("laps", session_id)
