"""What a check is, and what it finds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from telemetry.quality.session_rows import SessionRows

MAX_STORED_KEYS = 100  # primary keys that are kept of a finding; its count is always exact


class Severity(models.TextChoices):
    """How much a finding matters to somebody who uses the rows."""

    ERROR = "error", "error: rows contradict each other or themselves; taken at face value they mislead"
    WARNING = "warning", "warning: something is missing or unlikely, and can distort a result"
    NOTE = "note", "note: usual for this source, and worth knowing"


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed correction: the value that one field of one row should have, as other rows say. Values are JSON's."""

    proposal_id: str  # the same for the same proposal in every check of the session
    collection: str
    key: dict[str, Any]  # of the row
    field: str
    stored: Any  # the value that the proposal replaces; with another one it no longer fits
    value: Any
    why: str


@dataclass(kw_only=True)
class Finding:
    """One thing that a check found in a session. `rows` are the primary keys of the rows concerned, by collection."""

    message: str
    driver_number: int | None = None
    lap_number: int | None = None
    stint_number: int | None = None
    rows: dict[str, list[int]] = field(default_factory=dict)
    proposals: list[Proposal] = field(default_factory=list)  # corrections that would mend it
    check: str = ""  # name of the check, which fills it in, as its severity
    severity: str = ""

    @property
    def count(self) -> int:
        """How many rows are concerned."""
        return sum(map(len, self.rows.values()))

    def as_dict(self) -> dict[str, Any]:
        """As it is kept and shown: with `count`, and with `rows` cut short."""
        rows = {name: keys[:MAX_STORED_KEYS] for name, keys in self.rows.items()}
        return {**vars(self), "rows": rows, "proposals": [{**vars(proposal)} for proposal in self.proposals], "count": self.count}


@dataclass(frozen=True)
class Check:
    """A registered check: what it looks for, how bad that is, and which known faults of the data it covers."""

    function: Callable[["SessionRows"], Iterable[Finding]]
    severity: Severity
    quirks: tuple[str, ...]
    spoils_laps: bool

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def description(self) -> str:
        return " ".join((self.function.__doc__ or "").split())

    def __call__(self, rows: "SessionRows") -> Iterator[Finding]:
        for finding in self.function(rows):
            yield replace(finding, check=self.name, severity=self.severity.value)


def check(
    severity: Severity, *quirks: str, spoils_laps: bool = False
) -> Callable[[Callable[["SessionRows"], Iterable["Finding"]]], "Check"]:
    """Make a function a check. `quirks` are keys of `quirks.QUIRKS`; with `spoils_laps` the laps it names are not clean."""

    def decorate(function: Callable[["SessionRows"], Iterable[Finding]]) -> Check:
        return Check(function, severity, quirks, spoils_laps)

    return decorate


def keys(rows: Iterable[Any]) -> list[int]:
    """Primary keys of rows."""
    return [row.pk for row in rows]


def join_words(items: Iterable[Any], most: int = 12) -> str:
    """The items as a list in a sentence, "1, 2 and 5"; a long list is cut short and says so."""
    texts = [str(item) for item in items]
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most} more"
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
