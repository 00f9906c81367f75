"""The collections of `/v1`: their fields by OpenF1's names, with types and the model fields that hold them.

Nothing is listed here; everything is read from the feed that syncs the collection.
"""

from functools import cache, cached_property
from typing import Any

from django.db import models

from api.tables.columns import Column, make_column
from mirror.feeds import Feed, registry
from mirror.storage import FileStorage

# What rows are sorted by, in OpenF1's names, nulls first; then in the order upstream sent them.
ORDER = ("date_start", "meeting_key", "session_key", "position_current")

CAR = ("session_id", "driver_number")  # fields that have the same value in all rows of a sample file


class Collection:
    """One of OpenF1's collections, as its feed describes it."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.name = feed.collection
        self.model = feed.model
        # The rows of samples are in files, one per session and car, which a model describes.
        self.sampled = isinstance(feed.storage, FileStorage)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """{OpenF1 field: column}, in the model's order."""
        columns = {}
        fields = self.feed.columns
        if isinstance(self.feed.storage, FileStorage):
            fields = [field for field in self.feed.storage.files().model._meta.concrete_fields if field.attname in CAR] + fields
        for field in fields:
            if field.attname == "session_id" and "race_id" not in self.feed.wire and field.is_relation:
                race: Any = field.related_model._meta.get_field("race")  # type: ignore[union-attr]
                columns["meeting_key"] = self._column("meeting_key", f"session__{race.attname}", race)
            name = self.feed.wire.get(field.attname) or Feed.names.get(field.attname, field.attname)
            columns[name] = self._column(name, field.attname, field)
        return columns

    def _column(self, name: str, path: str, field: models.Field) -> Column:
        number = f"{path}_seconds"
        return make_column(field, name=name, path=path, key=number if number in self.feed.derived else "")

    @cached_property
    def order(self) -> tuple[Column, ...]:
        return tuple(self.columns[name] for name in ORDER if name in self.columns)


def find_collection(name: str) -> Collection | None:
    feed = registry().get(name)
    return collection_of(feed) if feed else None


@cache
def collection_of(feed: Feed) -> Collection:
    return Collection(feed)
