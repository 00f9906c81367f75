"""What the feed sends, brought into the mirror: of each row the newest valid version, once a second, as a sync would store it."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import InterfaceError, OperationalError, transaction

from live.messages import Message
from mirror import rejects
from mirror.changes import Changes
from mirror.feeds import Feed, registry
from mirror.models import SyncRun
from mirror.newer import apply_newer
from mirror.storage import FileStorage
from mirror.values import storable
from races.models import Race, Session

log = logging.getLogger(__name__)

UNLISTED = "session_key: `sessions` lists no such session"
NO_RACE = "meeting_key: `meetings` lists no such race weekend"
NO_VERSION = "_key, _id: a message of the feed has a text and a number there"
MAX_REJECTS = 1_000  # of a collection and session that are kept; the counts are exact
SLOW = ("laps",)  # collections on whose rows much depends: that is brought up to date twice a minute, not every second


class Version(NamedTuple):
    """A version of a row: the feed's number of it, the row as sent, and the group that it is stored with."""

    number: int
    row: dict[str, Any]
    group: tuple


@dataclass
class Piece:
    """A collection of a session, or an entry of a list, as the feed has sent it so far."""

    feed: Feed
    scope: dict[str, Any]
    newest: dict[str, Version] = field(default_factory=dict)  # by the feed's `_key`
    members: dict[tuple, set[str]] = field(default_factory=lambda: defaultdict(set))  # {group: `_key`s}
    stored: dict[tuple, set[tuple]] = field(default_factory=dict)  # {group: keys its rows are stored under}
    changed: set[tuple] = field(default_factory=set)  # groups with something newer than what is stored
    refused: list[tuple[dict, str]] = field(default_factory=list)
    refused_more: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def refuse(self, row: dict, reason: str) -> None:
        self.counts["rejected"] += 1
        self.refused_more = True
        if len(self.refused) < MAX_REJECTS:
            self.refused.append((row, reason))

    def add(self, messages: Iterable[Message]) -> list[Any]:
        """Take messages over; returns the rows that are newer than those before, validated, each in its newest version."""
        versions, rows = [], []
        for message in messages:
            row, version = message.row or {}, message.version
            if version is None:
                self.refuse(row or {"payload": storable(message.payload)}, NO_VERSION)
            elif version[0] in self.newest and version[1] <= self.newest[version[0]].number:
                self.counts["repeated"] += 1  # or older than what is known
            else:
                versions.append(version)
                rows.append(row)
        built, invalid = self.feed.build(rows)
        for row, reason in invalid:
            self.refuse(row, reason)
        wrong = {id(row) for row, _ in invalid}
        valid = [(version, row) for version, row in zip(versions, rows, strict=True) if id(row) not in wrong]
        accepted = {}
        for (key, number), row, struct in sorted(
            ((version, row, struct) for (version, row), struct in zip(valid, built, strict=True)), key=lambda each: each[0][1]
        ):
            self.replace(key, Version(number, row, self.feed.group_of(self.feed.key_of(struct))))
            accepted[key] = struct
        return [*accepted.values()]

    def replace(self, key: str, version: Version) -> None:
        if known := self.newest.get(key):
            self.members[known.group].discard(key)
            self.changed.add(known.group)
        self.newest[key] = version
        self.members[version.group].add(key)
        self.changed.add(version.group)

    def store(self, *, source: str) -> tuple[Changes, set[tuple]]:
        """Write what is newer; returns what changed, and the keys that the rows are stored under now."""
        keys = {key for group in self.changed for key in self.members[group]}
        rows = [version.row for version in sorted((self.newest[key] for key in keys), key=lambda each: each.number)]
        earlier = {key for group in self.changed for key in self.stored.get(group, ())}
        return apply_newer(self.feed, rows, self.scope, earlier=earlier, source=source)

    def stored_as(self, keys: set[tuple]) -> None:
        """Note, when the transaction is committed, where the rows are."""
        for group in self.changed:
            self.stored[group] = set()
        for key in keys:
            self.stored.setdefault(self.feed.group_of(key), set()).add(key)
        self.changed.clear()


class LostLease(Exception):
    """Another process receives the session by now, so this one must not write."""


DATABASE_FAILS = (OperationalError, InterfaceError)
AWAY = (LostLease, *DATABASE_FAILS)  # no row is to blame
Stored = list[tuple[Piece, Changes, set[tuple]]]


def always() -> bool:
    return True


