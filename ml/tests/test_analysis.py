"""What race engineers ask, beside a truth that is known: the demo season's."""

import io
import json
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from drivers.models import Entry, SessionResult
from mirror.simulator import world
from mirror.simulator.season import Season
from ml import analysis
from ml.analysis import degradation, robust, sessions, stops
from ml.analysis.printing import besides
from ml.views import analysis as views
from races.models import Neutralisation, RaceControl, Session
from telemetry.models import Lap, Pit, Stint

pytestmark = [pytest.mark.django_db, pytest.mark.once]
SEEDS = (3, 5, 8)
RACES = ("Race", "Sprint")
LOADS = {"Race": 110.0, "Sprint": 36.1}  # kg, as `ask` takes them
URL = "/api/v1/analysis/"


@pytest.fixture(scope="module")
def seasons(django_db_setup, django_db_blocker, tmp_path_factory):
    """[(laws, circuit, name, laps)] of the dry races and sprints of several seeds."""
    from django.test import override_settings

    found = []
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        for seed in SEEDS:
            call_command("load_demo", "--seed", str(seed), "--races", "4", stdout=io.StringIO())
            for session in Session.objects.filter(session_name__in=RACES).order_by("date_start"):
                laps = sessions.read_laps(session.pk, kinds=RACES)[1]
                if not degradation.warnings(laps):
                    circuit = next(one for one in world.CIRCUITS if one.name == session.circuit_name)
                    found.append((Season(seed=seed).laws, circuit, session.session_name, laps))
            call_command("load_demo", "--remove", stdout=io.StringIO())
    return found


def held(interval, truth):
    return interval[0] <= truth <= interval[1]


@pytest.mark.parametrize("name", RACES)
def test_degradation_is_recovered_within_the_stated_intervals(seasons, name):
    found = {"interval": [], "band": [], "drivers": [], "pairs": [], "free": []}
    for laws, circuit, kind, laps in seasons:
        if kind != name:
            continue
        truth = {compound: laws.compounds[compound].slope * circuit.abrasion for compound in laws.compounds}
        answer = degradation.degradation(laps, fuel_load=LOADS[name])
        for row in answer["rows"]:
            found["interval"].append(held(row["interval"], truth[row["compound"]]))
            found["band"].append(held(row["band"], truth[row["compound"]]))
            found["drivers"] += [held(driver["interval"], truth[row["compound"]]) for driver in row["drivers"]]
            assert row["slope"] == pytest.approx(truth[row["compound"]], abs=0.035)
        found["pairs"] += [
            held(pair["interval"], truth[pair["compounds"][0]] - truth[pair["compounds"][1]]) for pair in answer["pairs"]
        ]
        for compound, slope in (answer["free"] or {"slopes": {}})["slopes"].items():
            found["free"].append(held(slope["interval"], truth[compound]))
    assert len(found["interval"]) >= (20 if name == "Race" else 3)
    for what, hits in found.items():
        assert not hits or np.mean(hits) >= 0.85, (what, hits)  # 95 % of some twenty: seldom below
    assert np.mean(found["interval"]) >= 0.95


def test_an_answer_says_how_many_stints_lay_where_the_others_foretold_them(seasons):
    told = [degradation.degradation(laps)["stint_80_held"] for _, _, kind, laps in seasons if kind == "Race"]
    assert sum(one["stints"] for one in told) > 150
    # Invented races differ from each other less than recorded ones, from which the spreads are.
    assert 0.78 < sum(one["held"] for one in told) / sum(one["stints"] for one in told) < 0.98


def test_fuel_is_recovered_within_its_intervals(seasons):
    effects, totals = [], []
    for laws, _, kind, laps in seasons:
        free = degradation.degradation(laps)["free"] if kind == "Race" else None
        if free is not None:
            effects.append(held(free["fuel_effect"]["interval"], laws.fuel_effect))
            totals.append(held(free["fuel_and_track"]["interval"], laws.fuel * laws.fuel_effect + laws.green["Race"][0]))
            assert free["fuel_effect"]["interval"][1] - free["fuel_effect"]["interval"][0] < 0.04  # it says something
    assert len(effects) > 5
    assert np.mean(effects) >= 0.95
    assert np.mean(totals) >= 0.85


