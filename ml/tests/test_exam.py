"""One table of how good the models are on races that they have not learnt from."""

import io
import math

import pytest
from django.core.management import CommandError, call_command

from ml import building, evaluation, exam, training

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def run(*args):
    out = io.StringIO()
    call_command("model_exam", *args, stdout=out)
    return out.getvalue()


def test_the_rows_are_the_figures_of_the_trainings(laps, table, monkeypatch):
    monkeypatch.setattr(evaluation, "ENOUGH_LAPS", 100)
    data = building.Data(laps, table, "a" * 64)
    (row,) = exam.examine(data, model="ridge", tasks=["next_lap"], splits=["rolling"])
    result = training.train(laps, table=table, model="ridge", task="next_lap", split="rolling")
    assert (row.mae, row.skill) == (result.metrics["mae"], result.skill)
    rows = result.predictions
    inside = (rows["actual"] - rows["low"] >= 0) & (rows["actual"] <= rows["high"])
    by_race = inside.groupby(rows["session_id"]).mean()
    assert (row.least_covered, row.most_covered) == (by_race.min(), by_race.max())
    assert row.worst_skill <= row.skill.value


def test_a_lap_beyond_its_interval_costs_ten_times_by_how_much():
    import pandas as pd

    rows = pd.DataFrame({"low": [1.0, 1.0, 1.0], "high": [2.0, 2.0, 2.0], "actual": [1.5, 2.1, 0.7]})
    assert evaluation.interval_scores(rows).tolist() == pytest.approx([1, 2, 4])


def test_the_command_prints_a_row_per_task_and_split(laps):
    out = run("--model", "linear", "--task", "next_lap", "pace_delta", "--split", "rolling")
    assert [line.split()[0] for line in out.split("Best naive")[0].splitlines() if " rolling " in line] == [
        "next_lap",
        "pace_delta",
    ]
    assert "Winkler" in out
    assert "…" not in out.split("Winkler")[1]
    assert "Best naive answers: next_lap: " in out


def test_races_with_few_laps_say_nothing_of_single_races(laps, table, monkeypatch):
    monkeypatch.setattr(evaluation, "ENOUGH_LAPS", 100_000)
    (row,) = exam.examine(building.Data(laps, table, "a" * 64), model="ridge", tasks=["next_lap"], splits=["rolling"])
    assert math.isnan(row.least_covered)


def test_a_split_that_says_nothing_of_races_to_come_is_refused(laps):
    with pytest.raises(CommandError, match="leaky"):
        run("--model", "linear", "--task", "next_lap", "--split", "random")
    with pytest.raises(CommandError, match="no split"):
        run("--split", "nosuch")
