"""Train a model on a task, ask it about races it has not seen, and say how it did beside the naive answers."""

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from ml import estimators, evaluation, features, intervals, race_level_intervals, splits
from ml.evaluation import Interval
from ml.tasks import TASKS, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OUTLIER = 3.0  # seconds beside the anchor beyond which a training lap teaches no more
PARTS = ("race_id", "season", "compound", "sectors_done")  # columns of which each value has figures; the last one of `in_lap`
SAMPLE = 1_000  # asked laps that are kept to find out what a model looks at


class Fitted(NamedTuple):
    """What one side of a split taught, and some of what was asked on the other."""

    estimator: Any
    ends: Any  # `intervals.Intervals` or `race_level_intervals.RaceLevelIntervals`; None for a leaky split
    limits: dict[str, tuple[float, float]]  # of the numbers that it has seen
    texts: dict[str, list[str]]  # that it has seen
    sessions: list[int]  # that it has learnt from
    until: str  # the date of the last of them
    laps: int
    inputs: "pd.DataFrame"  # of a sample of the laps that were asked about,
    target: "pd.Series"  # and what would have been right


class Result(NamedTuple):
    """What came of a training."""

    task: str
    model: str
    split: str
    leaky: bool
    seed: int
    settings: dict[str, Any]
    predictions: "pd.DataFrame"  # a row per lap that was asked for; see `answers`
    metrics: dict[str, float]
    skill: Interval  # over `baseline`
    baseline: str  # the best naive answer
    baselines: dict[str, float]  # MAE in seconds of every naive answer
    coverage: dict[str, float]  # of the 80 % intervals; empty for a leaky split
    seconds: float  # that the fits took
    last: Fitted  # the last fold's, which is what is kept


def train(
    laps: "pd.DataFrame",
    *,
    model: str,
    task: str,
    split: str,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    table: "pd.DataFrame | None" = None,
    progress: Callable[[str], object] = str,
) -> Result:
    """Fit on one side of the split, predict the other. `laps` are what `datasets.load` gives, `table` their features.
    `progress` gets a text as each fold begins.

    Raises ValueError for a task, model, split or setting that is not there, and for too few laps.
    """
    if task not in TASKS:
        raise ValueError(f"There is no task {task!r}; there are: {', '.join(TASKS)}.")
    if model not in estimators.MODELS:
        raise ValueError(f"There is no model {model!r}; there are: {', '.join(estimators.MODELS)}.")
    problem = TASKS[task](laps, features.build(laps) if table is None else table)
    if problem.laps.empty:
        raise ValueError(f"No lap of these races can be asked about in the task {task!r}.")
    folds: list[dict[str, Any]] = []
    began = time.monotonic()
    with a_core_left():
        for learnt, test in splits.split_laps(problem.laps, split, seed=seed):
            asked = test if problem.testable is None else test & problem.testable.to_numpy()
            if not asked.any():
                continue
            progress(f"Training {model} on {int(learnt.sum()):,} laps, fold {len(folds) + 1}")
            folds.append(
                fold(
                    problem,
                    learnt,
                    asked,
                    task=task,
                    model=model,
                    seed=seed,
                    settings=settings or {},
                    leaky=splits.is_leaky(split),
                )
            )
    if not folds:
        raise ValueError(
            f"No lap of the split {split!r} can be predicted in the task {task!r}: that takes a race at a circuit where an "
            "earlier one of these races was. sync_openf1 laps --season YEAR brings those of another season."
        )
    return summed_up(
        problem, folds, task=task, model=model, split=split, seed=seed, settings=settings or {}, seconds=time.monotonic() - began
    )


def a_core_left() -> Any:
    """For a `with`: boosting leaves one core to the others, unless OMP_NUM_THREADS says what it may use.

    Its threads wait for each other by spinning: where another process wants a core too, that makes both many times slower.
    """
    import joblib
    import sklearn.ensemble  # noqa: F401 - limits hold for libraries that are loaded
    from threadpoolctl import threadpool_limits

    given = os.environ.get("OMP_NUM_THREADS")
    return nullcontext() if given else threadpool_limits(max(1, joblib.cpu_count() - 1), user_api="openmp")