def test_the_crossover_lies_within_the_stated_range_about_as_often_as_stated(seasons):
    hits = []
    for laws, circuit, _, laps in seasons:
        try:
            rows = stops.crossover(laps)["rows"]
        except analysis.CannotSay:  # a sprint without a stop, a race whose stints all begin alike
            continue
        for row in rows:
            first, second = laws.compounds[row["faster_when_new"]], laws.compounds[row["other"]]
            if "age" in row:
                truth = (second.offset - first.offset) / ((first.slope - second.slope) * circuit.abrasion)
                hits.append(held((row["p10"], row["p90"]), truth))
    assert len(hits) > 10
    assert 0.65 <= np.mean(hits) < 1  # 80 % is stated; drawn as if independent, it would be every one


def test_medians_of_drawn_groups_are_those_of_their_values():
    random = np.random.default_rng(0)
    values, times = np.sort(random.normal(size=9)), random.integers(0, 3, (50, 9))
    assert robust.medians(values, times) == pytest.approx([np.median(np.repeat(values, row)) for row in times])


def test_a_sprint_begins_with_the_fuel_it_needs(laps, api):
    sprint = Session.objects.filter(session_name="Sprint").first()
    told = api.get(f"{URL}race-pace/", {"session_id": sprint.pk}).json()
    assert "36.1 kg at the start" in told["assumptions"][0]
    told = api.get(f"{URL}race-pace/", {"session_id": sprint.pk, "fuel_load": 50}).json()
    assert "50 kg at the start" in told["assumptions"][0]


def test_a_wrong_fuel_effect_moves_the_tyres_as_it_must(seasons):
    """More fuel effect, more degradation: by 110 kg over the laps of the race, the difference times."""
    laps = next(laps for *_, kind, laps in seasons if kind == "Race")
    low, high = (degradation.degradation(laps, fuel_effect=effect)["rows"][0] for effect in (0.02, 0.04))
    assert high["slope"] - low["slope"] == pytest.approx(0.02 * 110 / laps["race_laps"].max(), rel=0.15)
    assert low["band"][0] <= low["slope"] <= high["slope"] <= low["band"][1]


def test_compounds_that_cannot_be_told_apart_are_called_so():
    alike = {"SOFT": robust.Pooled(0.05, 0.02, 0.0), "HARD": robust.Pooled(0.04, 0.02, 0.0)}
    apart = {"SOFT": robust.Pooled(0.12, 0.01, 0.0), "HARD": robust.Pooled(0.04, 0.01, 0.0)}
    assert degradation.pairs(alike)[0]["said"] == "SOFT and HARD cannot be told apart in this race."
    assert degradation.pairs(apart)[0]["said"] == "SOFT loses more than HARD."


def test_a_line_is_not_moved_by_a_wild_lap():
    random = np.random.default_rng(0)
    x = np.arange(15.0)
    y = 90 + 0.08 * x + random.normal(0, 0.1, 15)
    y[4] += 8
    assert robust.line(x, y).slope == pytest.approx(0.08, abs=0.02)


def test_what_is_said_with_little_is_drawn_towards_the_others():
    pooled = robust.pool(np.array([0.04, 0.06, 0.08]), np.array([0.005, 0.005, 0.005]))
    assert pooled.between > 0
    far, sure = pooled.shrunk(0.20, 0.05), pooled.shrunk(0.20, 0.001)
    assert abs(far[0] - pooled.mean) < 0.3 * abs(0.20 - pooled.mean)
    assert sure[0] == pytest.approx(0.20, abs=0.005)
    assert pooled.predictive[0] < pooled.interval[0]