class Intake:
    """All pieces of the sessions that the feed speaks of."""

    def __init__(self, *, source: str, hold: Callable[[], bool] = always) -> None:
        """`hold` renews this process's right to write, at the end of each transaction; false undoes it."""
        self.source, self.hold = source, hold
        self.pieces: dict[tuple[str, int | None], Piece] = {}
        self.feeds = {name: feed for name, feed in registry().items() if not isinstance(feed.storage, FileStorage)}
        self.unsettled: dict[tuple[str, int], Piece] = {}  # with changes on which other rows depend
        self.listed: set[int] = set()  # sessions that are stored

    def add(self, collection: str, messages: Iterable[Message]) -> dict[int | None, list[Any]]:
        """Take messages of one collection over; returns what is new of each session, validated."""
        name = "race_id" if collection == "meetings" else "session_id"
        by_place: dict[int | None, list[Message]] = defaultdict(list)
        for message in messages:
            place = (message.row or {}).get(self.feeds[collection].wire[name])
            by_place[place if isinstance(place, int) and 0 <= place < 2**31 else None].append(message)
        return {place: self.piece(collection, place).add(own) for place, own in by_place.items()}

    def piece(self, collection: str, place: int | None) -> Piece:
        if (collection, place) not in self.pieces:
            scope = {"meeting_key" if collection == "meetings" else "session_key": place}
            self.pieces[collection, place] = Piece(self.feeds[collection], scope)
        return self.pieces[collection, place]

    def store(self, run: SyncRun | None = None) -> None:
        """Write what is newer than what is stored, in the order of a sync: parents first; one transaction.

        Where that fails because of a row, each group of rows has a transaction of its own, and the ones at fault are rejects.
        """
        due = [
            (piece, place)
            for collection in self.feeds
            for (name, place), piece in [*self.pieces.items()]
            if name == collection and (piece.changed or piece.refused_more)
        ]
        try:
            self.store_together(due, run)
        except AWAY:
            raise
        except Exception:
            log.exception("Rows of the live feed could not be stored together")
            self.store_apart(due, run)

    def store_together(self, due: list[tuple[Piece, int | None]], run: SyncRun | None) -> None:
        stored: Stored = []
        with transaction.atomic():
            for piece, place in due:
                stored += self.store_piece(piece, place, run)
            self.check_hold()
        for piece, changes, keys in stored:
            piece.stored_as(keys)
            piece.counts.update(changes.counts)

    def store_apart(self, due: list[tuple[Piece, int | None]], run: SyncRun | None) -> None:
        for piece, place in due:
            waiting = [{group} for group in piece.changed] or [set()]
            for piece.changed in waiting:
                try:
                    self.store_together([(piece, place)], run)
                except AWAY:
                    raise
                except Exception as error:
                    for key in [key for group in piece.changed for key in piece.members[group]]:
                        piece.refuse(piece.newest[key].row, f"cannot be stored: {type(error).__name__}"[:200])
                    piece.changed.clear()

    def store_piece(self, piece: Piece, place: int | None, run: SyncRun | None) -> Stored:
        """Write what is newer of a piece; nothing of a session that is in no list, until it is."""
        missing = self.missing_parent(piece, place)
        if piece.changed and missing:
            piece.refused_more = True
        stored: Stored = []
        refused = [*piece.refused]
        if piece.changed and not missing:
            changes, keys = piece.store(source=self.source)
            stored = [(piece, changes, keys)]
            refused += changes.rejects
            if changes.wrote and piece.feed.collection in SLOW and place:
                self.unsettled[piece.feed.collection, place] = piece
            elif changes.wrote:
                piece.feed.after_write(piece.scope, source=self.source)
        elif missing:
            refused += [(version.row, missing) for version in piece.newest.values()][:MAX_REJECTS]
        if run and (piece.refused_more or len(refused) > len(piece.refused)):
            self.keep_rejects(piece, run, refused)
        return stored

    def missing_parent(self, piece: Piece, place: int | None) -> str:
        """Why the rows of a piece cannot be stored yet, where the row that they belong to is not; empty where it is."""
        if piece.feed.collection == "sessions":
            races: set[Any] = {version.row.get("meeting_key") for version in piece.newest.values()}
            return "" if Race.objects.filter(pk__in=races).count() == len(races) else NO_RACE
        return "" if piece.feed.lists or self.is_listed(place) else UNLISTED

    def keep_rejects(self, piece: Piece, run: SyncRun, refused: list[tuple[dict, str]]) -> None:
        stored = rejects.in_scope(piece.feed, piece.scope, source=self.source)
        changes = Changes(counts=Counter(rejected=len(refused)), rejects=refused)
        rejects.keep(changes, stored, run, collection=piece.feed.collection, session_id=piece.scope.get("session_key"))
        piece.refused_more = False

    def is_listed(self, session_id: int | None) -> bool:
        if session_id is None:
            return False
        if session_id not in self.listed and Session.objects.filter(pk=session_id).exists():
            self.listed.add(session_id)
        return session_id in self.listed

    @transaction.atomic
    def settle(self) -> None:
        """Bring up to date what depends on rows that change every second."""
        for piece in self.unsettled.values():
            piece.feed.after_write(piece.scope, source=self.source)
        self.check_hold()
        self.unsettled.clear()

    def check_hold(self) -> None:
        if not self.hold():
            raise LostLease
