"""A lap that is under way is predicted from the sectors that are driven, and from nothing later."""

import numpy as np
import pandas as pd
import pytest

from ml import estimators, exam, features, prediction, recording
from ml.fallback import NaiveFallback
from ml.features import LAST_SECTORS, SECTORS
from ml.running_race import laps_under_way
from ml.tasks import TASKS
from ml.tests.promoted import before_the_last, learn
from ml.tests.test_features import MEASURED
from telemetry.models import Lap

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(scope="module")
def problem(laps, table):
    return TASKS["in_lap"](laps, table)


def key(laps):
    return laps["session_id"].astype(str) + "/" + laps["driver_number"].astype(str) + "/" + laps["lap_number"].astype(str)


def test_the_anchor_is_what_is_driven_and_the_rest_of_the_last_clean_lap(laps, table, problem):
    rows = laps.assign(key=key(laps), **{name: table[name] for name in LAST_SECTORS}).set_index("key").loc[key(problem.laps)]
    own, last = rows[[*SECTORS]].to_numpy(), rows[[*LAST_SECTORS]].to_numpy()
    for done in (1, 2):
        asked = (problem.laps["sectors_done"] == done).to_numpy()
        assert asked.sum() > 500
        expected = own[asked, :done].sum(axis=1) + last[asked, done:].sum(axis=1)
        assert problem.anchor[asked].to_numpy() == pytest.approx(expected)
    assert (problem.asked_at > problem.laps["start"]).all()
    assert (problem.asked_at < problem.laps["end"]).all()


@pytest.mark.parametrize("done", [1, 2])
def test_nothing_that_is_measured_after_the_sector_moves_the_question(laps, table, problem, done):
    """The lap's later sectors, and every lap that ends later: times, sectors, speeds, and what was thought of them."""
    one = laps[laps["session_id"] == laps["session_id"].unique()[1]]
    asked = problem.laps["sectors_done"].eq(done) & problem.laps["session_id"].eq(one["session_id"].iloc[0])
    row = problem.laps[asked & problem.laps["lap_number"].eq(14)].index[3]
    car, moment = problem.laps.loc[row], problem.asked_at[row]
    changed = pd.concat([laps[laps["session_date"] < car["session_date"]], one]).copy()
    here = changed["session_id"] == car["session_id"]
    mine = changed.index[here & changed["driver_number"].eq(car["driver_number"]) & changed["lap_number"].eq(14)][0]
    future = changed.index[here & ~(changed["end"] <= moment)]
    assert mine in future
    known = changed.loc[mine, [*SECTORS[:done]]].copy()
    random = np.random.default_rng(1)
    changed.loc[future, MEASURED] *= 1.01
    changed.loc[future, "end"] = moment + random.uniform(1, 200, len(future))
    changed.loc[future, "excluded"] = random.choice(["", "slow"], len(future))
    changed.loc[mine, [*SECTORS[:done]]] = known
    changed.loc[mine, "excluded"] = ""
    again = TASKS["in_lap"](changed, features.build(changed))
    place = again.laps.index[(key(again.laps) == key(problem.laps.loc[[row]]).iloc[0]) & again.laps["sectors_done"].eq(done)][0]
    pd.testing.assert_series_equal(again.inputs.loc[place], problem.inputs.loc[row], check_names=False)
    assert again.anchor[place] == problem.anchor[row]
    assert again.asked_at[place] == moment


def test_own_sectors_move_the_question(laps, table, problem):
    """Else the test above could not fail."""
    changed = laps.copy()
    changed["duration_sector_1"] += 0.4 * (changed["lap_number"] == 14)
    again = TASKS["in_lap"](changed, table)
    rows = problem.laps["lap_number"] == 14
    assert (again.inputs["sector_1_change"] - problem.inputs["sector_1_change"])[rows].to_numpy() == pytest.approx(0.4)


def test_a_dataset_without_sectors_is_refused_in_words(laps, table):
    with pytest.raises(ValueError, match="build it again"):
        TASKS["in_lap"](laps, table.drop(columns=[*LAST_SECTORS]))


def test_boosting_gives_the_naive_answer_where_it_knows_no_better(problem):
    """After the second sector nothing is left to know: what is missing is drawn by chance."""
    done = problem.laps["sectors_done"].to_numpy()
    change = problem.inputs["sector_1_change"].fillna(0).to_numpy()
    chance = np.random.default_rng(0).laplace(0, 0.5, len(done))
    target = pd.Series(np.where(done == 1, change, chance), index=problem.inputs.index)
    model = estimators.gradient_boosting(problem.inputs, seed=0, bag=1, max_iter=40).fit(problem.inputs, target)
    assert isinstance(model, NaiveFallback)
    predicted = model.predict(problem.inputs)
    assert model.trust_[0] > 0
    assert np.abs(predicted - target)[done == 1].mean() < np.abs(target)[done == 1].mean()
    assert model.trust_[1] == 0
    assert (predicted[done == 2] == 0).all()


