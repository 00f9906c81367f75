"""Comparison of runs: the best one, their differing parameters, and their distance to the baseline."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, F

from ml.models import Artifact, Experiment, Metric, Param, Run

LARGER_IS_BETTER = {"r2", "skill", "skill_low", "within_0.3s", "within_0.5s", "coverage"}
SUMMARY_METRICS = (
    "mae",
    "baseline_mae",
    "skill",
    "skill_low",
    "skill_high",
    "coverage",
    "width",
    "fit_seconds",
)  # shown in lists of runs


def run_counts(experiments: Collection[UUID]) -> dict[UUID, int]:
    """{experiment: number of its runs}."""
    rows = Run.objects.filter(experiment_id__in=experiments).order_by().values_list("experiment_id")
    return dict(rows.annotate(Count("pk")))


def best_runs(experiments: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """{experiment: {id, model, metric, value}} of its best completed run by its primary metric. Not leaky, and measured here."""
    rows = Metric.objects.filter(
        run__experiment_id__in=experiments,
        run__status=Run.Status.COMPLETED,
        run__leaky=False,
        run__elsewhere=False,
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


def metric_values(runs: Collection[UUID], keys: Collection[str] = ()) -> dict[UUID, dict[str, float]]:
    """{run: {metric: its last value}} of the metrics over all test laps."""
    rows = Metric.objects.filter(run_id__in=runs, context="").order_by("step")
    by_run: dict[UUID, dict[str, float]] = defaultdict(dict)
    for run, key, value in (rows.filter(key__in=keys) if keys else rows).values_list("run_id", "key", "value"):
        by_run[run][key] = value
    return by_run


def params(runs: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """{run: {parameter: value}}."""
    by_run: dict[UUID, dict[str, Any]] = defaultdict(dict)
    for run, key, value in Param.objects.filter(run_id__in=runs).values_list("run_id", "key", "value"):
        by_run[run][key] = value
    return by_run


def all_metrics(runs: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """{run: [{key, value, step, context}]} of all metrics."""
    return rows_by_run(Metric, runs, ("key", "value", "step", "context"))


def files(runs: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """{run: [{name, content_type, size, sha256}]} of the runs' files."""
    return rows_by_run(Artifact, runs, ("name", "content_type", "size", "sha256"))


def rows_by_run(model: type[Metric | Artifact], runs: Collection[UUID], names: Sequence[str]) -> dict[UUID, list[dict[str, Any]]]:
    """{run: [{name: value}]} of a model's rows."""
    by_run: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for run, *cells in model._default_manager.filter(run_id__in=runs).values_list("run_id", *names):
        by_run[run].append(dict(zip(names, cells, strict=True)))
    return by_run


def compare(experiment: Experiment, runs: Sequence[Run]) -> dict[str, Any]:
    """The runs' differing parameters, their metrics with the difference to the baseline, and the error of each race.

    The baseline is the experiment's, or else the first of the runs that is neither leaky nor measured elsewhere, or the first
    where all are. Values are by run ID.
    """
    keys = [run.pk for run in runs]
    fair = [run.pk for run in runs if not (run.leaky or run.elsewhere)]
    baseline = experiment.baseline_run_id or [*fair, *keys][0]
    params_by_run, metrics_by_run = params(keys), metric_values([*keys, baseline])
    for run in runs:
        params_by_run[run.pk] |= {"model": run.model, "split": run.split, "seed": run.seed, "dataset_sha256": run.dataset_sha256}
    names = sorted({name for row in params_by_run.values() for name in row})
    differing = [name for name in names if len({repr(params_by_run[key].get(name)) for key in keys}) > 1]
    metrics = sorted({name for key in keys for name in metrics_by_run[key]})
    references = metrics_by_run[baseline]
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
                "elsewhere": run.elsewhere,
                "started_at": run.started_at,
            }
            for run in runs
        ],
        "params": {name: {str(key): params_by_run[key].get(name) for key in keys} for name in differing},
        "metrics": [
            compare_metric(name, keys, metrics_by_run, reference=references.get(name), comparable={*map(str, fair)})
            for name in metrics
        ],
        "races": races(keys),
    }


def compare_metric(
    name: str,
    keys: Sequence[UUID],
    metrics: dict[UUID, dict[str, float]],
    *,
    reference: float | None,
    comparable: Collection[str],
) -> dict[str, Any]:
    """One metric of several runs. `best` is one of the `comparable`; None where fewer than two of them have the metric, or it has
    no better direction."""
    values = {str(key): metrics[key].get(name) for key in keys}
    difference = {key: None if value is None or reference is None else value - reference for key, value in values.items()}
    present = {key: value for key, value in values.items() if value is not None and key in comparable}
    has_direction = (
        name in LARGER_IS_BETTER
        or name.endswith("mae")
        or name in ("rmse", "mse", "median_ae", "width", "interval_score", "fit_seconds")
    )
    pick = max if name in LARGER_IS_BETTER else min
    best = (
        pick(present, key=lambda key: present[key])
        if len(present) > 1 and has_direction and name not in ("coverage", "baseline_mae")
        else None
    )
    return {"metric": name, "values": values, "difference": difference, "best": best}


def races(keys: Sequence[UUID]) -> list[dict[str, Any]]:
    """The error of each race in each run, in seconds: [{race, race_id, mae: {run: …}}], in the order of the races."""
    from races.models import Race

    errors: dict[str, dict[str, float]] = defaultdict(dict)
    rows = Metric.objects.filter(run_id__in=keys, key="mae", context__startswith="race=").order_by("step")
    for run, context, value in rows.values_list("run_id", "context", "value"):
        errors[context.removeprefix("race=")][str(run)] = value
    stored = Race.objects.filter(pk__in=[key for key in errors if key.isdecimal() and len(key) < 10]).order_by(
        "year", "date_start"
    )
    names = {str(pk): f"{year} {name}" for pk, year, name in stored.values_list("pk", "year", "race_name")}
    ordered = [*names, *sorted(errors.keys() - names.keys())]
    return [
        {"race_id": key, "race": names.get(key, key), "mae": {str(run): errors[key].get(str(run)) for run in keys}}
        for key in ordered
    ]
