"""A feed declares, once and for both directions, how one OpenF1 collection and one model belong together.

A usual feed is three lines::

    class WeatherFeed(Feed):
        collection = "weather"
        model = Weather

Fields, types, bounds and the key are read from the model; only names that differ are listed, in `rename`. Fields that are
computed from the row, because the key needs them (a digest where OpenF1 has no safe key) or because people sort by them (the
number in a column of numbers, texts and lists), are listed in `derived` and set in `derive`::

    class PitFeed(Feed):
        collection = "pit"
        model = Pit
        derived = ("digest",)

        def derive(self, rows):
            for row in rows:
                row.digest = digest(row.date)

From then on they are read, compared and written like all other fields.
"""

from difflib import get_close_matches
from functools import cached_property
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.module_loading import import_string

from mirror.grading import Grader
from mirror.mapping import Mapping
from mirror.storage import RowStorage, Storage

OWN_NAMES = {"races": "meetings", "entries": "drivers"}  # {this site's name: OpenF1's}, where they differ


class Feed(Mapping):
    """A mapping, where its rows are stored and when they are synced. One instance serves the whole process."""

    storage_class: type[Storage] = RowStorage
    lists = False  # the collection lists races or sessions rather than rows of a session
    by_default = True  # synced when no collection is named
    grader = Grader()  # how complete the rows of a session are; see `grade_by`
    computed = False  # computed by this site, not sent by upstream; a row that a person changes becomes a row made by hand

    by_model: ClassVar[dict[type[models.Model], "Feed"]] = {}  # filled as feeds are defined

    def __init_subclass__(cls) -> None:
        if "model" in vars(cls):
            Feed.by_model[cls.model] = cls()

    @classmethod
    def grade_by(cls, grader: Grader) -> None:
        """Register how the collection is graded, from an app above the feed's that knows more of a session."""
        cls.grader = grader

    @cached_property
    def storage(self) -> Storage:
        return self.storage_class(self)


def registry() -> dict[str, Feed]:
    """{collection: feed} of everything this site syncs, in the order it is synced."""
    return {feed.collection: feed for feed in import_string(settings.OPENF1_FEEDS)}


def feed_of(model: type[models.Model]) -> Feed:
    """The feed of a model; KeyError when it is not mirrored."""
    return Feed.by_model[model]


def feed_named(collection: str) -> Feed:
    """The feed of a collection, also of one that is not synced (`people`); KeyError when there is none."""
    for feed in Feed.by_model.values():
        if feed.collection == collection:
            return feed
    raise KeyError(collection)


def select_feeds(collections: list[str]) -> list[Feed]:
    """The feeds of these collections (without any, those synced by default) in the order they are synced.

    Collections go by OpenF1's names and by this site's own; ValueError for any other.
    """
    feeds = registry()
    collections = [collection_name(name) for name in collections]
    for name in collections:
        if name not in feeds:
            close = get_close_matches(name, [*feeds, *OWN_NAMES], n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"There is no collection {name!r}.{guess} There are: {', '.join(feeds)}; "
                f"{' and '.join(f'{own} (for {name})' for own, name in OWN_NAMES.items())} are understood, too."
            )
    return [feed for name, feed in feeds.items() if (name in collections if collections else feed.by_default)]


def collection_name(text: str) -> str:
    """OpenF1's name of a collection that is called by this site's name, or in another spelling."""
    name = text.lower().replace("-", "_")
    return OWN_NAMES.get(name, name)
