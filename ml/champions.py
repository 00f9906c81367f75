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

from ml import artifacts, circuits, features, recording, trials
from ml.models import Run
from ml.models.runs import no_champion

# Inputs that a person knows and that decide a lap; trees hold the nearest value they have seen of the others.
CONDITIONS = {
    "tyre_age": "Tyres {value:.0f} laps old: the model has learnt from laps on tyres of {low:.0f} to {high:.0f} laps.",
    "horizon": "{value:.0f} laps ahead: the model has learnt to look {high:.0f} laps ahead at most.",
}


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

    def circuit_levels(self) -> dict[str, circuits.Level]:
        """{circuit: the pace of its last race} in the dataset."""
        races = sorted((race for race in self.summary["races"] if "level" in race), key=lambda race: race["date"])
        return {race["circuit"]: circuits.Level(**race["level"]) for race in races}

    def range_warnings(self, inputs: pd.DataFrame) -> list[str]:
        """In words, which of the conditions in the first row of the inputs the training laps did not have."""
        warnings = []
        for name, sentence in CONDITIONS.items():
            value, limits = inputs.iloc[0].get(name, math.nan), self.summary["limits"].get(name)
            if limits and not math.isnan(value) and not limits[0] <= value <= limits[1]:
                warnings.append(sentence.format(value=value, low=limits[0], high=limits[1]))
        return warnings


loaded: dict[str, Champion] = {}  # by task
loading = threading.Lock()


def load_champion(task: str) -> Champion:
    """The promoted model of a task. NoChampion where there is none, ValueError where its files cannot be used."""
    run = Run.objects.filter(task=task, champion=True).first()
    if run is None:
        raise NoChampion(no_champion(task))
    with loading:
        if task not in loaded or loaded[task].run.pk != run.pk:
            estimator, intervals = artifacts.loads(run)
            memory = run.artifacts.filter(name=trials.MEMORY).first()
            if memory is None or intervals is None:
                raise ValueError(f"Run '{run.pk}' has no {trials.MEMORY} or no intervals; train_model writes both.")
            measured = dict(run.metrics.filter(context="", step=0).values_list("key", "value"))
            loaded[task] = Champion(run, estimator, intervals, json.loads(recording.read_artifact(memory)), measured)
        return loaded[task]