def fold(
    problem: Problem,
    learnt: "np.ndarray",
    asked: "np.ndarray",
    *,
    task: str,
    model: str,
    seed: int,
    settings: dict[str, Any],
    leaky: bool,
) -> dict[str, Any]:
    import numpy as np

    residual = problem.target - problem.anchor
    usual = residual[learnt]
    if problem.within_races:
        usual = usual - usual.groupby(problem.laps["session_id"][learnt]).transform("median")
    try:
        unfitted = estimators.MODELS[model](problem.inputs, seed=seed, **settings)
    except TypeError as error:
        raise ValueError(f"The model {model!r} does not take the settings {settings}: {error}") from error
    estimator = unfitted.fit(problem.inputs[learnt], np.clip(usual, -OUTLIER, OUTLIER))
    ends = None
    rows = answers(problem, asked, estimator.predict(problem.inputs[asked]))
    naive = problem.baselines[asked].assign(**{"circuit median": circuit_median(problem, learnt, asked)})
    if not leaky:
        ends = fit_intervals(problem, residual, learnt, task=task, seed=seed)
        low, high = ends.predict(problem.inputs[asked], residual[asked], problem.laps[asked], problem.asked_at[asked])
        rows = rows.assign(low=problem.anchor[asked] + low, high=problem.anchor[asked] + high)
    return {"last": fitted(problem, learnt, asked, estimator=estimator, ends=ends, seed=seed), "rows": rows, "naive": naive}


def fit_intervals(problem: Problem, residual: "pd.Series", learnt: "np.ndarray", *, task: str, seed: int) -> Any:
    """The intervals of a task, fitted on the training rows."""
    inputs, laps = problem.inputs[learnt], problem.laps[learnt]
    if problem.within_races and problem.testable is not None:
        return race_level_intervals.RaceLevelIntervals().fit(
            inputs, residual[learnt], laps["session_id"], shifted=problem.testable[learnt], seed=seed
        )
    return intervals.KINDS.get(task, intervals.Intervals)().fit(inputs, residual[learnt], laps, seed=seed)


def fitted(problem: Problem, learnt: "np.ndarray", asked: "np.ndarray", *, estimator: Any, ends: Any, seed: int) -> Fitted:
    """What is kept of a fold."""
    import numpy as np

    laps, inputs = problem.laps[learnt], problem.inputs[learnt]
    numbers, texts = estimators.split_columns(inputs)
    seen = inputs[numbers].agg(["min", "max"])
    sample = np.random.default_rng(seed).permutation(np.flatnonzero(asked))[:SAMPLE]
    return Fitted(
        estimator,
        ends,
        laps=len(laps),
        until=f"{laps['session_date'].max():%Y-%m-%d}",
        limits={name: (float(seen.loc["min", name]), float(seen.loc["max", name])) for name in numbers},
        texts={name: sorted(set(inputs[name])) for name in texts},
        sessions=[int(key) for key in laps["session_id"].unique()],
        inputs=problem.inputs.iloc[sample],
        target=(problem.target - problem.anchor).iloc[sample],
    )


def answers(problem: Problem, asked: "np.ndarray", predicted: "np.ndarray") -> "pd.DataFrame":
    names = ["race_id", "season", "session_date", "session_id", "circuit", "driver_number", "lap_number", "compound", "tyre_age"]
    names += [name for name in ("sectors_done",) if name in problem.laps]
    return problem.laps.loc[asked, names].assign(actual=problem.target[asked], prediction=problem.anchor[asked] + predicted)


def circuit_median(problem: Problem, learnt: "np.ndarray", asked: "np.ndarray") -> "pd.Series":
    """The circuit's median lap among the training rows; of all of them where it has none."""
    known = problem.target[learnt].groupby(problem.laps["circuit"][learnt]).median()
    return problem.laps["circuit"][asked].map(known).fillna(float(problem.target[learnt].median()))


def summed_up(problem: Problem, folds: list[dict[str, Any]], *, split: str, seed: int, **said: Any) -> Result:
    import pandas as pd

    rows = pd.concat([fold["rows"] for fold in folds])
    naive = pd.concat([fold["naive"] for fold in folds])
    naive_mae = {name: float((rows["actual"] - naive[name]).abs().mean()) for name in naive}
    best = min(naive_mae, key=lambda name: naive_mae[name])
    rows = rows.assign(baseline=naive[best])
    error, naive_error = (rows["actual"] - rows["prediction"]).abs(), (rows["actual"] - rows["baseline"]).abs()
    return Result(
        split=split,
        leaky=splits.is_leaky(split),
        seed=seed,
        predictions=rows,
        metrics=evaluation.metrics(rows["actual"], rows["prediction"]),
        skill=evaluation.skill(error, naive_error, rows["session_id"], seed=seed),
        baseline=best,
        baselines=naive_mae,
        coverage=evaluation.coverage(rows) if "low" in rows else {},
        last=folds[-1]["last"],
        **said,
    )


def figures(result: Result) -> dict[str, Any]:
    """Everything that is said of a result, ready for JSON; also by each of PARTS."""
    said = ("task", "model", "split", "leaky", "seed", "settings", "metrics", "baseline", "baselines", "coverage", "seconds")
    columns = [column for column in PARTS if column in result.predictions]
    parts = {column: [*evaluation.metrics_by(result.predictions, column)] for column in columns}
    return (
        {name: getattr(result, name) for name in said}
        | {"skill": result.skill._asdict(), "trained_on": result.last.laps, "trained_until": result.last.until}
        | {f"by_{key}": rows for key, rows in parts.items()}
    )
