"""The promoted models: one champion per task, loaded once per process, and again when another run is promoted.

This module loads scikit-learn: import it inside functions.
"""

import json
import math
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from ml import artifacts, features, recording, trials
from ml.models import Run

MAX_RANGE_WARNINGS = 5


class Outdated(ValueError):
    """The model was trained on other features than this version of the site computes."""


class NoChampion(LookupError):
    """No model has been promoted for this task."""


@dataclass(frozen=True, eq=False)
class Champion:
    """A loaded model."""

    run: Run
    estimator: Any
    intervals: Any
    summary: dict[str, Any]  # of its training laps, see `trials.training_summary`
    measured: dict[str, float]  # its figures on test races

    def check_inputs(self, inputs: pd.DataFrame) -> None:
        """Raise Outdated unless the model was trained on exactly these columns."""
        if [*inputs.columns] != self.summary.get("inputs"):
            raise Outdated(
                f"Run '{self.run.pk}' was trained on other features than this version of the site computes: train its model "
                "again, and promote_model the new run."
            )

    def memory(self, before: datetime) -> features.Memory:
        """Sums over the races of its dataset that were before a moment, by driver, team and circuit."""
        memory = features.Memory()
        for race in self.summary["races"]:
            if datetime.fromisoformat(race["date"]) < before:
                for *name, total, count in race["sums"]:
                    sums = memory.sums.setdefault(tuple(name), [0.0, 0.0])  # type: ignore[arg-type]
                    sums[0] += total
                    sums[1] += count
        return memory

    def range_warnings(self, inputs: pd.DataFrame) -> list[str]:
        """Which values of the first row of the inputs lie outside those of the training laps."""
        warnings = []
        for name, value in inputs.iloc[0].items():
            if name in self.summary["texts"]:
                if value not in self.summary["texts"][name]:
                    warnings.append(f"{name} {value or '(none)'}: the model has not seen it.")
            elif name in self.summary["limits"] and not math.isnan(value):
                low, high = self.summary["limits"][name]
                if not low <= value <= high:
                    warnings.append(f"{name} {value:.4g} is outside what the model has seen, {low:.4g} to {high:.4g}.")
        more = len(warnings) - MAX_RANGE_WARNINGS
        return warnings if more <= 0 else [*warnings[:MAX_RANGE_WARNINGS], f"{more} more are outside what the model has seen."]


loaded: dict[str, Champion] = {}  # by task
loading = threading.Lock()


def load_champion(task: str) -> Champion:
    """The promoted model of a task. NoChampion where there is none, ValueError where its files cannot be used."""
    run = Run.objects.filter(task=task, champion=True).first()
    if run is None:
        raise NoChampion(
            f"No model has been promoted for {task} yet: train one (train_model MODEL --task {task}) and promote_model its run."
        )
    with loading:
        if task not in loaded or loaded[task].run.pk != run.pk:
            estimator, intervals = artifacts.loads(run)
            memory = run.artifacts.filter(name=trials.MEMORY).first()
            if memory is None or intervals is None:
                raise ValueError(f"Run '{run.pk}' has no {trials.MEMORY} or no intervals; train_model writes both.")
            measured = dict(run.metrics.filter(context="", step=0).values_list("key", "value"))
            loaded[task] = Champion(run, estimator, intervals, json.loads(recording.read_artifact(memory)), measured)
        return loaded[task]
