"""Pictures of a training: each function takes a `training.Result` and gives a figure; `drawn` makes files of all of them.

No window, no global state: figures are made directly, so they can be drawn in any thread or process.
"""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ml import evaluation
from ml.training import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MODEL, NAIVE, ACTUAL, QUIET = "#d7191c", "#8a8f98", "#1f2933", "#d5d9df"
CARS = 3  # in the picture of a race
SHOWN = 15  # features in the picture of their importance
DRAWS = 2  # times that each feature is shuffled


def canvas(title: str, *, across: str, up: str, height: float = 4.8) -> tuple["Figure", Any]:
    """An empty picture with its axes named."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, height), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=QUIET, linewidth=0.5)
    axes.set_axisbelow(True)
    return figure, axes


def heading(result: Result, text: str) -> str:
    leaky = "  (LEAKY split: says nothing about a race to come)" if result.leaky else ""
    return f"{result.task}, {result.model}, {result.split}: {text}{leaky}"


def race_labels(predictions: "pd.DataFrame") -> "pd.Series":
    """A short name per race, by session, in order of date: "2024 Sakhir"."""
    races = predictions.drop_duplicates("session_id").sort_values("session_date").set_index("session_id")
    return races["season"].astype(str) + " " + races["circuit"].fillna("").astype(str)


def predicted_against_actual(result: Result) -> "Figure":
    rows = result.predictions
    figure, axes = canvas(heading(result, "predicted against driven"), across="driven (s)", up="predicted (s)", height=6)
    axes.hexbin(rows["actual"], rows["prediction"], gridsize=70, mincnt=1, bins="log", cmap="inferno_r", linewidths=0)
    ends = [float(rows["actual"].quantile(share)) for share in (0.001, 0.999)]
    axes.plot(ends, ends, color=ACTUAL, linewidth=0.8)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    return figure


def residuals_by_tyre_age(result: Result) -> "Figure":
    rows = result.predictions.dropna(subset=["tyre_age"])
    error = (rows["actual"] - rows["prediction"]).groupby(rows["tyre_age"].astype(int))
    quartiles = error.quantile([0.1, 0.25, 0.5, 0.75, 0.9]).unstack()[error.size() >= 10]
    figure, axes = canvas(heading(result, "driven minus predicted"), across="age of the tyres (laps)", up="s")
    axes.fill_between(quartiles.index, quartiles[0.1], quartiles[0.9], color=QUIET, label="80 % of the laps")
    axes.fill_between(quartiles.index, quartiles[0.25], quartiles[0.75], color=NAIVE, alpha=0.6, label="half of them")
    axes.plot(quartiles.index, quartiles[0.5], color=MODEL, label="median")
    axes.axhline(0, color=ACTUAL, linewidth=0.8)
    axes.legend(frameon=False)
    return figure


def residuals_by_race(result: Result) -> "Figure":
    rows, labels = result.predictions, race_labels(result.predictions)
    error = (rows["actual"] - rows["prediction"]).groupby(rows["session_id"])
    figure, axes = canvas(heading(result, "driven minus predicted"), across="s", up="", height=1.5 + 0.28 * len(labels))
    axes.boxplot(
        [error.get_group(key) for key in labels.index],
        orientation="horizontal",
        showfliers=False,
        whis=(10, 90),
        medianprops={"color": MODEL},
    )
    axes.set_yticks(range(1, len(labels) + 1), labels)
    axes.axvline(0, color=ACTUAL, linewidth=0.8)
    axes.invert_yaxis()
    return figure


def error_by_race(result: Result) -> "Figure":
    rows, labels = result.predictions, race_labels(result.predictions)
    parts = {part["session_id"]: part for part in evaluation.by(rows, "session_id")}
    figure, axes = canvas(heading(result, "mean absolute error"), across="s", up="", height=1.5 + 0.28 * len(labels))
    place = range(len(labels))
    model, naive = ([parts[key][name] for key in labels.index] for name in ("mae", "baseline_mae"))
    axes.hlines(place, model, naive, color=QUIET, linewidth=3)
    axes.scatter(naive, place, color=NAIVE, label=result.baseline, zorder=2)
    axes.scatter(model, place, color=MODEL, label=result.model, zorder=3)
    axes.set_yticks(place, labels)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="lower left")
    return figure


def importance(result: Result) -> "Figure":
    """By how much the error grows when a feature is shuffled among the laps that were asked about."""
    from sklearn.inspection import permutation_importance

    last = result.last
    found = permutation_importance(
        last.estimator, last.inputs, last.target, scoring="neg_mean_absolute_error", n_repeats=DRAWS, random_state=result.seed
    )
    order = found.importances_mean.argsort()[::-1][:SHOWN]
    figure, axes = canvas(heading(result, "what it looks at"), across="s of error that shuffling the feature adds", up="")
    axes.barh(range(len(order)), found.importances_mean[order], color=MODEL)
    axes.set_yticks(range(len(order)), [last.inputs.columns[place].replace("_", " ") for place in order])
    axes.invert_yaxis()
    return figure


def coverage(result: Result) -> "Figure":
    rows, labels = result.predictions, race_labels(result.predictions)
    held = evaluation.inside(rows).groupby(rows["session_id"]).mean()[labels.index]
    figure, axes = canvas(
        heading(result, "laps within the 80 % interval"), across="share of the laps", up="", height=1.5 + 0.28 * len(labels)
    )
    axes.axvspan(0.72, 0.88, color=QUIET, alpha=0.5)
    axes.axvline(0.8, color=ACTUAL, linewidth=0.8)
    axes.scatter(held, range(len(labels)), color=MODEL)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlim(min(0.5, float(held.min()) - 0.02), 1)
    axes.invert_yaxis()
    return figure


def pace_evolution(result: Result, session_id: int | None = None) -> "Figure":
    """A race (the latest one that was asked about, unless another is named): laps, predictions and intervals of some cars."""
    rows = result.predictions
    session_id = int(rows.sort_values("session_date")["session_id"].iloc[-1]) if session_id is None else session_id
    race = rows[rows["session_id"] == session_id].sort_values("lap_number")
    cars = race["driver_number"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:CARS]
    figure, axes = canvas(
        heading(result, race_labels(race).iloc[0] if len(race) else ""), across="lap", up="s", height=2.4 + 1.6 * CARS
    )
    axes.remove()
    for axes, car in zip(figure.subplots(len(cars), sharex=True, squeeze=False)[:, 0], cars, strict=True):
        laps = race[race["driver_number"] == car]
        if "low" in laps:
            axes.fill_between(laps["lap_number"], laps["low"], laps["high"], color=MODEL, alpha=0.15, linewidth=0, label="80 %")
        axes.plot(laps["lap_number"], laps["prediction"], color=MODEL, linewidth=1, label="predicted")
        axes.plot(laps["lap_number"], laps["actual"], ".", color=ACTUAL, markersize=4, label="driven")
        axes.set_ylabel(f"car {car} (s)")
        axes.grid(color=QUIET, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("lap")
    figure.axes[0].set_title(heading(result, race_labels(race).iloc[0]), loc="left", fontsize=11)
    figure.axes[0].legend(frameon=False, ncols=3, fontsize=8)
    return figure


ALWAYS: tuple[Callable[[Result], "Figure"], ...] = (
    predicted_against_actual,
    residuals_by_tyre_age,
    residuals_by_race,
    error_by_race,
    importance,
    pace_evolution,
)


def drawn(result: Result) -> Iterator[tuple[str, bytes]]:
    """(file name, PNG) of every picture that the result has something for."""
    for draw in (*ALWAYS, *((coverage,) if result.coverage else ())):
        yield f"{draw.__name__}.png", png(draw(result))


def png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