@pytest.fixture
def session_ids(laps):
    """{name: a session of the second weekend}"""
    race = Session.objects.get(pk=int(laps["session_id"].unique()[0]))
    return dict(race.race.sessions.values_list("session_name", "pk"))


def of(session_ids, question):
    kinds = analysis.QUESTIONS[question].kinds
    return session_ids["Practice 2" if "Practice 2" in kinds else kinds[0]]


@pytest.mark.parametrize("question", analysis.QUESTIONS)
def test_every_answer_says_what_it_rests_on(api, session_ids, question):
    answer = api.get(f"{URL}{question}/", {"session_id": of(session_ids, question)})
    if answer.status_code == 400:
        assert question in ("undercut", "crossover")  # a race may have nothing to say
        return
    told = answer.json()
    assert told["n"] > 0
    assert told["rows"]
    assert told["filters"]
    assert told["assumptions"]
    assert told["session"]["session_id"] == of(session_ids, question)


def test_words_mean_a_session_that_the_question_can_be_asked_of(api, session_ids):
    race = Session.objects.get(pk=session_ids["Race"])
    words = {"race": race.race.slug, "year": race.year}

    def ask(question, **more):
        return api.get(f"{URL}{question}/", words | more)

    assert ask("race-pace").json()["session"]["session_id"] == race.pk
    assert ask("qualifying-gap").json()["session"]["session_name"] == "Qualifying"
    proposed = "This weekend has several such sessions. Did you mean 'practice-1', 'practice-2' or 'practice-3'?"
    assert ask("long-runs").json() == {"session": [proposed]}
    assert ask("race-pace", session="practice").json() == {"session": ["This is asked of: Race, Sprint. Did you mean 'race'?"]}
    assert ask("nosuch").status_code == 404


def test_an_answer_is_kept_until_a_row_changes(editor, session_ids, monkeypatch):
    asked = []
    monkeypatch.setattr(views, "ask", lambda *question, **options: asked.append(question) or analysis.ask(*question, **options))
    url = f"{URL}race-pace/?session_id={session_ids['Race']}"
    first = editor.get(url)
    assert first.status_code == 200
    assert editor.get(url).content == first.content
    assert len(asked) == 1
    assert editor.get(f"{url}&fuel_effect=0.05").content != first.content
    lap = editor.get(f"/api/v1/laps/?session_id={session_ids['Race']}&lap_number=10").json()["results"][0]
    assert editor.patch(f"/api/v1/laps/{lap['lap_id']}/", {"lap_duration": lap["lap_duration"] - 0.5}).status_code == 200
    assert editor.get(url).status_code == 200
    assert len(asked) == 3


def test_race_pace_finds_the_fast_cars(laps, session_ids):
    laws = Season().laws
    session_id = session_ids["Race"]
    answer = analysis.ask("race-pace", session_id)
    teams = [row["team"] for row in answer["teams"]]
    truth = sorted(laws.team, key=lambda name: laws.team[name])
    assert set(teams[:3]) & set(truth[:3])
    assert truth.index(teams[0]) < 4
    assert truth.index(teams[-1]) > 5
    assert answer["rows"][0]["gap"] == 0
    for row in answer["rows"]:
        assert row["band"][0] <= row["gap"] <= row["band"][1]


def test_qualifying_gaps_are_those_of_the_best_laps(session_ids):
    answer = analysis.ask("qualifying-gap", session_ids["Qualifying"])
    best = [row["lap_duration"] for row in answer["rows"]]
    assert best == sorted(best)
    for row in answer["rows"]:
        assert row["gap_percent"] == round(100 * (row["lap_duration"] / best[0] - 1), 3)


