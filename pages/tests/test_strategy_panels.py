"""The panels of strategy on the pages of a race: where a car would come out, and the finishing order from a lap on."""

import pytest
from django.test import Client

from ml import recording
from ml.models import Run
from ml.strategy import fitting, forecast, storing, undercut
from ml.strategy.race_exam import RaceScore, Scored
from ml.tests.races import season
from pages.addresses import url_of
from pages.box_now import headline
from pages.chart import Car
from pages.finishing_order import chance
from pages.state import BadState, State

pytestmark = [pytest.mark.django_db, pytest.mark.once]
SCORE = RaceScore(1, "Sakhir", 20, 1.4, 1.5, 1.1, 1.5, 0.8, 0.1, 0.1, 0.1, 0.1)
WORSE = SCORE._replace(circuit="", error=2.0, frozen_error=1.8)
FIGURES = {"all_stops": 319.0, "all_exact": 0.508, "all_within_one": 0.815}


@pytest.fixture(scope="module")
def learnt():
    """What a strategy model learns from three small invented races."""
    races = season()
    return fitting.fit(races), forecast.fit(races), undercut.fit(races)


@pytest.fixture
def promoted(learnt, race):
    """A promoted strategy model, whose forecasts were worse than the order at that moment at the circuit of the race."""
    experiment = recording.experiment(name="strategy", owner="tests", task=storing.TASK)
    run = recording.start_run(
        experiment=experiment, model="m", split="s", dataset_sha256="a" * 64, task=storing.TASK, owner="tests"
    )
    Run.objects.filter(pk=run.pk).update(champion=True)
    scores = [Scored(0.5, False, SCORE), Scored(0.5, False, WORSE._replace(circuit=race.circuit_name))]
    model, race_model, odds = learnt
    storing.loaded[:] = [storing.Strategy(run, model, race_model, odds, [], FIGURES, scores)]
    yield run
    storing.loaded.clear()


def page(race, view, **query):
    return Client().get(f"{url_of(race)}{view}/", query)


@pytest.mark.parametrize("view", ["strategy", "forecast"])
def test_without_a_promoted_model_the_panel_says_which_commands_give_one(race, view):
    text = page(race, view).content.decode()
    assert "manage.py strategy_exam --store" in text
    assert "manage.py promote_model RUN" in text


def test_the_form_asks_for_driver_and_lap_and_nothing_is_computed_before(promoted, race, monkeypatch):
    monkeypatch.setattr("pages.box_now.strategy_answer", lambda *args, **options: pytest.fail("nobody has asked"))
    text = page(race, "strategy", order="grid").content.decode()
    assert 'name="lap" min="2"' in text
    assert '<input type="hidden" name="order" value="grid">' in text


def test_who_is_not_offered_is_told_who_is_each_once(race):
    refused = page(race, "strategy", driver="14", format="json")
    assert refused.status_code == 400
    offered = refused.content.decode().split("choose one of ")[1].split(".")[0].split(", ")
    assert len(offered) == len(set(offered)) > 1


def test_where_a_car_would_come_out_has_places_whose_probabilities_sum_to_one(promoted, race):
    answer = page(race, "strategy", lap=10, format="json").json()["data"]["box_now"]
    assert sum(each["percent"] for each in answer["places"]) == pytest.approx(100, abs=0.5)
    assert sum(each["likely"] for each in answer["places"]) == 1
    assert answer["headline"].startswith(f"{answer['drivers'][0][1]} comes in at the end of lap 10")
    text = page(race, "strategy", lap=10, driver=answer["driver"]).content.decode()
    assert "51 % exact and 82 % within one place of all stops (319 stops)" in text
    assert "cannot be validated" in text
    assert text.count('class="odds-bar"') == len(answer["places"])


