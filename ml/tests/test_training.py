"""What trainings say of themselves, on laps of the demo season."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from ml import estimators, evaluation, splits, training
from ml.tasks import TASKS

pytestmark = [pytest.mark.django_db, pytest.mark.once]
QUICK = {
    "gradient_boosting": {"bag": 1, "max_iter": 60},
    "random_forest": {"n_estimators": 10},
    "random_forest_tuned": {"n_iter": 2},
}


@pytest.fixture(scope="module")
def trained(laps, table):
    return training.train(laps, model="ridge", task="next_lap", split="by_race", table=table)


def before(laps):
    """The split in which the last race is asked about."""
    return f"before:{laps['session_date'].max():%Y-%m-%d}"


@pytest.mark.parametrize("model", estimators.MODELS)
def test_every_model_learns_the_next_lap(laps, table, model):
    result = training.train(laps, model=model, task="next_lap", split="rolling", settings=QUICK.get(model), table=table)
    assert result.metrics["mae"] < 1.2 * result.baselines["previous clean lap"]
    assert result.predictions["prediction"].notna().all()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_asked_of_clean_laps_beside_naive_answers(laps, table, task):
    problem = TASKS[task](laps, table)
    assert len(problem.laps) > 100
    assert (problem.laps["excluded"] == "").all()
    assert problem.baselines.notna().all(axis=None)
    assert problem.anchor.notna().all()
    driven = [problem.laps.get("sectors_done", 0) >= number for number in (1, 2)]  # sectors of the lap that are known by then
    so_far = sum(problem.laps[f"duration_sector_{place}"].fillna(0) * known for place, known in enumerate(driven, start=1))
    assert (problem.asked_at <= problem.laps["start"] + so_far + 1e-6).all()
    assert not {"lap_duration", "duration_sector_1", "end"} & set(problem.inputs)


def test_the_rest_of_a_stint_is_predicted_from_its_fifth_clean_lap(laps, table):
    problem = TASKS["rest_of_stint"](laps, table)
    for _, run in problem.laps.assign(asked=problem.asked_at, anchor=problem.anchor).groupby(
        ["session_id", "driver_number", "run"]
    ):
        assert run["asked"].nunique() == run["anchor"].nunique() == 1
        whole = laps[
            (laps[["session_id", "driver_number", "run"]] == run.iloc[0][["session_id", "driver_number", "run"]]).all(axis=1)
        ]
        known = whole[(whole["excluded"] == "") & (whole["lap_number"] < run["lap_number"].min())].sort_values("lap_number")
        assert len(known) == 5
        assert run["anchor"].iloc[0] == pytest.approx(known["lap_duration"].median())


def test_the_figures_are_those_of_the_predictions(trained):
    rows = trained.predictions
    error = rows["actual"] - rows["prediction"]
    assert trained.metrics["mae"] == pytest.approx(error.abs().mean())
    assert trained.metrics["r2"] == pytest.approx(1 - (error**2).sum() / ((rows["actual"] - rows["actual"].mean()) ** 2).sum())
    naive = (rows["actual"] - rows["baseline"]).abs().mean()
    assert trained.baselines[trained.baseline] == min(trained.baselines.values()) == pytest.approx(naive)
    assert trained.skill.value == pytest.approx(1 - trained.metrics["mae"] / naive)
    assert trained.skill.low <= trained.skill.value <= trained.skill.high


def test_intervals_hold_about_four_of_five_laps(trained):
    assert 0.7 < trained.coverage["coverage"] < 0.9
    assert (trained.predictions["low"] <= trained.predictions["high"]).all()


@pytest.mark.parametrize("kind", ["Intervals", "AdaptiveIntervals", "EndwiseIntervals", "StintIntervals"])
def test_an_interval_knows_nothing_of_its_own_lap(laps, table, kind):
    """A lap that takes a minute longer moves no interval but those of laps that begin after it."""
    from ml import intervals

    problem = TASKS["next_lap"](laps, table)
    residual = problem.target - problem.anchor
    learnt = (problem.laps["session_id"] != problem.laps["session_id"].iloc[-1]).to_numpy()
    fitted = getattr(intervals, kind)().fit(problem.inputs[learnt], residual[learnt], problem.laps[learnt], seed=0)
    asked = problem.laps[~learnt]
    lap = asked.sort_values("start").iloc[len(asked) // 2]
    ends = [
        fitted.predict(problem.inputs[~learnt], values[~learnt], asked, problem.asked_at[~learnt])
        for values in (residual, residual + 60 * (residual.index == lap.name))
    ]
    moved = asked[np.abs(ends[0][1] - ends[1][1]) > 1e-9]
    assert len(moved)
    assert (moved["start"] >= lap["end"]).all()


def test_a_lap_time_is_predicted_from_the_last_race_at_its_circuit(two_years):
    """The race is 0.4 s a lap faster than a year ago, which no model can know and every interval has to allow for."""
    laps, features = two_years
    result = training.train(laps, model="linear", task="lap_time", split="rolling", table=features)
    assert set(result.predictions["session_id"]) == {1}
    error = result.predictions["actual"] - result.predictions["prediction"]
    assert error.median() == pytest.approx(-0.4, abs=0.1)
    assert result.skill.value > 0
    assert result.coverage["coverage"] > 0.8
    assert 1.5 < result.coverage["width"] < 4


def test_a_race_as_a_whole_teaches_lap_time_nothing(two_years):
    """The anchor of a first race is its own level, so a race that is ten seconds slower moves neither model nor interval."""
    laps, features = two_years
    slower = laps.assign(lap_duration=laps["lap_duration"] + 10 * (laps["session_id"] == laps["session_id"].iloc[-1200]))
    assert slower["session_id"].iloc[-1200] != 1
    ends = [
        training.train(rows, model="ridge", task="lap_time", split="rolling", table=features).last.ends for rows in (laps, slower)
    ]
    assert (ends[0].low, ends[0].high) == pytest.approx((ends[1].low, ends[1].high), abs=1e-6)


def test_lap_time_needs_a_second_race_at_a_circuit(laps, table):
    with pytest.raises(ValueError, match="an earlier one of these races was"):
        training.train(laps, model="ridge", task="lap_time", split="by_race", table=table)


def test_the_same_seed_gives_the_same_figures(laps, table, trained):
    again = training.train(laps, model="ridge", task="next_lap", split="by_race", table=table)
    assert again.metrics == trained.metrics
    assert again.skill == trained.skill


@pytest.mark.parametrize("split", ["by_race", "rolling", "before", "random"])
def test_a_race_is_on_one_side_of_every_split_but_the_leaky_one(laps, split):
    asked_about = np.zeros(len(laps))
    split = before(laps) if split == "before" else split
    dates = laps["session_date"].to_numpy()
    for learnt, asked in splits.split_laps(laps, split, seed=3):
        assert not (learnt & asked).any()
        shared = set(laps.loc[learnt, "session_id"]) & set(laps.loc[asked, "session_id"])
        assert bool(shared) == splits.is_leaky(split)
        if split.startswith(("rolling", "before")):
            assert dates[learnt].max() < dates[asked].min()
        asked_about += asked
    assert asked_about.max() == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "nosuch"}, "no task 'nosuch'"),
        ({"model": "nosuch"}, "no model 'nosuch'"),
        ({"split": "nosuch"}, "no split 'nosuch'; there are: by_race"),
        ({"split": "before:soon"}, "needs a date"),
        ({"split": "before:20240101"}, "needs a date"),
        ({"split": "before:2001-01-01"}, "no training or no test laps"),
        ({"settings": {"nosuch": 1}}, "does not take the settings"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(laps, table, wrong, message):
    with pytest.raises(ValueError, match=message):
        training.train(laps, **{"model": "ridge", "task": "next_lap", "split": "by_race", "table": table} | wrong)


def test_the_command_refuses_a_split_before_it_reads_laps(db, django_assert_num_queries):
    from django.core.management import CommandError, call_command

    with django_assert_num_queries(0), pytest.raises(CommandError, match="before:2024-13-45 needs a date such as"):
        call_command("train_model", "ridge", "--split", "before:2024-13-45")


def test_each_fold_is_told_as_it_begins(laps, table):
    texts = []
    training.train(laps, model="ridge", task="next_lap", split="by_race", table=table, progress=texts.append)
    assert [text.rpartition(", ")[2] for text in texts] == [f"fold {number}" for number in range(1, len(texts) + 1)]
    assert texts[0].startswith("Training ridge on ")


def test_skill_is_bootstrapped_over_races():
    """One race on which all depends makes a wide interval; equal ones make none."""
    session = pd.Series(np.repeat(range(10), 50))
    naive = pd.Series(1.0, index=session.index)
    same = evaluation.skill(naive * 0.8, naive, session, seed=0)
    assert (same.low, same.high) == (pytest.approx(0.2), pytest.approx(0.2))
    one = evaluation.skill(naive.mask(session == 0, 4.0) * 0.8, naive, session, seed=0)
    assert one.high - one.low > 0.2


def run(*args, **options):
    out = io.StringIO()
    call_command("train_model", *args, stdout=out, **options)
    return out.getvalue()


def test_the_command_prints_the_model_among_the_naive_answers(laps, tmp_path):
    out = run("linear", "--split", before(laps), "--json", str(tmp_path / "figures.json"))
    for name in ("linear (model)", "previous clean lap", "rolling median of 3", "circuit median", "skill over", "80 % intervals"):
        assert name in out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert f"{figures['metrics']['mae']:.4f} s" in out
    assert sum(race["laps"] for race in figures["by_race_id"]) == sum(part["laps"] for part in figures["by_compound"])


def test_a_leaky_split_is_called_so(laps):
    assert "LEAKY" in run("linear", "--split", "random", "--set", "fit_intercept=true")


def test_the_command_refuses_what_it_cannot_do(laps):
    with pytest.raises(CommandError, match="no split"):
        run("linear", "--split", "nosuch")
    with pytest.raises(CommandError, match="KEY=VALUE"):
        run("ridge", "--set", "alpha")
    with pytest.raises(CommandError, match="No laps"):
        run("ridge", "--season", "1999")
