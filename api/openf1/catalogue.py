"""What can be asked of a collection: its fields by OpenF1's names, with their types and where the database keeps them.

Nothing is listed here; everything is read from the feed that syncs the collection.
"""

import datetime
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, get_args, get_origin

import msgspec
from django.db import models

from mirror.feeds import Feed, registry
from mirror.mapping import expected
from mirror.storage import FileStorage

# What rows are sorted by, in OpenF1's names, nulls first; then in the order upstream sent them.
ORDER = ("date_start", "meeting_key", "session_key", "position_current")

CAR = ("session_id", "driver_number")  # what a file of samples says of all its rows


@dataclass(frozen=True)
class Column:
    """One field of a collection."""

    name: str  # OpenF1's
    path: str  # the model's, seen from the collection's model: `session__race_id`
    type: Any  # bool, int, float, str, datetime, or Any: a JSON value (number, text or list) kept as text
    low: int = 0  # bounds of what an int column can hold
    high: int = 0
    key: str = ""  # the column with the same value as one number, for sorting JSON values

    @property
    def mixed(self) -> bool:
        return self.type is Any

    @property
    def moment(self) -> bool:
        return self.type is datetime.datetime


class Collection:
    """One of OpenF1's collections, as its feed describes it."""

    def __init__(self, feed: Feed):
        self.feed = feed
        self.name = feed.collection
        self.model = feed.model
        # The rows of samples are in files, one per session and car, which a model describes.
        self.sampled = isinstance(feed.storage, FileStorage)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """{OpenF1 field: column}, in the model's order."""
        found = {}
        fields = self.feed.columns
        if isinstance(self.feed.storage, FileStorage):
            fields = [field for field in self.feed.storage.files().model._meta.concrete_fields if field.attname in CAR] + fields
        for field in fields:
            if field.attname == "session_id" and "race_id" not in self.feed.wire and field.is_relation:
                race: Any = field.related_model._meta.get_field("race")  # type: ignore[union-attr]
                found["meeting_key"] = self._column("meeting_key", f"session__{race.attname}", race)
            name = self.feed.wire.get(field.attname) or Feed.names.get(field.attname, field.attname)
            found[name] = self._column(name, field.attname, field)
        return found

    def _column(self, name: str, path: str, field: models.Field) -> Column:
        kind, low, high = plain_type(field)
        number = f"{path}_seconds"
        return Column(name, path, kind, low, high, key=number if number in self.feed.derived else "")

    @cached_property
    def order(self) -> tuple[Column, ...]:
        return tuple(self.columns[name] for name in ORDER if name in self.columns)


def find(name: str) -> Collection | None:
    feed = registry().get(name)
    return describe(feed) if feed else None


@cache
def describe(feed: Feed) -> Collection:
    return Collection(feed)


def plain_type(field: models.Field) -> tuple[Any, int, int]:
    """(Python type of a model field's values, lowest, highest) as its feed validates them; bounds are 0 where there are none."""
    if isinstance(field, models.JSONField):
        return Any, 0, 0
    kind = expected(field)
    if type(None) in get_args(kind):
        kind = next(option for option in get_args(kind) if option is not type(None))
    low = high = 0
    if get_origin(kind) is Annotated:
        kind, *notes = get_args(kind)
        for note in notes:
            if isinstance(note, msgspec.Meta) and note.ge is not None and note.le is not None:
                low, high = int(note.ge), int(note.le)
    return kind, low, high
