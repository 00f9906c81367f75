"""Plots of a training: each function makes a figure from a `training.Result`, `draw_all` the PNG files of all of them.

Figures are made without pyplot's global state, so that any thread or process can draw them.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ml import evaluation
from ml.training import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MODEL, NAIVE, ACTUAL, QUIET = "#d7191c", "#8a8f98", "#1f2933", "#d5d9df"
PACE_CARS = 3  # cars in the plot of a race
IMPORTANT_FEATURES = 15  # bars in the plot of importances
SHUFFLES = 2  # per feature


def canvas(title: str, *, across: str, up: str, height: float = 4.8) -> tuple["Figure", Any]:
    """An empty figure and its axes with a title and labels."""
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
    """The title of a plot: task, model, split, and a warning if the split is leaky."""
    leaky = "  (LEAKY split: no estimate for future races)" if result.leaky else ""
    return f"{result.task}, {result.model}, {result.split}: {text}{leaky}"


def race_labels(predictions: "pd.DataFrame") -> "pd.Series":
    """Labels of races such as "2024 Sakhir", indexed by session_id and sorted by date."""
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
    parts = {part["session_id"]: part for part in evaluation.metrics_by(rows, "session_id")}
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
    """Permutation importance: the increase of the error when a feature is shuffled among the test laps."""
    from sklearn.inspection import permutation_importance

    last = result.last
    importances = permutation_importance(
        last.estimator, last.inputs, last.target, scoring="neg_mean_absolute_error", n_repeats=SHUFFLES, random_state=result.seed
    )
    order = importances.importances_mean.argsort()[::-1][:IMPORTANT_FEATURES]
    figure, axes = canvas(heading(result, "permutation importance"), across="increase of the mean absolute error (s)", up="")
    axes.barh(range(len(order)), importances.importances_mean[order], color=MODEL)
    axes.set_yticks(range(len(order)), [last.inputs.columns[place].replace("_", " ") for place in order])
    axes.invert_yaxis()
    return figure


def coverage(result: Result) -> "Figure":
    rows, labels = result.predictions, race_labels(result.predictions)
    covered = evaluation.is_inside(rows).groupby(rows["session_id"]).mean()[labels.index]
    figure, axes = canvas(
        heading(result, "laps within the 80 % interval"), across="share of the laps", up="", height=1.5 + 0.28 * len(labels)
    )
    axes.axvspan(0.72, 0.88, color=QUIET, alpha=0.5)
    axes.axvline(0.8, color=ACTUAL, linewidth=0.8)
    axes.scatter(covered, range(len(labels)), color=MODEL)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlim(min(0.5, float(covered.min()) - 0.02), 1)
    axes.invert_yaxis()
    return figure


def pace_evolution(result: Result, session_id: int | None = None) -> "Figure":
    """Laps, predictions and intervals of some cars in one race: `session_id`, by default the latest test race."""
    rows = result.predictions
    if "sectors_done" in rows:
        rows = rows[rows["sectors_done"] == rows["sectors_done"].max()]
    session_id = int(rows.sort_values("session_date")["session_id"].iloc[-1]) if session_id is None else session_id
    race = rows[rows["session_id"] == session_id].sort_values("lap_number")
    cars = race["driver_number"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:PACE_CARS]
    figure, axes = canvas(
        heading(result, race_labels(race).iloc[0] if len(race) else ""), across="lap", up="s", height=2.4 + 1.6 * PACE_CARS
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


PLOTS: tuple[Callable[[Result], "Figure"], ...] = (
    predicted_against_actual,
    residuals_by_tyre_age,
    residuals_by_race,
    error_by_race,
    importance,
    pace_evolution,
)


def draw_all(result: Result) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield (file name, function that draws the PNG) of every plot; that of the coverage only if the result has intervals."""
    for draw in (*PLOTS, *((coverage,) if result.coverage else ())):
        yield f"{draw.__name__}.png", partial(png_of, draw, result)


def png_of(draw: Callable[[Result], "Figure"], result: Result) -> bytes:
    return png(draw(result))


def png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
