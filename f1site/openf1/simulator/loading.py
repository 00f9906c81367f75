"""The demo season into the database and out again, by the way that real rows come."""

from collections import Counter

from django.apps import apps
from django.db import models, transaction

from f1site.openf1.client import Client
from f1site.openf1.models import Mirrored, Source, SyncRun
from f1site.openf1.pipeline import Observer, Report, Scope, registry, sync
from f1site.openf1.simulator.season import YEAR, Season
from f1site.openf1.simulator.transport import SAMPLES


def load(client: Client, season: Season, *, observer: Observer) -> list[Report]:
    """Sync the season, and then the samples of its one session that has some; the report of each."""
    reports = [sync(client=client, scope=Scope(seasons=(YEAR,)), observer=observer)]
    if samples := [name for name in SAMPLES if name in registry()]:
        scope = Scope(sessions=(season.sampled.key,))
        reports.append(sync(client=client, scope=scope, collections=samples, observer=observer))
    return reports


def another_is_stored(season: Season) -> bool:
    """Whether there are demo races that are no part of `season`: of another seed, or more than it has."""
    stored = registry()["meetings"].model._default_manager.filter(source=Source.DEMO)
    ours = {weekend.official_name for weekend in season.weekends}
    return not ours.issuperset(stored.values_list("official_name", flat=True))


@transaction.atomic
def remove() -> Counter:
    """Delete all that came from a demo season, its syncs included; {model: number of rows}.

    What was made by hand inside a demo race goes with it. Somebody who has rows of other races too, because two people were
    merged, stays.
    """
    gone: Counter = Counter()
    mirrored: list[type[models.Model]] = [model for model in apps.get_models() if issubclass(model, Mirrored)]
    for model in [*mirrored, SyncRun]:
        rows = model._default_manager.filter(source=Source.DEMO)
        for relation in model._meta.related_objects:
            if relation.on_delete is models.SET_NULL:
                rows = rows.filter(**{f"{relation.name}__isnull": True})
        _, counts = rows.delete()
        gone.update({apps.get_model(label): count for label, count in counts.items()})
    return +gone