def test_another_driver_and_the_safety_car_are_parts_of_the_address(promoted, race):
    drivers = page(race, "strategy", lap=10, format="json").json()["data"]["box_now"]["drivers"]
    asked = {"lap": 10, "driver": drivers[3][0], "safety_car": 1}
    answer = page(race, "strategy", **asked, format="json").json()["data"]["box_now"]
    assert answer["headline"].startswith(drivers[3][1])
    assert "track: safety car" in answer["facts"]
    text = page(race, "strategy", **asked).content.decode()
    assert f'<option value="{drivers[3][0]}" selected>' in text
    assert 'value="1" checked' in text


def test_a_lap_that_cannot_be_asked_about_is_explained(promoted, race):
    for lap in ("1", "999", "²", "x"):
        assert page(race, "strategy", lap=lap).status_code == 400
        with pytest.raises(BadState, match="write a number from 2 to 50"):
            State({"lap": lap}, ("lap",)).lap(2, 50)


def test_the_finishing_order_stands_beside_the_order_at_that_moment_and_says_where_it_is_no_better(promoted, race):
    answer = page(race, "forecast", format="json").json()["data"]["finishing_order"]
    assert answer["table"]["columns"][:3] == ["Driver", "Order then", "Forecast"]
    assert sorted(row[1] for row in answer["table"]["rows"]) == list(range(1, len(answer["table"]["rows"]) + 1))
    text = page(race, "forecast").content.decode()
    assert "not certainly better than &quot;the order stays&quot;" in text
    assert "it was not better than &quot;the order stays&quot; in the exam: 2.00 places off against 1.80" in text
    assert "at this circuit 2.00 and 1.80" in text


def test_another_lap_gives_another_order_and_another_model_another_page(promoted, race):
    early, late = (page(race, "forecast", lap=lap, format="json").json()["data"]["finishing_order"] for lap in (5, 20))
    assert (early["lap"], late["lap"]) == (5, 20)
    assert early["table"] != late["table"]
    tag = page(race, "forecast", lap=5)["ETag"]
    Run.objects.filter(pk=promoted.pk).update(champion=False)
    assert page(race, "forecast", lap=5)["ETag"] != tag


def test_places_that_follow_one_another_are_written_as_a_range():
    car = Car(1, "ONE", "One", "A", "#000000", "#ffffff")
    said = [headline({"lap": 9, "likely": 2, "set_80": places}, car) for places in ([2], [1, 2, 3], [2, 12])]
    assert [text.rpartition(" it is ")[2] for text in said] == ["2nd.", "1st to 3rd.", "2nd or 12th."]


def test_a_chance_that_is_not_nothing_is_not_written_as_nothing():
    assert [chance(share) for share in (0.0, 0.004, 0.5, 1.0)] == ["0 %", "< 1 %", "50 %", "100 %"]


def test_other_stops_are_answered_with_a_curve_and_the_words_that_nobody_can_validate_them(promoted, race):
    drivers = page(race, "strategy", format="json").json()["data"]["box_now"]["drivers"]
    query = {"driver": drivers[1][0], "stops": "10-HARD,18-soft"}
    answer = page(race, "strategy", **query, format="json").json()["data"]["what_if"]
    assert answer["answer"]["stops"] == [
        {"stop_lap": 10, "tyre_compound": "HARD"},
        {"stop_lap": 18, "tyre_compound": "SOFT"},
    ]
    assert f"{drivers[1][1]} with stops after lap 10 (hard) and lap 18 (soft) is place" in answer["headline"]
    assert answer["best"].startswith("Best window for the first stop: after")
    text = page(race, "strategy", **query).content.decode()
    assert "This cannot be validated: nobody has driven that race." in text
    assert 'class="band"' in text
    assert text.count("<polyline") == 1
    assert "with no stop is place" in page(race, "strategy", stops="none").content.decode()


@pytest.mark.parametrize("stops", ["15", "15-WET", "15-HARD,15-SOFT", "1-HARD", "999-HARD", "x"])
def test_stops_that_cannot_be_are_refused_with_an_example(promoted, race, stops):
    answer = page(race, "strategy", stops=stops)
    assert answer.status_code == 400
    assert "stops=15-HARD,38-SOFT" in answer.content.decode()