def test_a_track_that_gets_faster_favours_nobody_within_a_phase(session_ids):
    """The fastest of each phase is 0 % behind in it, however fast later phases are."""
    rows = analysis.ask("qualifying-gap", session_ids["Qualifying"])["rows"]
    assert [sum(row["phase"] == phase for row in rows) for phase in (1, 2, 3)] == [5, 5, 10]
    for row in rows:
        assert 0 <= row["phase_percent"] <= row["gap_percent"] + 1e-9 or row["phase"] == 3
    mates = [row["mate_percent"] for row in rows if row["phase"] == 3]
    assert any(gap < 0 for gap in mates)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda times: [time and round(time / 10, 3) for time in times],
        lambda times: [time and time - 3 for time in times],
        lambda times: [-1, 0, None],
        lambda times: ["DNF", 1.0, None],
        lambda times: [1e9, 1e9, 1e9],
    ],
    ids=["slipped point", "three seconds", "negative", "text", "endless"],
)
def test_one_wrong_official_time_moves_only_its_own_car(session_ids, spoil):
    """Of the slowest car of Q2, which has no fastest time of a phase."""
    key = session_ids["Qualifying"]
    before = analysis.ask("qualifying-gap", key)
    assert "warnings" not in before
    wrong = [row for row in before["rows"] if row["phase"] == 2][-1]
    entry = Entry.objects.get(session_id=key, name_acronym=wrong["name"])
    result = SessionResult.objects.get(session_id=key, driver_number=entry.driver_number)
    SessionResult.objects.filter(pk=result.pk).update(duration=spoil(result.duration))
    after = analysis.ask("qualifying-gap", key)
    others = ({row["name"]: row for row in answer["rows"] if row["team"] != wrong["team"]} for answer in (before, after))
    assert next(others) == next(others)
    [mate] = [row for row in after["rows"] if row["team"] == wrong["team"] and row["name"] != wrong["name"]]
    assert mate["mate_percent"] is None
    if wrong["name"] in {row["name"] for row in after["rows"]}:
        assert after["warnings"] == [
            f"No gap and no lap agrees with an official time of: {wrong['name']}. Nobody is compared with it; "
            "correct the result, or sync it again."
        ]


def test_pole_counts_by_its_gap_where_its_lap_is_wrong_and_by_its_lap_where_the_gap_is(session_ids):
    key = session_ids["Qualifying"]
    before = analysis.ask("qualifying-gap", key)["rows"]
    car = Entry.objects.get(session_id=key, name_acronym=before[0]["name"]).driver_number
    laps, result = (model.objects.filter(session_id=key, driver_number=car) for model in (Lap, SessionResult))
    gaps = result.get().gap_to_leader
    result.update(gap_to_leader=[5.0, 5.0, 5.0])
    assert analysis.ask("qualifying-gap", key)["rows"] == before
    result.update(gap_to_leader=gaps)
    laps.filter(lap_duration=before[0]["lap_duration"]).update(lap_duration=9.0, duration_sector_1=None)
    assert analysis.ask("qualifying-gap", key)["rows"] == before


def test_a_deleted_lap_counts_for_nothing_where_results_are_stored(session_ids):
    key = session_ids["Qualifying"]
    rows = analysis.ask("qualifying-gap", key)["rows"]
    best, faster = rows[-1], round(rows[0]["lap_duration"] - 0.2, 3)
    car = Entry.objects.get(session_id=key, name_acronym=best["name"]).driver_number
    own = Lap.objects.filter(session_id=key, driver_number=car, is_pit_out_lap=False)
    own.update(lap_duration=faster, duration_sector_1=None)
    assert analysis.ask("qualifying-gap", key)["rows"][-1] == best
    SessionResult.objects.filter(session_id=key).delete()
    first = analysis.ask("qualifying-gap", key)["rows"][0]
    assert (first["name"], first["lap_duration"], first["phase"]) == (best["name"], faster, None)


