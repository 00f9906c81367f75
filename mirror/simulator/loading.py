"""The demo season into the database and out again, by the way that real rows come."""

from collections import Counter

from django.apps import apps
from django.db import models, transaction

from mirror import versions
from mirror.feeds import registry
from mirror.models import Source
from mirror.planning import Scope
from mirror.simulator.season import YEAR, Season
from mirror.storage import FileStorage


def parts(season: Season) -> list[tuple[Scope, list[str]]]:
    """The syncs that bring the season in, as (scope, collections): everything, then the samples of the one session with some."""
    usual = [name for name, feed in registry().items() if feed.by_default]
    samples = [name for name in registry() if name not in usual]
    return [(Scope(seasons=(YEAR,)), usual), (Scope(sessions=(season.sampled.key,)), samples)]


def another_is_stored(season: Season) -> bool:
    """Whether there are demo races that are no part of `season`: of another seed, or more than it has."""
    stored = registry()["meetings"].model._default_manager.filter(source=Source.DEMO)
    ours = {weekend.official_name for weekend in season.weekends}
    return not ours.issuperset(stored.values_list("official_name", flat=True))


@transaction.atomic
def remove() -> Counter:
    """Delete all that came from a demo season, with its files, syncs and corrections; {model: number of rows}.

    What was made by hand inside a demo race goes with it. Somebody who has rows of other races too, because two people were
    merged, stays.
    """
    gone: Counter = Counter()
    sourced = [model for model in apps.get_models() if any(field.name == "source" for field in model._meta.fields)]
    for model in sourced:
        gone[model] += model._default_manager.filter(source=Source.DEMO).count()
    for feed in registry().values():
        if isinstance(feed.storage, FileStorage):
            feed.storage.discard(source=Source.DEMO)
    for model in sourced:
        rows = model._default_manager.filter(source=Source.DEMO)
        for relation in model._meta.related_objects:
            if relation.on_delete is models.SET_NULL:
                rows = rows.filter(**{f"{relation.name}__isnull": True})
        rows.delete()
        gone[model] -= model._default_manager.filter(source=Source.DEMO).count()
    for collection in registry():
        versions.touch(collection, None)
    return +gone
