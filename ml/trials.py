"""Train a model as a run of an experiment, and store everything that results from it."""

import io
import json
import math
from collections.abc import Callable
from typing import Any

from django.db import transaction

from jobs import leases
from ml import cards, circuits, datasets, features, recording, splits, training
from ml.building import Data
from ml.models import Run
from ml.training import Result

MEMORY = "memory.json"


def ignore(event: Any) -> None:
    """Default callback: does nothing."""


def trial(  # noqa: PLR0913 - a run is described by many values
    data: Data,
    *,
    model: str,
    task: str,
    split: str,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    experiment: str = "",
    owner: str,
    user: Any = None,
    progress: Callable[[str], None] = ignore,
    on_start: Callable[[Run], None] = ignore,
) -> tuple[Run, Result]:
    """Train, and store model, figures, predictions, pictures and model card as a run of the experiment (by default the task's).

    `on_start` gets the run when it begins, `progress` a text for each step. ValueError as from `training.train`: what cannot be
    trained leaves a failed run with the reason, and so does whatever else goes wrong.
    """
    recording.fail_dead_runs()
    with transaction.atomic():
        run = recording.start_run(
            experiment=recording.experiment(name=experiment or task, owner=owner, task=task, user=user),
            model=model,
            task=task,
            split=split,
            seed=seed,
            leaky=splits.is_leaky(split),
            dataset=data.stored,
            dataset_sha256=data.sha256,
            owner=owner,
            user=user,
            params=settings,
        )
        holder = leases.take_new(recording.lease_of(run))
    with leases.renewed(recording.lease_of(run), holder):
        try:
            on_start(run)
            result = training.train(
                data.laps,
                table=data.table,
                model=model,
                task=task,
                split=split,
                seed=seed,
                settings=settings,
                progress=progress,
            )
            record_result(run, result, data, progress)
        except Exception as error:
            recording.end_run(run=run, status=Run.Status.FAILED, error=f"{type(error).__name__}: {error}")
            raise
        except BaseException:  # a signal, or Ctrl-C
            recording.end_run(run=run, status=Run.Status.FAILED, error="It was ended before it was complete.")
            raise
        return recording.end_run(run=run), result


def record_result(run: Run, result: Result, data: Data, progress: Callable[[str], None]) -> None:
    from ml import artifacts, plots

    progress("Writing the model")
    figures = training.figures(result) | {"excluded": datasets.excluded(data.laps), "dataset": data.sha256}
    recording.log_metrics(run=run, metrics=overall(result))
    for column in training.PARTS:
        for part in figures.get(f"by_{column}", ()):
            numbers = {key: value for key, value in part.items() if key != column and math.isfinite(value)}
            recording.log_metrics(run=run, metrics=numbers, context=f"{column.removesuffix('_id')}={part[column]}")
    for name, content, kind in (
        (recording.MODEL_FILE, artifacts.dumps(result.last.estimator, result.last.ends), "application/zip"),
        (MEMORY, text(training_summary(result, data)), "application/json"),
        ("metrics.json", text(figures), "application/json"),
        ("predictions.parquet", parquet(result.predictions), "application/vnd.apache.parquet"),
        ("model_card.md", cards.render_card(run, result, data).encode(), "text/markdown"),
    ):
        recording.store_artifact(run=run, name=name, content=content, content_type=kind)
    for name, draw in plots.draw_all(result):
        progress(f"Drawing {name}")
        recording.store_artifact(run=run, name=name, content=draw(), content_type="image/png")


def overall(result: Result) -> dict[str, float]:
    """The figures of a run over all predicted laps."""
    skill = {"skill": result.skill.value, "skill_low": result.skill.low, "skill_high": result.skill.high}
    found = result.metrics | skill | {"baseline_mae": result.baselines[result.baseline], "fit_seconds": result.seconds}
    return found | result.coverage | {"laps": len(result.predictions), "trained_on": result.last.laps}


def training_summary(result: Result, data: Data) -> dict[str, Any]:
    """What predictions need besides the model: the range of what it has seen, what races it has learnt from, and what each race
    of the dataset says of drivers, teams and circuits (`features.Memory`)."""
    races, levels = [], circuits.race_levels(data.laps)
    for key, laps in data.laps.groupby("session_id", sort=False):
        memory = features.Memory()
        memory.learn(laps, data.table.loc[laps.index])
        sums = [[*name, *values] for name, values in memory.sums.items()]
        race = {"session_id": int(key), "date": laps["session_date"].iloc[0].isoformat(), "sums": sums}
        if key in levels.index:
            level = levels.loc[key]
            race |= {"circuit": level["circuit"], "level": {name: float(level[name]) for name in circuits.Level._fields}}
        races.append(race)
    limits = {name: ends for name, ends in result.last.limits.items() if all(map(math.isfinite, ends))}
    return {
        "inputs": [*result.last.inputs.columns],
        "limits": limits,
        "texts": result.last.texts,
        "sessions": result.last.sessions,
        "races": races,
    }


def text(content: Any) -> bytes:
    return json.dumps(content, indent=None, default=lambda value: value.item()).encode()


def parquet(table: Any) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
