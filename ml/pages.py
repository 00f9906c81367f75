"""The comparison of runs as a page."""

from typing import Any

from rest_framework.renderers import TemplateHTMLRenderer

FIRST = ("mae", "skill", "coverage", "width", "fit_seconds")  # columns, unless the reader chooses others
MEANINGS = {  # of figures that training here stores
    "mae": "how far off it is on average, in seconds",
    "skill": "share of the error of the best answer without a model that it avoids; below 0 it is worse",
    "coverage": "share of laps within the 80 % interval, at best 0.8",
    "width": "width of that interval, in seconds",
    "fit_seconds": "seconds of training, all folds together",
}
MEASURES = ("mean_absolute_error", "test_score", "score")  # how MLflow's figures end that say how good a model is


class ComparisonPage(TemplateHTMLRenderer):
    """Runs in rows, figures in columns of choice, what differs marked; the error of each race as a heat map."""

    template_name = "ml/comparison.html"

    def get_template_context(self, data: dict[str, Any], renderer_context: Any) -> dict[str, Any]:
        if renderer_context["response"].exception:
            return {"problem": data}
        experiment = renderer_context["view"].get_object()
        metrics = {row["metric"]: row for row in data["metrics"]}
        asked = [name for name in renderer_context["request"].query_params.getlist("columns") if name in metrics]
        columns = asked or first_columns(metrics, data["runs"])
        picked = {str(run["id"]) for run in data["runs"]}
        return {
            "experiment": experiment,
            "metrics": [{"name": name, "on": name in columns} for name in metrics],
            "columns": columns,
            "params": param_names(data["params"]),
            "meanings": [(name, MEANINGS[name]) for name in columns if name in MEANINGS],
            "asked_alike": not {"split", FINGERPRINT} & data["params"].keys(),
            "rows": [self.row(run, data, [metrics[name] for name in columns]) for run in data["runs"]],
            "others": [{"run": run, "on": str(run.pk) in picked} for run in experiment.runs.all()[:50]],
            "races": heat(data["races"]),
        }

    def row(self, run: dict[str, Any], data: dict[str, Any], metrics: list[dict[str, Any]]) -> dict[str, Any]:
        key = str(run["id"])
        cells = [
            {"value": row["values"][key], "difference": row["difference"][key], "best": row["best"] == key} for row in metrics
        ]
        params = [shown_param(name, data["params"][name][key]) for name in param_names(data["params"])]
        return {"run": run, "baseline": run["id"] == data["baseline"], "cells": cells, "params": params}


def first_columns(metrics: dict[str, Any], runs: list[dict[str, Any]]) -> list[str]:
    """The metrics that are shown at first, of each run at least one: programs elsewhere have other names for theirs."""
    columns = [name for name in FIRST if name in metrics]
    for run in runs:
        own = [name for name, row in metrics.items() if row["values"][str(run["id"])] is not None]
        if own and not set(own) & set(columns):
            columns.append(next((name for ending in MEASURES for name in own if name.endswith(ending)), own[0]))
    return columns


FINGERPRINT = "dataset_sha256"


def param_names(params: dict[str, Any]) -> list[str]:
    """The parameters in their order; the fingerprint of the dataset, which nobody reads, comes last."""
    return sorted(params, key=lambda name: name == FINGERPRINT)


def shown_param(name: str, value: Any) -> Any:
    """A parameter as the page shows it: of a fingerprint as much as tells it from others."""
    return f"{value[:8]}…" if name == FINGERPRINT and value and len(value) > 12 else value


def heat(races: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each race with its errors, coloured by how much they are above the best one there: races differ more than models do."""
    found = []
    for race in races:
        low = min(value for value in race["mae"].values() if value is not None)
        cells = [(value, None if value is None else shade(value, low)) for value in race["mae"].values()]
        found.append({"name": race["race"].removesuffix(" Grand Prix"), "cells": cells})
    return found


def shade(value: float, low: float) -> int:
    """From 0 (the best) to 10 (a fifth or more above it)."""
    return min(10, round(50 * (value - low) / low)) if low > 0 else 0