def test_a_deleted_lap_is_nobodys_fastest_where_no_results_are_stored(editor, session_ids):
    key = session_ids["Qualifying"]
    SessionResult.objects.filter(session_id=key).delete()
    best = analysis.ask("qualifying-gap", key)["rows"]
    lap = Lap.objects.filter(session_id=key, is_pit_out_lap=False, deleted=False, lap_duration=best[0]["lap_duration"]).first()
    text = f"CAR {lap.driver_number} TIME {int(lap.lap_duration // 60)}:{lap.lap_duration % 60:06.3f} DELETED - TRACK LIMITS"
    moment = (lap.date_start + timedelta(seconds=150)).isoformat()
    body = {"session_id": key, "date": moment, "message": f"{text} AT TURN 4 LAP {lap.lap_number}"}
    assert editor.post("/api/v1/race-control/", body).status_code == 201
    rows = analysis.ask("qualifying-gap", key)["rows"]
    assert rows[0]["lap_duration"] > best[0]["lap_duration"]
    RaceControl.objects.filter(session_id=key).delete()
    assert "Deleted laps are unknown" in analysis.ask("qualifying-gap", key)["warnings"][0]


@pytest.mark.parametrize("question", [name for name in analysis.QUESTIONS if name != "qualifying-gap"])
def test_without_messages_of_race_control_an_answer_says_that_neutralisations_are_unknown(session_ids, question):
    key = of(session_ids, question)
    RaceControl.objects.filter(session_id=key).delete()
    try:
        answer = analysis.ask(question, key)
    except analysis.CannotSay:
        return
    assert "Neutralisations are unknown" in answer["warnings"][-1]
    assert not [text for text in answer["filters"] if "flag" in text or "safety car" in text or "neutralis" in text]


def test_three_estimates_say_less_than_their_errors():
    """Hartung and Knapp: the interval of few estimates is one of Student's t, and never narrower than the estimates scatter."""
    few = robust.pool(np.array([0.05, 0.06, 0.07]), np.array([0.01, 0.01, 0.01]))
    many = robust.pool(np.tile([0.05, 0.06, 0.07], 20), np.full(60, 0.01))
    assert few.times == pytest.approx(4.303, abs=0.001)
    assert many.times == pytest.approx(2.001, abs=0.001)
    wild = robust.pool(np.array([0.0, 0.06, 0.12]), np.array([0.001, 0.001, 0.001]))
    assert wild.error >= 0.06 / 3**0.5 - 1e-6


def test_the_answer_is_described(api, session_ids):
    from drf_spectacular.generators import SchemaGenerator

    described = SchemaGenerator().get_schema(public=True)["components"]["schemas"]["Answer"]
    told = api.get(f"{URL}degradation/", {"session_id": session_ids["Race"]}).json()
    assert set(described["required"]) <= told.keys()


def test_a_stop_costs_what_the_pit_lane_takes(session_ids):
    session = Session.objects.get(pk=session_ids["Race"])
    circuit = next(one for one in world.CIRCUITS if one.name == session.circuit_name)
    answer = analysis.ask("pit-loss", session.pk)
    green = next(row for row in answer["rows"] if row["track"] == "green")
    truth = circuit.lane + 2.8 - circuit.bypass
    assert green["median"] == pytest.approx(truth, abs=1.5)
    assert green["p10"] <= green["median"] <= green["p90"]


