"""The strategy model as a run, and its answers over REST."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from drivers.models import SessionResult
from ml import recording
from ml.models import CircuitFact, Run
from ml.strategy import asking, storing, undercut
from ml.strategy.race_exam import SHARES, RaceScore, Scored
from ml.strategy.timeline import load_timelines
from races.models import RaceControl, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db(transaction=False)
BRIER = {"attempts": 36.0, "brier": 0.15, "base_rate_brier": 0.26}
FIGURES = (
    {"green_exact": 0.6}
    | {f"undercut_{name}": value for name, value in (BRIER | {"better_low": 0.04, "better_high": 0.16}).items()}
    | {f"overcut_{name}": value for name, value in (BRIER | {"better_low": -0.01, "better_high": 0.03}).items()}
)
SCORE = RaceScore(1, "Elsewhere", 20, 1.6, 1.5, 1.1, 1.5, 0.74, 0.1, 0.1, 0.1, 0.1)
SCORES = [Scored(share, actual, SCORE) for share in SHARES for actual in (False, True)]


@pytest.fixture(scope="module")
def promoted(laps, django_db_blocker, tmp_path_factory):
    """A strategy model that has learnt from the demo races; trained once for this module."""
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        races = load_timelines(laps["session_id"].unique().tolist())
        run = storing.store(
            races[:2], races[2:], owner="tests", figures=FIGURES, split="season 2022 after 2021", race_scores=SCORES
        )
        call_command("promote_model", str(run.pk), stdout=io.StringIO())
        storing.load_strategy()
        yield run
        storing.loaded.clear()
        recording.delete_experiment(run.experiment)


@pytest.fixture
def race(laps):
    return Session.objects.filter(pk__in=laps["session_id"].unique().tolist()).order_by("date_start")[0]


def test_without_a_promoted_model_the_answer_says_how_to_get_one(api, promoted, race):
    Run.objects.update(champion=False)
    answer = api.get("/api/v1/strategy/rejoin/", {"session_id": race.pk, "driver_number": 1, "lap": 10})
    assert answer.status_code == 409
    assert "strategy_exam --store" in answer.content.decode()


def test_the_run_has_figures_files_and_a_card(promoted):
    assert promoted.status == Run.Status.COMPLETED
    assert {"model.skops", "strategy.json", "model_card.md"} == set(promoted.artifacts.values_list("name", flat=True))
    assert promoted.metrics.get(key="green_exact").value == 0.6
    card = recording.read_artifact(promoted.artifacts.get(name="model_card.md")).decode()
    assert "by at most 5\n  seconds" in card
    assert "From 50% of the race on the mean error is 1.60 places" in card
    assert "Not better at: Elsewhere (+0.10)." in card


def test_questions_about_strategy(api, promoted, race):
    car, lap = first_car(race)
    answer = api.get("/api/v1/strategy/rejoin/", {"session_id": race.pk, "driver_number": car, "lap": lap}).json()
    assert sum(one["probability"] for one in answer["places"]) == pytest.approx(1, abs=1e-3)
    assert answer["likely"] in answer["set_80"]
    assert answer["asked_at"].startswith("pit entry")
    assert "this very race" in answer["warnings"][0]
    safety = {"session_id": race.pk, "driver_number": car, "lap": lap, "safety_car": "true", "tyre_compound": "HARD"}
    behind = api.get("/api/v1/strategy/rejoin/", safety).json()
    assert behind["track"] == "safety car"
    assert behind["expected"] < answer["expected"]  # a stop is cheap then

    whole = api.get("/api/v1/strategy/forecast/", {"session_id": race.pk, "lap": lap}).json()
    assert sum(one["win"] for one in whole["cars"]) == pytest.approx(1, abs=1e-2)
    for one in whole["cars"]:
        chances = {each["place"]: each["probability"] for each in one["places"]}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-3)
        assert one["win"] == chances.get(1, 0)
        assert one["podium"] == pytest.approx(sum(chances.get(place, 0) for place in (1, 2, 3)))
    assert [one["expected"] for one in whole["cars"]] == sorted(one["expected"] for one in whole["cars"])

    query = {"session_id": race.pk, "driver_number": car, "lap": lap, "stop_lap": lap + 2, "tyre_compound": "HARD"}
    what_if = api.get("/api/v1/strategy/what-if/", query).json()
    assert what_if["window"][0]["stop_lap"] == lap + 1
    assert any("cannot be validated" in line for line in what_if["assumptions"])


def test_the_tyres_of_a_stop_move_the_places_and_say_by_what(api, promoted, race):
    car, lap = first_car(race)
    query = {"session_id": race.pk, "driver_number": car, "lap": lap}
    costs = storing.load_strategy().rejoin.compounds
    compound = max(costs, key=lambda name: abs(costs[name].seconds))
    plain = api.get("/api/v1/strategy/rejoin/", query).json()
    chosen = api.get("/api/v1/strategy/rejoin/", query | {"tyre_compound": compound}).json()
    assert (chosen["expected"] > plain["expected"]) == (costs[compound].seconds > 0)
    assert chosen["places"] != plain["places"]
    assert any(line.startswith(f"A stop for {compound} costs {costs[compound].seconds:+.2f} s") for line in chosen["assumptions"])
    refused = api.get("/api/v1/strategy/rejoin/", query | {"tyre_compound": "WET"})
    assert refused.status_code == 400
    assert "not seen enough stops" in refused.json()["tyre_compound"][0]


def test_a_pit_loss_that_a_person_sets_counts_at_once(api, promoted, race):
    car, lap = first_car(race)
    query = {"session_id": race.pk, "driver_number": car, "lap": lap}
    before = api.get("/api/v1/strategy/rejoin/", query).json()
    CircuitFact.objects.create(circuit_name=race.circuit_name, fact="pit loss", value=40.0, edited=True)
    after = api.get("/api/v1/strategy/rejoin/", query).json()
    assert after["pit_loss"] > before["pit_loss"]
    assert after["expected"] > before["expected"]
    assert f"Pit loss at {race.circuit_name}: 40, set by a person." in after["warnings"]


def test_a_race_that_is_on_is_as_long_as_announced_and_without_a_length_nothing_is_claimed(api, promoted, race, monkeypatch):
    monkeypatch.setattr(asking, "race_of", asking.race_of.__wrapped__)  # the laps are cut without a new version of the race
    Lap.objects.filter(session=race, lap_number__gt=12).delete()
    Session.objects.filter(pk=race.pk).update(date_end=timezone.now() + timedelta(hours=1))
    car = Lap.objects.filter(session=race, lap_number=12).first().driver_number
    answer = api.get("/api/v1/strategy/forecast/", {"session_id": race.pk, "lap": 11}).json()
    assert answer["race_laps"] > 20
    assert max(one["win"] for one in answer["cars"]) < 0.95
    rejoin = {"session_id": race.pk, "driver_number": car, "lap": 12}
    assert api.get("/api/v1/strategy/rejoin/", rejoin).status_code == 200
    hindsight = api.get("/api/v1/strategy/forecast/", {"session_id": race.pk, "lap": 11, "actual_stops": "true"})
    assert "The race is on" in hindsight.json()["session_id"][0]
    SessionResult.objects.all().delete()
    refused = api.get("/api/v1/strategy/rejoin/", rejoin | {"lap": 11})
    assert refused.status_code == 400
    assert "how many laps it has is not known" in refused.json()["session_id"][0]


def find_attempt(race):
    """(car, lap): a recorded undercut."""
    timeline = load_timelines([race.pk])[0]
    attempt = next(one for one in undercut.find_attempts(timeline) if one.kind == undercut.UNDERCUT)
    return timeline.cars[attempt.chaser], attempt.lap


def test_undercut_and_overcut_have_odds_beside_the_base_rate(api, promoted, race):
    car, lap = find_attempt(race)
    answer = api.get("/api/v1/strategy/undercut/", {"session_id": race.pk, "driver_number": car, "lap": lap}).json()
    assert 0 < answer["rival"]["gap"] <= undercut.MAX_GAP
    assert 0 < answer["undercut"]["probability"] < 1
    assert answer["undercut"]["better_than_base_rate"] is True
    assert answer["undercut"]["exam"]["brier"] == 0.15
    assert answer["overcut"]["better_than_base_rate"] is False
    assert any("an overcut is not certainly better than the base rate" in line for line in answer["warnings"])
    assert not any("an undercut is not certainly" in line for line in answer["warnings"])
    query = {"session_id": race.pk, "driver_number": car, "lap": lap + 2}
    after = api.get("/api/v1/strategy/undercut/", query).json()
    assert after["undercut"] is None
    assert any(f"car {car} has stopped" in line for line in after["warnings"])


def test_several_stops_can_be_changed_at_once_or_all_left_out(api, promoted, race):
    car, lap = first_car(race)
    query = {"session_id": race.pk, "driver_number": car, "lap": 5}
    several = query | {"stop_lap": [lap, 12], "tyre_compound": ["HARD", "SOFT"]}
    answer = api.get("/api/v1/strategy/what-if/", several).json()
    assert answer["stops"] == [{"stop_lap": 12, "tyre_compound": "SOFT"}, {"stop_lap": lap, "tyre_compound": "HARD"}]
    assert [one["stop_lap"] for one in answer["window"]] == list(range(6, min(26, lap)))  # the first stop, before the second one
    assert all(one["low"] <= one["expected"] <= one["high"] for one in answer["window"])
    best = min(answer["window"], key=lambda one: one["expected"])["stop_lap"]
    assert answer["best_window"]["first_lap"] <= best <= answer["best_window"]["last_lap"]
    assert all(stop["stop_lap"] > 5 for stop in answer["stops_made"])
    once = api.get("/api/v1/strategy/what-if/", query | {"stop_lap": lap, "tyre_compound": "HARD"}).json()
    assert answer["changed"]["expected"] > once["changed"]["expected"]  # a stop more costs places
    none = api.get("/api/v1/strategy/what-if/", query).json()
    assert (none["stops"], none["window"], none["best_window"]) == ([], [], None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stop_lap": [12, 20], "tyre_compound": ["HARD"]}, "tyre_compound"),
        ({"stop_lap": [12, 12], "tyre_compound": ["HARD", "SOFT"]}, "stop_lap"),
        ({"stop_lap": [12, 2], "tyre_compound": ["HARD", "SOFT"]}, "stop_lap"),
    ],
)
def test_stops_that_cannot_be_are_named(api, promoted, race, changes, field):
    query = {"session_id": race.pk, "driver_number": first_car(race)[0], "lap": 5} | changes
    answer = api.get("/api/v1/strategy/what-if/", query)
    assert (answer.status_code, [*answer.json()]) == (400, [field])


def test_a_what_if_says_how_good_forecasts_with_the_stops_that_were_made_are(api, promoted, race):
    query = {"session_id": race.pk, "driver_number": first_car(race)[0], "lap": 18, "stop_lap": 24, "tyre_compound": "HARD"}
    answer = api.get("/api/v1/strategy/what-if/", query).json()
    assert answer["exam"]["everywhere"]["covered"] == 0.74
    assert any('not certainly better than "the order stays"' in line for line in answer["warnings"])


def first_car(race):
    timeline = load_timelines([race.pk])[0]
    return timeline.cars[0], timeline.race_laps // 2


def test_a_time_penalty_counts_in_any_case(race):
    text = "Fia Stewards:  10 second time penalty for Car 4 (Abc) - x"
    RaceControl.objects.create(session=race, date=race.date_start, message=text, digest=1, source="openf1")
    assert (4, 10.0) in [(each.car, each.seconds) for each in load_timelines([race.pk])[0].penalties]


@pytest.mark.parametrize(
    ("path", "changes", "field"),
    [
        ("rejoin", {"session_id": 1}, "session_id"),
        ("rejoin", {"driver_number": 998}, "driver_number"),
        ("rejoin", {"lap": 150}, "lap"),
        ("rejoin", {"tyre_compound": "LIQUORICE"}, "tyre_compound"),
        ("undercut", {"lap": 150}, "lap"),
        ("forecast", {"lap": 150}, "lap"),
        ("what-if", {"stop_lap": 3, "tyre_compound": "HARD"}, "stop_lap"),
    ],
)
def test_a_wrong_value_is_named(api, promoted, race, path, changes, field):
    query = {"session_id": race.pk, "lap": 10} | ({} if path == "forecast" else {"driver_number": first_car(race)[0]})
    answer = api.get(f"/api/v1/strategy/{path}/", query | changes)
    assert answer.status_code == 400
    assert [*answer.json()] == [field]


def test_the_race_and_the_driver_go_by_their_names(api, promoted, race):
    entry = race.entries.filter(driver_number__in=race.laps.values("driver_number")).first()
    words = {"race": race.race.slug, "year": race.year, "session": "R"}
    keys = {"session_id": race.pk}
    for path, more, own, by_key in (
        ("rejoin", {"lap": 8}, {"driver": entry.name_acronym}, {"driver_number": entry.driver_number}),
        ("forecast", {"lap": 8}, {}, {}),
        (
            "what-if",
            {"lap": 5, "stop_lap": [9, 15], "tyre_compound": ["HARD", "SOFT"]},
            {"driver": entry.name_acronym},
            {"driver_number": entry.driver_number},
        ),
    ):
        said = api.get(f"/api/v1/strategy/{path}/", words | more | own)
        assert said.status_code == 200, said.content
        assert said.json() == api.get(f"/api/v1/strategy/{path}/", keys | more | by_key).json()
    wrong = api.get("/api/v1/strategy/rejoin/", {"race": "nowhere", "lap": 8})
    assert (wrong.status_code, list(wrong.json())) == (400, ["race"])
    bare = api.get("/api/v1/strategy/rejoin/", {"lap": 8}).json()
    assert bare == {
        "session_id": ["This is required, or race, year and session."],
        "driver_number": ["This is required, or driver."],
    }


def test_the_exam_is_one_command(laps, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    season = int(laps["season"].iloc[0])
    with pytest.raises(CommandError, match="would have learnt"):
        call_command("strategy_exam", "--train", str(season), "--ask", str(season), stdout=io.StringIO())
    with pytest.raises(CommandError, match="No race of 1999 is stored"):
        call_command("strategy_exam", "--train", str(season), "--ask", "1999", stdout=io.StringIO())
    with pytest.raises(CommandError, match=r"--constant 'rejoin\.DEGREES' is not like"):
        call_command("strategy_exam", "--constant", "rejoin.DEGREES", stdout=io.StringIO())
    with pytest.raises(CommandError, match="leave out --leave-one-out"):
        call_command("strategy_exam", "--leave-one-out", "--store", stdout=io.StringIO())
