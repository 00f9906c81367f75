"""Samples of cars and positions from the feed: collected in memory, and written to the sample files twice a minute."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from live.intake import AWAY
from live.messages import Message
from mirror.errors import NotStored
from mirror.feeds import Feed, registry
from mirror.storage import FileStorage, StorageUnavailable
from races.models import Session
from telemetry.models import SampleFile
from telemetry.samples.ingest import append

log = logging.getLogger(__name__)

MANY = 100_000  # samples that wait at most; at the feed's pace a quarter of an hour of them
HELD_BACK = timedelta(seconds=2)  # the newest samples wait: of one moment there can be two, and not all come in order
Car = tuple[str, int, int]  # (collection, session, car)


class Samples:
    """Samples that are not in the files yet."""

    def __init__(self, *, source: str) -> None:
        self.source = source
        self.feeds: dict[str, Feed] = {n: feed for n, feed in registry().items() if isinstance(feed.storage, FileStorage)}
        self.waiting: dict[Car, dict[str, tuple[int, Any, dict]]] = defaultdict(dict)  # {car: {`_key`: (`_id`, date, row)}}
        self.counts: Counter[str] = Counter()

    def add(self, collection: str, messages: Iterable[Message]) -> list[tuple[int, int, Any]]:
        """Take messages over; returns the valid samples as (session, car, sample)."""
        feed, rows, places = self.feeds[collection], [], []
        for message in messages:
            row, version = message.row, message.version
            session, car = (row or {}).get("session_key"), (row or {}).get("driver_number")
            if not row or not version or not is_key(session) or not is_key(car):
                self.counts["rejected"] += 1
                continue
            rows.append(row)
            places.append((version, int(session), int(car)))  # type: ignore[arg-type]
        built, invalid = feed.build(rows)
        self.counts["rejected"] += len(invalid)
        wrong = {id(row) for row, _ in invalid}
        valid = [(place, row) for place, row in zip(places, rows, strict=True) if id(row) not in wrong]
        for ((key, number), session, car), row, sample in (
            (place, row, sample) for (place, row), sample in zip(valid, built, strict=True)
        ):
            known = self.waiting[collection, session, car].get(key)
            if known is None or known[0] < number:
                self.waiting[collection, session, car][key] = (number, sample.date, row)
        return [(session, car, sample) for ((_, session, car), _), sample in zip(valid, built, strict=True)]

    @property
    def are_many(self) -> bool:
        return sum(map(len, self.waiting.values())) >= MANY

    def leave_out_oldest(self) -> None:
        """Forget the older half of what waits, where nothing can be stored; the sync after the session brings it."""
        log.error("Samples are left out, because they could not be stored for too long")
        for samples in self.waiting.values():
            for key, _ in sorted(samples.items(), key=lambda each: each[1][1])[: len(samples) // 2]:
                del samples[key]
                self.counts["left out"] += 1

    def store(self, *, everything: bool = False) -> set[int]:
        """Append what is there to the files, but for the newest seconds unless `everything`; returns the sessions written to."""
        written = set()
        listed = set(Session.objects.filter(pk__in={session for _, session, _ in self.waiting}).values_list("pk", flat=True))
        for (collection, session, car), samples in self.waiting.items():
            if session not in listed or not samples:
                continue
            until = max(date for _, date, _ in samples.values()) - (timedelta(0) if everything else HELD_BACK)
            ready = {key: each for key, each in samples.items() if each[1] <= until}
            rows = [row for _, _, row in sorted(ready.values(), key=lambda each: (each[1], each[0]))]
            if rows:
                try:
                    changes = append(self.feeds[collection], rows, session_id=session, driver_number=car, source=self.source)
                except AWAY:
                    raise
                except (StorageUnavailable, NotStored) as error:  # an object store is away, or the disk is full
                    log.warning("Samples wait: %s", error)
                    continue
                except Exception:
                    log.exception("Samples of %s of car %s could not be stored", collection, car)
                else:
                    self.counts.update(changes.counts)
                    written.add(session)
            for key in ready:
                del samples[key]
        return written


def is_key(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def last_dates(session_id: int) -> dict[tuple[str, int], Any]:
    """{(collection, car): moment of the last sample in its file}"""
    rows = SampleFile.objects.filter(session_id=session_id)
    return {(collection, car): at for collection, car, at in rows.values_list("collection", "driver_number", "last_date")}