@pytest.mark.parametrize("lane", [15.7, 21.0])
def test_a_safety_car_that_leads_the_field_through_the_pit_lane_is_no_stop(session_ids, lane):
    """Melbourne 2025: pit rows on laps 2, 3 and 4, and new stints on the same, older tyres."""
    key = session_ids["Race"]
    before = analysis.ask("pit-loss", key)
    start = Lap.objects.filter(session_id=key, lap_number=2).order_by("date_start").first().date_start
    Neutralisation.objects.create(session_id=key, state="safety car", date_start=start, date_end=start + timedelta(minutes=6))
    laps = Lap.objects.filter(session_id=key, lap_number__in=(2, 3, 4), date_start__isnull=False, lap_duration__isnull=False)
    for lap in laps:
        end = lap.date_start + timedelta(seconds=lap.lap_duration)
        fields = {"session_id": key, "driver_number": lap.driver_number}
        Pit.objects.create(**fields, lap_number=lap.lap_number, lane_duration=lane, date=end, digest=lap.pk)
        first = Stint.objects.get(**fields, lap_start__lte=lap.lap_number, lap_end__gt=lap.lap_number)
        Stint.objects.filter(**fields, stint_number__gt=first.stint_number).update(stint_number=F("stint_number") + 100)
        age = first.tyre_age_at_start + lap.lap_number + 1 - first.lap_start
        Stint.objects.create(
            **fields, stint_number=first.stint_number + 1, lap_start=lap.lap_number + 1, lap_end=first.lap_end,
            tyre_compound=first.tyre_compound, tyre_age_at_start=age,
        )  # fmt: skip
        Stint.objects.filter(pk=first.pk).update(lap_end=lap.lap_number)
        Lap.objects.filter(**fields, lap_number=lap.lap_number + 1).update(is_pit_out_lap=True)
    answer = analysis.ask("pit-loss", key)
    assert answer["left_out"]["transit behind the safety car"] == len(laps) > 40
    assert [row["track"] for row in answer["rows"]] == [row["track"] for row in before["rows"]] == ["green"]
    measured = {(stop["name"], stop["lap_number"]) for stop in before["stops"]["green"]}
    assert {(stop["name"], stop["lap_number"]) for stop in answer["stops"]["green"]} <= measured


def test_the_cost_of_a_stop_is_a_distribution(session_ids):
    [green, *_] = analysis.ask("pit-loss", session_ids["Race"])["rows"]
    assert green["p10"] <= green["p25"] <= green["median"] <= green["p75"] <= green["p90"]
    assert green["stops"] > 10


def test_a_stop_behind_the_safety_car_is_compared_with_cars_that_were_slow_as_well():
    """Four cars drive 90 s a lap and then, behind the safety car, 130 s; the one that stops there loses 12 s to the others."""
    import pandas as pd

    rows = [
        {"driver_number": car, "lap_number": lap, "lap_duration": 130.0 if lap >= 10 else 90.0, "start": 100.0 * lap + car,
         "excluded": "safety car" if lap >= 10 else "", "compound": "HARD", "clean": lap < 10, "name": f"C{car}",
         "is_in_lap": car == 1 and lap == 10, "is_pit_out_lap": car == 1 and lap == 11}
        for car in (1, 2, 3, 4) for lap in range(1, 15)
    ]  # fmt: skip
    laps = pd.DataFrame(rows)
    laps.loc[(laps["driver_number"] == 1) & (laps["lap_number"] == 11), "lap_duration"] = 142.0
    field = stops.Field(laps)
    assert field.track(1, 10) == "neutralised"
    assert field.state(1, 10) == "safety car"
    assert field.loss(1, 10, track="neutralised") == pytest.approx(12)
    far = stops.Field(laps.assign(start=laps["start"] + 70 * (laps["driver_number"] > 3)))
    assert np.isnan(far.loss(1, 10, track="neutralised"))  # two cars nearby are too few


def test_stops_for_wet_tyres_say_nothing_of_the_pit_lane(laps):
    """The third race is the one with rain; such a stop seems to cost eight seconds more."""
    session = Session.objects.filter(session_name="Race").order_by("date_start")[2]
    circuit = next(one for one in world.CIRCUITS if one.name == session.circuit_name)
    answer = analysis.ask("pit-loss", session.pk)
    assert answer["left_out"]["wet tyres"] > 10
    [green] = answer["rows"]
    assert green["median"] == pytest.approx(circuit.lane + 2.8 - circuit.bypass, abs=2)


@pytest.mark.parametrize(
    ("shares", "track"),
    [((0, 0), "green"), ((0.3, 0), "partly neutralised"), ((0.8, 0), "neutralised"), ((0.2, 0.2), "red flag")],
)
def test_a_stop_is_green_only_when_the_track_is_free_all_along(shares, track):
    import pandas as pd

    behind, red = (round(20 * share) for share in shares)
    states = pd.Series(["safety car"] * behind + ["red flag"] * red + [""] * (20 - behind - red))
    assert stops.track_of(pd.Series(["SOFT", "HARD"]), states) == track
    assert stops.track_of(pd.Series(["SOFT", "INTERMEDIATE"]), states) == "wet tyres"


