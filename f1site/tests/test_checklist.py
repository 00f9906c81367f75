"""An entity is complete: each test is one step of adding an entity, and names it where the step is missing.

The steps are those of CONTRIBUTING.md. Entities are found by their models and feeds: a new one is tested as soon as it exists.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.urls import resolve

from api.openf1 import catalogue
from f1site.urls import router
from mirror import simulator
from mirror.feeds import Feed, registry
from mirror.models import Mirrored
from mirror.storage import FileStorage
from telemetry.models import SessionQuality
from telemetry.quality.completeness import grade_collection, graded_feeds
from telemetry.quality.session_rows import SessionRows
from telemetry.quality.surroundings import Surroundings
from telemetry.tests import quality

pytestmark = pytest.mark.once

NOT_OPENF1S = {"people", "telemetry", "sample_files"}  # collections of this site's own, which no sync fetches

MODELS = [model for model in apps.get_models() if issubclass(model, Mirrored)]
FEEDS = list(Feed.by_model.values())
SYNCED = list(registry().values())

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
every_feed = pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.collection)
every_synced_feed = pytest.mark.parametrize("feed", SYNCED, ids=lambda feed: feed.collection)


def step(number: int, what: str) -> str:
    return f"{what} (CONTRIBUTING.md, Add an entity, step {number})"


def in_files(feed: Feed) -> bool:
    return isinstance(feed.storage, FileStorage)


def table_model(feed: Feed) -> type[models.Model]:
    """The model with a table: of samples, which are in files, that of the files."""
    return feed.storage.files().model if isinstance(feed.storage, FileStorage) else feed.model


def rest_prefix(feed: Feed) -> str:
    """The entity's name in REST addresses: that of its viewset, else the collection's."""
    prefixes = {viewset.queryset.model: prefix for prefix, viewset, _ in router.registry}
    return prefixes.get(feed.model, feed.collection.replace("_", "-"))


def documentation() -> Iterator[str]:
    for path in (settings.BASE_DIR / "README.md", *(settings.BASE_DIR / "docs").glob("*.md")):
        yield path.read_text()


@every_model
def test_the_table_of_a_mirrored_model_is_made_by_a_migration(model):
    migrated = MigrationLoader(None).project_state().models
    key = model._meta.app_label, model._meta.model_name
    assert key in migrated, step(1, f"{model.__name__} has no migration")


@every_model
def test_a_mirrored_model_has_a_feed(model):
    assert model in Feed.by_model, step(2, f"{model.__name__} has no feed")


@every_feed
def test_a_feed_is_in_the_list_of_all_that_is_synced(feed):
    synced = feed.collection in registry()
    assert synced != (feed.collection in NOT_OPENF1S), step(2, f"{type(feed).__name__} is not in f1site/feeds.py")


@every_synced_feed
def test_a_collection_is_served_with_all_its_fields_as_openf1_serves_it(feed):
    resolve(f"/v1/{feed.collection}")
    fields = feed.openf1_fields | ({"driver_number"} if in_files(feed) else set())
    assert catalogue.find_collection(feed.collection).columns.keys() == fields, step(2, f"/v1/{feed.collection}")


@every_feed
def test_an_entity_has_a_rest_route(feed):
    match = resolve(
        f"/api/v1/{rest_prefix(feed)}/"
    )  # an address that nothing serves matches the pattern of errors, without a name
    assert match.url_name, step(3, f"{feed.model.__name__} has no route below /api/v1/")


@every_feed
def test_an_entity_has_an_admin_page(feed):
    model = table_model(feed)
    assert admin.site.is_registered(model), step(4, f"{model.__name__} has no admin page")


@every_feed
def test_an_entity_has_a_row_in_the_documentation(feed):
    row = re.compile(rf"^\| `/api/v1/{rest_prefix(feed)}/` \|", re.MULTILINE)
    assert any(map(row.search, documentation())), step(5, f"no table in README.md or docs/ has /api/v1/{rest_prefix(feed)}/")


@pytest.mark.parametrize("feed", list(graded_feeds()), ids=lambda feed: feed.collection)
def test_a_collection_of_which_nothing_is_stored_is_not_complete(feed):
    rows = SessionRows(quality.session(), Surroundings(), datetime(2024, 12, 1, tzinfo=UTC))
    grade = grade_collection(feed, rows).grade
    assert grade in (SessionQuality.Grade.MISSING, SessionQuality.Grade.NOT_PROVIDED), step(2, f"the grader of {feed.collection}")


@pytest.fixture(scope="module")
def season():
    return simulator.Season(races=1)


@every_synced_feed
def test_the_demo_season_answers_for_a_collection(feed, season):
    scope = {"session_key": season.sampled.key} | ({"driver_number": 1} if in_files(feed) else {})
    rows = simulator.client(season).rows(feed.collection, scope)
    unknown = {name for row in rows for name in row} - feed.openf1_fields
    assert unknown == set(), step(6, f"the demo season's rows of {feed.collection} have fields that the feed does not know")
