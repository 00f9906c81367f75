"""How a sync reports: an observer while it runs, a report at its end."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from mirror.errors import OpenF1Error
from mirror.feeds import Feed
from mirror.models import Counts
from mirror.planning import Weekend
from mirror.rejects import key_of as rejects_key

MAX_REJECTS = 10  # rejects that a report describes; the counts are exact, and the table of rejects has all


@dataclass
class Report:
    """What a sync did."""

    run_id: int | None = None
    requests: int = 0
    races: int = 0
    skipped: int = 0  # pieces that an interrupted run had already stored
    collections: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    errors: list[OpenF1Error] = field(default_factory=list)
    unknown_fields: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rejects: list[dict[str, Any]] = field(default_factory=list)  # the first: collection, key and reason

    def add_rejects(self, collection: str, rejects: Iterable[tuple[dict, str]]) -> None:
        """Describe rows that are not stored, given as (row, reason), until there are `MAX_REJECTS`."""
        for row, reason in islice(rejects, MAX_REJECTS - len(self.rejects)):
            self.rejects.append({"collection": collection, "key": rejects_key(collection, row), "reason": reason})

    @property
    def total(self) -> Counter:
        return sum(self.collections.values(), Counter())

    def add(self, other: "Report") -> None:
        """Add the report of a later sync to this one."""
        self.run_id, self.races = other.run_id, other.races
        self.requests += other.requests
        self.skipped += other.skipped
        self.errors += other.errors
        self.rejects = [*self.rejects, *other.rejects][:MAX_REJECTS]
        for collection, counts in other.collections.items():
            self.collections[collection] += counts
        for collection, names in other.unknown_fields.items():
            self.unknown_fields[collection] |= names

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON shows it."""
        return {
            "ok": not self.errors,
            "run_id": self.run_id,
            "requests": self.requests,
            "races": self.races,
            "skipped": self.skipped,
            **{name: self.total[name] for name in Counts.NAMES},
            "collections": {
                collection: {name: counts[name] for name in Counts.NAMES} for collection, counts in self.collections.items()
            },
            "unknown_fields": {collection: sorted(names) for collection, names in self.unknown_fields.items() if names},
            "rejects": self.rejects,
            "errors": [str(error) for error in self.errors],
        }


class Observer:
    """Receives the progress of a sync. This one ignores it; the command and background jobs show it."""

    def planned(self, weekends: list[Weekend], feeds: list[Feed]) -> None: ...
    def estimated(self, requests: int) -> None: ...
    def fetching(self, feed: Feed, weekend: Weekend) -> None: ...
    def skipped(self, feed: Feed, weekend: Weekend) -> None: ...
    def piece_stored(self, feed: Feed, weekend: Weekend, counts: Counter) -> None: ...
    def car(self, feed: Feed, session: int, driver_number: int, samples: int, seconds: float) -> None: ...
    def failed(self, what: str, error: OpenF1Error) -> None: ...