@pytest.mark.parametrize("name", ["Sprint Shootout", "Sprint Qualifying", "Qualifying", "Practice 1"])
def test_race_questions_are_not_for_what_only_sounds_like_a_race(session_ids, name):
    Session.objects.filter(pk=session_ids["Race"]).update(session_name=name)
    with pytest.raises(analysis.NotThere, match=f"is called {name}"):
        analysis.ask("race-pace", session_ids["Race"])


def test_a_fault_of_the_program_is_not_told_as_a_wrong_question(api, session_ids, monkeypatch):
    def broken(laps):
        raise KeyError("column")

    monkeypatch.setitem(analysis.QUESTIONS, "consistency", analysis.Question("x", broken))
    assert api.get(f"{URL}consistency/", {"session_id": session_ids["Race"]}).status_code == 500


def test_questions_are_listed(api):
    told = api.get(URL).json()
    assert set(told) == set(analysis.QUESTIONS)
    assert told["race-pace"]["url"].endswith("/api/v1/analysis/race-pace/?session_id=")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("race-pace/?session_id=1", 404, "no session 1; /api/v1/sessions/ lists"),
        ("nosuch/?session_id=1", 404, "no question 'nosuch'"),
        ("race-pace/", 400, "required"),
        ("race-pace/?session_id=x", 400, "integer"),
        ("race-pace/?session_id=1&nosuch=2", 400, "valid are"),
        ("race-pace/?session_id=1&fuel_effect=9", 400, "less than or equal"),
    ],
)
def test_what_cannot_be_answered_is_said(api, path, status, words):
    answer = api.get(f"{URL}{path}")
    assert (answer.status_code, words in str(answer.json())) == (status, True), answer.json()


def test_a_question_is_asked_of_the_right_sessions(api, session_ids):
    told = api.get(f"{URL}race-pace/", {"session_id": session_ids["Qualifying"]})
    assert (told.status_code, "asked of: Race, Sprint" in told.json()["detail"]) == (404, True)
    told = api.get(f"{URL}consistency/", {"session_id": session_ids["Race"], "fuel_effect": 0.03})
    assert (told.status_code, "does not take fuel_effect" in str(told.json())) == (400, True)


