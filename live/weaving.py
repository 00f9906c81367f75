"""Rows as the live feed would have sent them: laps in versions from their start to their time, everything at its moment."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from live.messages import TOPIC, Message

LATENCY = timedelta(seconds=0.5)  # between a moment and the arrival of what was measured then
BEFORE, AFTER = timedelta(minutes=20), timedelta(minutes=1)  # when entries arrive, and results
LAP_TIMES = ("duration_sector_1", "duration_sector_2", "duration_sector_3", "lap_duration", "i1_speed", "i2_speed", "st_speed")
LAP_SEGMENTS = ("segments_sector_1", "segments_sector_2", "segments_sector_3")
Row = dict[str, Any]


class Sent(NamedTuple):
    """A version of a row at the moment of its arrival; `key` is the same for all versions of the row."""

    t: datetime
    collection: str
    key: str
    row: Row


def weave(rows: Mapping[str, Iterable[Row]], *, start: datetime, end: datetime, first_id: int = 1) -> list[Message]:
    """All messages of a session in the order of arrival; `rows` by collection, times of the session for rows without one."""
    listed = {collection: [*each] for collection, each in rows.items()}
    begins = lap_starts(listed.get("laps", []))
    sent: list[Sent] = []
    for collection, each in listed.items():
        for number, row in enumerate(each):
            key = f"{collection}_{number}_{row.get('driver_number', '')}"
            if collection == "laps":
                sent += lap_versions(row, key, start)
            elif collection == "stints":
                sent += stint_versions(row, key, begins, start)
            else:
                sent.append(Sent(arrival(collection, row, start, end), collection, key, row))
    sent.sort(key=lambda each: each.t)
    return [
        Message(each.t, TOPIC + each.collection, {**each.row, "_key": each.key, "_id": first_id + number})
        for number, each in enumerate(sent)
    ]


def moment(text: Any) -> datetime | None:
    """A date of OpenF1's."""
    if not text:
        return None
    at = msgspec.convert(text, datetime)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def arrival(collection: str, row: Row, start: datetime, end: datetime) -> datetime:
    if collection in ("meetings", "sessions", "drivers", "starting_grid"):
        return start - BEFORE
    if collection in ("session_result", "championship_drivers", "championship_teams"):
        return end + AFTER
    lane = row.get("lane_duration") or row.get("pit_duration") or 0 if collection == "pit" else 0
    return (moment(row.get("date")) or start) + LATENCY + timedelta(seconds=min(lane, 120))


def lap_starts(laps: Iterable[Row]) -> dict[int, dict[int, datetime]]:
    """{car: {lap: when it began}}"""
    starts: dict[int, dict[int, datetime]] = defaultdict(dict)
    for lap in laps:
        if at := moment(lap.get("date_start")):
            starts[lap["driver_number"]][lap["lap_number"]] = at
    return starts


def lap_versions(row: Row, key: str, start: datetime) -> list[Sent]:
    """A lap as it grows: its start, each mini-sector line with the sector's time at its end, its time."""
    began = moment(row.get("date_start")) or start
    empty = {**row, **dict.fromkeys(name for name in (*LAP_TIMES, *LAP_SEGMENTS) if name in row)}
    versions = [Sent(began + LATENCY, "laps", key, empty)]
    current, at = dict(empty), began
    for number, (time, segments) in enumerate(zip(LAP_TIMES[:3], LAP_SEGMENTS, strict=True), start=1):
        seconds, codes = row.get(time), row.get(segments) or []
        if not seconds:
            continue
        if len(codes) > 1:
            half = {segments: [*codes[: len(codes) // 2], *[0] * (len(codes) - len(codes) // 2)]}
            versions.append(Sent(at + timedelta(seconds=seconds / 2) + LATENCY, "laps", key, {**current, **half}))
        at += timedelta(seconds=seconds)
        speed = {f"i{number}_speed": row.get(f"i{number}_speed")} if number < 3 else {}
        current |= {time: seconds, segments: row.get(segments), **speed}
        versions.append(Sent(at + LATENCY, "laps", key, dict(current)))
    if versions[-1].row != row:
        versions.append(Sent(max(at, began + timedelta(seconds=row.get("lap_duration") or 0)) + LATENCY, "laps", key, row))
    return versions


def stint_versions(row: Row, key: str, begins: dict[int, dict[int, datetime]], start: datetime) -> list[Sent]:
    """A stint as it grows, lap by lap."""
    first, last = row.get("lap_start"), row.get("lap_end")
    own = begins.get(row["driver_number"], {})
    if not first or not last or last < first:
        return [Sent(own.get(first or 0, start) + LATENCY, "stints", key, row)]
    at = start
    versions = []
    for lap in range(first, last + 1):
        at = max(at, own.get(lap, at))
        versions.append(Sent(at + LATENCY, "stints", key, {**row, "lap_end": lap}))
    return versions
