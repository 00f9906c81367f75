"""Runs beside each other: which is best, in what they differ, and how far each is from the baseline."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, F

from ml.models import Artifact, Experiment, Metric, Param, Run

LARGER_IS_BETTER = {"r2", "skill", "skill_low", "within_0.3s", "within_0.5s", "coverage"}
SUMMARY = ("mae", "baseline_mae", "skill", "skill_low", "skill_high", "coverage", "width", "fit_seconds")  # of a run in lists


def run_counts(experiments: Collection[UUID]) -> dict[UUID, int]:
    """How many runs each experiment has."""
    rows = Run.objects.filter(experiment_id__in=experiments).order_by().values_list("experiment_id")
    return dict(rows.annotate(Count("pk")))


def best_runs(experiments: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """{experiment: {id, model, metric, value}} of its best completed run by its primary metric; a leaky one is never the best."""
    rows = Metric.objects.filter(
        run__experiment_id__in=experiments,
        run__status=Run.Status.COMPLETED,
        run__leaky=False,
        context="",
        key=F("run__experiment__primary_metric"),
    ).order_by("step")
    names = ("run_id", "run__experiment_id", "run__model", "key", "value")
    last: dict[UUID, Any] = {row[0]: row for row in rows.values_list(*names)}
    best: dict[UUID, dict[str, Any]] = {}
    for run, experiment, model, metric, value in last.values():
        sign = -1 if metric in LARGER_IS_BETTER else 1
        if experiment not in best or sign * value < sign * best[experiment]["value"]:
            best[experiment] = {"id": run, "model": model, "metric": metric, "value": value}
    return best


def figures(runs: Collection[UUID], keys: Collection[str] = ()) -> dict[UUID, dict[str, float]]:
    """{run: {metric: its last value}} over all laps of each run."""
    rows = Metric.objects.filter(run_id__in=runs, context="").order_by("step")
    found: dict[UUID, dict[str, float]] = defaultdict(dict)
    for run, key, value in (rows.filter(key__in=keys) if keys else rows).values_list("run_id", "key", "value"):
        found[run][key] = value
    return found


def params(runs: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = defaultdict(dict)
    for run, key, value in Param.objects.filter(run_id__in=runs).values_list("run_id", "key", "value"):
        found[run][key] = value
    return found


def parts(runs: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Every figure of each run: {key, value, step, context}."""
    return of_runs(Metric, runs, ("key", "value", "step", "context"))


def files(runs: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The files of each run: {name, content_type, size, sha256}."""
    return of_runs(Artifact, runs, ("name", "content_type", "size", "sha256"))


def of_runs(model: type[Metric | Artifact], runs: Collection[UUID], names: Sequence[str]) -> dict[UUID, list[dict[str, Any]]]:
    """Rows that belong to runs, by run."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for run, *cells in model._default_manager.filter(run_id__in=runs).values_list("run_id", *names):
        found[run].append(dict(zip(names, cells, strict=True)))
    return found


def compare(experiment: Experiment, runs: Sequence[Run]) -> dict[str, Any]:
    """What the runs differ in, their figures with the difference to the baseline, and the error of each race.

    The baseline is the experiment's, or else the first of the runs. Values are by run ID.
    """
    keys = [run.pk for run in runs]
    baseline = experiment.baseline_run_id or keys[0]
    told, over_all = params(keys), figures([*keys, baseline])
    for run in runs:
        told[run.pk] |= {"model": run.model, "split": run.split, "seed": run.seed, "dataset_sha256": run.dataset_sha256}
    names = sorted({name for row in told.values() for name in row})
    differing = [name for name in names if len({repr(told[key].get(name)) for key in keys}) > 1]
    metrics = sorted({name for key in keys for name in over_all[key]})
    return {
        "experiment": experiment.pk,
        "baseline": baseline,
        "runs": [
            {
                "id": run.pk,
                "model": run.model,
                "split": run.split,
                "status": run.status,
                "leaky": run.leaky,
                "started_at": run.started_at,
            }
            for run in runs
        ],
        "params": {name: {str(key): told[key].get(name) for key in keys} for name in differing},
        "metrics": [measured(name, keys, over_all, over_all[baseline].get(name)) for name in metrics],
        "races": races(keys),
    }


def measured(name: str, keys: Sequence[UUID], figures: dict[UUID, dict[str, float]], beside: float | None) -> dict[str, Any]:
    """One metric of several runs; the best is None where it makes no sense to say."""
    values = {str(key): figures[key].get(name) for key in keys}
    away = {key: None if value is None or beside is None else value - beside for key, value in values.items()}
    known = {key: value for key, value in values.items() if value is not None}
    judged = name in LARGER_IS_BETTER or name.endswith("mae") or name in ("rmse", "mse", "median_ae", "width", "fit_seconds")
    pick = max if name in LARGER_IS_BETTER else min
    best = pick(known, key=lambda key: known[key]) if known and judged and name not in ("coverage", "baseline_mae") else None
    return {"metric": name, "values": values, "difference": away, "best": best}


def races(keys: Sequence[UUID]) -> list[dict[str, Any]]:
    """The error of each race in each run, in seconds: [{race, race_id, mae: {run: …}}], in the order of the races."""
    from races.models import Race

    found: dict[str, dict[str, float]] = defaultdict(dict)
    rows = Metric.objects.filter(run_id__in=keys, key="mae", context__startswith="race=").order_by("step")
    for run, context, value in rows.values_list("run_id", "context", "value"):
        found[context.removeprefix("race=")][str(run)] = value
    known = Race.objects.filter(pk__in=[key for key in found if key.isdecimal() and len(key) < 10]).order_by("year", "date_start")
    names = {str(pk): f"{year} {name}" for pk, year, name in known.values_list("pk", "year", "race_name")}
    ordered = [*names, *sorted(found.keys() - names.keys())]
    return [
        {"race_id": key, "race": names.get(key, key), "mae": {str(run): found[key].get(str(run)) for run in keys}}
        for key in ordered
    ]
