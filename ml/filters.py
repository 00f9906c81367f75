"""Filters of experiments, runs and facts about circuits, also by the race weekends that they have to do with."""

from django.db.models import Exists, OuterRef, QuerySet

from ml.estimators import MODELS
from ml.models import CircuitFact, Experiment, Metric, Run
from ml.tasks import TASKS
from races.filters import WeekendFilter
from races.models import Race


def figures_of(races: QuerySet[Race]) -> QuerySet[Metric]:
    """The figures that runs have of single races, where these are among them."""
    return Metric.objects.filter(context__in=[f"race={race}" for race in races.values_list("pk", flat=True)])


class ExperimentFilter(WeekendFilter):
    closed = {"task": lambda: TASKS}

    class Meta:
        model = Experiment
        exclude = ("created_by_id", "tags")

    @classmethod
    def of_races(cls, rows: QuerySet, races: QuerySet[Race]) -> QuerySet:
        """Those of which a run was asked for laps of these races."""
        return rows.filter(Exists(figures_of(races).filter(run__experiment=OuterRef("pk"))))


class RunFilter(WeekendFilter):
    closed = {"task": lambda: TASKS, "model": lambda: MODELS}

    class Meta:
        model = Run
        exclude = ("created_by_id", "libraries")

    @classmethod
    def of_races(cls, rows: QuerySet, races: QuerySet[Race]) -> QuerySet:
        """Those that were asked for laps of these races."""
        return rows.filter(Exists(figures_of(races).filter(run=OuterRef("pk"))))


class CircuitFactFilter(WeekendFilter):
    joined = ("circuit_name", "circuit_name")

    class Meta:
        model = CircuitFact