@pytest.mark.parametrize("task", ["next_lap", "in_lap"])
def test_boosting_with_its_fallback_is_read_from_a_file_as_it_was_written(laps, table, task):
    from skops import io

    from ml import artifacts

    asked = TASKS[task](laps, table)
    model = estimators.gradient_boosting(asked.inputs, seed=0, bag=1, max_iter=5)
    model.fit(asked.inputs, (asked.target - asked.anchor).clip(-3, 3))
    read = io.loads(artifacts.dumps(model, None), trusted=artifacts.TRUSTED)["estimator"]
    assert read.predict(asked.inputs).tolist() == model.predict(asked.inputs).tolist()


def test_the_exam_has_a_row_for_each_sector(laps, table):
    from ml import training

    result = training.train(laps, table=table, model="ridge", task="in_lap", split=before_the_last(laps))
    rows = [*exam.figures(result)]
    assert [row.task for row in rows] == ["in_lap, sector 1", "in_lap, sector 2"]
    assert rows[0].baseline_mae > rows[1].baseline_mae
    assert rows[0].width > rows[1].width
    assert all(0.7 < row.coverage < 0.9 for row in rows)


def test_a_lap_under_way_is_predicted_as_it_was_in_the_test_of_its_model(api, laps, table, storage, no_plots):
    run, result = learn(laps, table, "in_lap")
    assert "Asked after sector 2" in recording.read_artifact(run.artifacts.get(name="model_card.md")).decode()
    champion = type(run).objects.filter(pk=run.pk)
    champion.update(champion=True)
    rows = result.predictions
    row = rows[(rows["sectors_done"] == 1) & (rows["lap_number"] == 15)].iloc[2]
    body = {"session_id": int(row["session_id"]), "driver_number": int(row["driver_number"]), "from_lap": 15}

    def ask(status=200, **more):
        answer = api.post("/api/v1/predict/", body | more)
        assert answer.status_code == status, answer.json()
        return answer.json()

    for done in (1, 2):
        expected = rows[
            (rows["sectors_done"] == done) & (rows["lap_number"] == 15) & (rows["driver_number"] == row["driver_number"])
        ]
        (lap,) = ask(sectors_done=done)["laps"]
        assert lap["task"] == "in_lap"
        assert lap["seconds"] == pytest.approx(expected["prediction"].iloc[0], abs=1e-6)
        assert (lap["low"], lap["high"]) == (
            pytest.approx(expected["low"].iloc[0], abs=0.05),
            pytest.approx(expected["high"].iloc[0], abs=0.05),
        )
    # While it is under way: the lap has no time yet, and its second sector neither.
    Lap.objects.filter(session_id=body["session_id"], driver_number=body["driver_number"], lap_number__gt=15).delete()
    Lap.objects.filter(session_id=body["session_id"], driver_number=body["driver_number"], lap_number=15).update(
        lap_duration=None, duration_sector_2=None, duration_sector_3=None
    )
    prediction.load_race.cache_clear()
    (lap,) = ask(sectors_done=1)["laps"]
    assert lap["seconds"] == pytest.approx(row["prediction"], abs=0.02)
    cars = [*laps.loc[(laps["session_id"] == body["session_id"]) & (laps["lap_number"] == 15), "driver_number"]]
    on_track = laps_under_way(session_id=body["session_id"], laps=dict.fromkeys(cars, 15))
    assert len(on_track) > 10
    assert on_track[body["driver_number"]] == {
        "lap": 15, "seconds": round(lap["seconds"], 3), "low": round(lap["low"], 3), "high": round(lap["high"], 3), "sectors": 1
    }  # fmt: skip
    assert {each["sectors"] for each in on_track.values()} == {1, 2}
    assert laps_under_way(session_id=body["session_id"], laps={body["driver_number"]: 40}) == {}
    assert "after sector 2" in str(ask(400, sectors_done=2)["sectors_done"])
    assert list(ask(400, sectors_done=3)) == ["sectors_done"]


def test_without_a_champion_it_is_said_how_to_get_one(api, laps, storage):
    lap = laps[laps["session_date"] == laps["session_date"].max()].iloc[20]
    body = {"session_id": int(lap["session_id"]), "driver_number": int(lap["driver_number"]), "from_lap": 12, "sectors_done": 1}
    told = api.post("/api/v1/predict/", body)
    assert told.status_code == 409
    assert "promoted for in_lap" in told.json()["detail"]
