"""How good the models of all tasks are on races that they have not learnt from, in one table.

One command before a change and again after it shows what the change is worth; no run is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml import evaluation
from ml.building import Data

if TYPE_CHECKING:
    import pandas as pd

    from ml.training import Result


class Examined(NamedTuple):
    """The figures of one task on one split: seconds, and shares. Those of intervals by race are of races with more than
    `evaluation.ENOUGH_LAPS` asked laps; NaN where there is none."""

    task: str
    split: str
    laps: int
    races: int
    mae: float
    baseline: str
    baseline_mae: float
    skill: evaluation.Interval
    worst_skill: float  # of a race
    coverage: float
    least_covered: float
    most_covered: float
    width: float
    interval_score: float
    seconds: float  # that the training took


def examine(
    data: Data, *, model: str, tasks: Sequence[str], splits: Sequence[str], seed: int = 0, progress: Callable[[str], object] = str
) -> Iterator[Examined]:
    """Train the model on each task and split, and yield its figures. `progress` gets a text as each fold begins.

    Raises ValueError as `training.train` does.
    """
    from ml import training

    for task in tasks:
        for split in splits:
            yield from figures(
                training.train(data.laps, table=data.table, model=model, task=task, split=split, seed=seed, progress=progress)
            )


def figures(result: "Result") -> Iterator[Examined]:
    """The row of a training's result, of `in_lap` one per number of sectors done; ValueError for a leaky split, which has no
    intervals."""
    if result.leaky:
        raise ValueError(f"The split {result.split!r} is leaky: its figures say nothing of races to come.")
    rows = result.predictions
    if "sectors_done" not in rows:
        yield part_figures(result, rows, result.task)
        return
    for done, part in rows.groupby("sectors_done"):
        yield part_figures(result, part, f"{result.task}, sector {done}")


def part_figures(result: "Result", rows: "pd.DataFrame", name: str) -> Examined:
    """The figures of some of a result's predictions."""
    races = [*evaluation.metrics_by(rows, "session_id")]
    shares = [race["coverage"] for race in races if race["laps"] > evaluation.ENOUGH_LAPS] or [float("nan")]
    error, naive_error = (rows["actual"] - rows["prediction"]).abs(), (rows["actual"] - rows["baseline"]).abs()
    coverage = evaluation.coverage(rows)
    return Examined(
        task=name,
        split=result.split,
        laps=len(rows),
        races=len(races),
        mae=float(error.mean()),
        baseline=result.baseline,
        baseline_mae=float(naive_error.mean()),
        skill=evaluation.skill(error, naive_error, rows["session_id"], seed=result.seed),
        worst_skill=min(race["skill"] for race in races),
        least_covered=min(shares),
        most_covered=max(shares),
        seconds=result.seconds,
        **{name: coverage[name] for name in ("coverage", "width", "interval_score")},
    )
