"""Load the demo season by syncing it, and remove it."""

from collections import Counter

from django.apps import apps
from django.db import models, transaction

from mirror import versions
from mirror.feeds import registry
from mirror.models import Source
from mirror.planning import Scope
from mirror.simulator.season import YEAR, Season
from mirror.storage import FileStorage


def sync_steps(season: Season) -> list[tuple[Scope, list[str]]]:
    """The syncs that load a season, as (scope, collections): all collections, then the samples of its sampled session."""
    default_collections = [name for name, feed in registry().items() if feed.by_default]
    samples = [name for name in registry() if name not in default_collections]
    return [(Scope(seasons=(YEAR,)), default_collections), (Scope(sessions=(season.sampled.key,)), samples)]


def other_season_is_stored(season: Season) -> bool:
    """Whether demo races that do not belong to `season` are stored: of another seed, or more of them."""
    stored = registry()["meetings"].model._default_manager.filter(source=Source.DEMO)
    names = {weekend.official_name for weekend in season.weekends}
    return not names.issuperset(stored.values_list("official_name", flat=True))


@transaction.atomic
def remove_demo_season() -> Counter:
    """Delete all rows of a demo season, with its files, syncs and corrections; returns {model: number of deleted rows}.

    Rows added by hand to a demo race are deleted too. A driver with rows of other races, after a merge of two drivers, is kept.
    """
    removed: Counter = Counter()
    sourced = [model for model in apps.get_models() if any(field.name == "source" for field in model._meta.fields)]
    for model in sourced:
        removed[model] += model._default_manager.filter(source=Source.DEMO).count()
    for feed in registry().values():
        if isinstance(feed.storage, FileStorage):
            feed.storage.discard(source=Source.DEMO)
    for model in sourced:
        rows = model._default_manager.filter(source=Source.DEMO)
        for relation in model._meta.related_objects:
            if relation.on_delete is models.SET_NULL:
                rows = rows.filter(**{f"{relation.name}__isnull": True})
        rows.delete()
        removed[model] -= model._default_manager.filter(source=Source.DEMO).count()
    for collection in registry():
        versions.touch(collection, None)
    return +removed