def analyse(*args):
    out = io.StringIO()
    call_command("analyse", *map(str, args), stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("question", analysis.QUESTIONS)
def test_the_command_answers_and_draws(session_ids, question, tmp_path):
    from PIL import Image

    arguments = (question, "--session", of(session_ids, question))
    try:
        out = analyse(*arguments, "--plot", tmp_path / "plot.png")
    except CommandError:
        if question not in ("undercut", "crossover"):  # a race may have nothing to say
            raise
        return
    assert "Taken for granted" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out  # no heading and no figure is cut
    assert len(Image.open(tmp_path / "plot.png").convert("RGB").getcolors(1_000_000)) > 50
    assert json.loads(analyse(*arguments, "--json"))["question"] == question


def test_the_command_tells_what_is_no_row():
    undercut = {"median": 2.0, "p10": -1.0, "p90": 5.0, "worked": 0.5}
    assert [*besides(undercut)] == ["median +2.00 s, 80 % from -1.00 to +5.00 s; ahead afterwards: 50%"]
    hard = {"value": 0.05, "interval": [0.04, 0.06]}
    told = [*besides({"free": {"slopes": {"HARD": hard}, "fuel_effect": {"value": 0.03, "interval": [0.02, 0.04]}}})]
    assert told[0] == "Without taking fuel for granted: HARD +0.050 (+0.040 to +0.060) s/lap"
    assert told[1] == "fuel: +0.030 (+0.020 to +0.040) s per kg"
    assert [*besides({"left_out": {"red flag": 2}})] == ["Left out: red flag: 2"]
    assert [*besides({"free": None, "left_out": []})] == []


def test_the_command_says_what_is_wrong(session_ids, tmp_path):
    with pytest.raises(CommandError, match="no session 1"):
        analyse("race-pace", "--session", 1)
    with pytest.raises(CommandError, match="--plot"):
        analyse("race-pace", "--session", session_ids["Race"], "--plot", tmp_path / "plot.exe")


def test_the_number_of_queries_does_not_grow(session_ids, django_assert_max_num_queries):
    for question in analysis.QUESTIONS:
        with django_assert_max_num_queries(18):
            try:
                analysis.ask(question, of(session_ids, question))
            except analysis.CannotSay:
                continue


def test_the_command_takes_words(session_ids):
    session = Session.objects.select_related("race").get(pk=session_ids["Race"])
    words = ("--race", session.race.slug, "--year", session.year, "--session", "R")
    out = analyse("race-pace", *words)
    assert out == analyse("race-pace", "--session", session.pk)
    assert session.race.race_name in out
    assert "+ is slower than the best" in out
    assert out == analyse("Race_Pace", *words)
    with pytest.raises(CommandError, match="Did you mean"):
        analyse("race-pace", "--race", session.race.slug[:-1] + "x", "--session", "R")
    with pytest.raises(CommandError, match="Name the session"):
        analyse("race-pace")


def test_an_answer_is_a_table_or_a_picture(api, session_ids):
    import pyarrow.parquet as pq
    from PIL import Image

    url = f"{URL}race-pace/?session_id={session_ids['Race']}"
    answer = api.get(url).json()
    assert api.get(url.replace("race-pace", "Race_Pace")).json() == answer
    first = answer["rows"][0]
    assert answer["columns"]["gap"] == {"unit": "s", "about": "behind the best, which has 0; never negative"}
    assert all(row["pace"] == round(row["pace"], 3) for row in answer["rows"])
    text = b"".join(api.get(f"{url}&format=csv")).decode().splitlines()
    assert text[0] == "name,team,pace,quartiles_p25,quartiles_p50,quartiles_p75,gap,band_low,band_high,laps"
    assert text[1].startswith(f"{first['name']},{first['team']},{first['pace']},")
    assert b"".join(api.get(f"{url}&format=csv&excel=1")).decode().splitlines() == ["\ufeff" + text[0], *text[1:]]
    assert api.get(f"{url}&excel=1").json() == {"excel": ["Only with format=csv."]}
    teams = pq.read_table(io.BytesIO(b"".join(api.get(f"{url}&format=parquet&table=teams")))).to_pylist()
    assert [row["team"] for row in teams] == [row["team"] for row in answer["teams"]]
    assert Image.open(io.BytesIO(api.get(f"{url}&format=png").content)).width > 500
    assert b"<svg" in api.get(f"{url}&format=svg").content
    assert "no table 'pairs'; it has: rows, teams, compounds" in api.get(f"{url}&format=csv&table=pairs").json()["detail"]


def test_figures_have_digits_that_mean_something():
    from ml.analysis.columns import flat_rows, rounded

    answer = {"slope": 0.123456, "interval": [-0.00001, 0.98765432], "gap": 1.23456, "stops": [{"loss": 20.98765}]}
    assert rounded("degradation", answer) == {
        "slope": 0.1235,
        "interval": [0.0, 0.9877],
        "gap": 1.235,
        "stops": [{"loss": 20.988}],
    }
    assert rounded("team-mates", {"interval": [0.12345, None]}) == {"interval": [0.123, None]}
    rows = [{"name": "A", "lap": {"delta": 1.0, "interval": [0.5, 1.5]}, "numbers": [1, 2], "times": [[1, 90.0]]}, {"name": "B"}]
    assert flat_rows(rows)[0] == {
        "name": "A",
        "lap_delta": 1.0,
        "lap_interval_low": 0.5,
        "lap_interval_high": 1.5,
        "numbers_first": 1,
        "numbers_second": 2,
    }
    assert flat_rows(rows)[1]["lap_delta"] is None
