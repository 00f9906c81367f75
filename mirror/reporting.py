"""How a sync reports: an observer while it runs, a report at its end."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from mirror.errors import OpenF1Error
from mirror.feeds import Feed
from mirror.models import Counts
from mirror.planning import Weekend


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

    @property
    def total(self) -> Counter:
        return sum(self.collections.values(), Counter())

    def add(self, other: "Report") -> None:
        """Add the report of a later sync to this one."""
        self.run_id, self.races = other.run_id, other.races
        self.requests += other.requests
        self.skipped += other.skipped
        self.errors += other.errors
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
            "errors": [str(error) for error in self.errors],
        }


class Observer:
    """Receives the progress of a sync. This one ignores it; the command and background jobs show it."""

    def planned(self, weekends: list[Weekend], feeds: list[Feed]) -> None: ...
    def fetching(self, feed: Feed, weekend: Weekend) -> None: ...
    def stored(self, feed: Feed, weekend: Weekend, counts: Counter) -> None: ...
    def car(self, feed: Feed, session: int, driver_number: int, samples: int, seconds: float) -> None: ...
    def failed(self, what: str, error: OpenF1Error) -> None: ...
