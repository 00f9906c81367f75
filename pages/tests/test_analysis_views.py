"""Pace, degradation, qualifying and changes, against plain arithmetic on the rows and facts that everybody can look up."""

from collections import defaultdict
from statistics import median

import pytest

from mirror.models import SyncPiece, SyncRun
from ml import analysis
from pages.charts import qualifying
from pages.charts.registry import VIEWS
from pages.phases import phases
from pages.rows import load
from pages.state import BadState, State
from races.models import RaceControl, Session
from telemetry.models import Lap


def chart(session, name, **query):
    view = VIEWS[name]
    found = view.build(load(session), State(query, view.parameters))
    if view.layout and not found.empty:
        view.layout(found)
    return found


@pytest.fixture
def qualifying_session(demo, db):
    return Session.objects.select_related("race").filter(session_name="Qualifying").earliest("date_start")


def test_pace_is_the_median_of_the_laps_without_their_fuel(race):
    found = chart(race, "pace")
    last = Lap.objects.filter(session=race).order_by("-lap_number").values_list("lap_number", flat=True)[0]
    for group in found.data["groups"]:
        laps = dict(Lap.objects.filter(session=race, driver_number=group["car"].number).values_list("lap_number", "lap_duration"))
        driven = [laps[number] - 0.03 * 110 * (last - number + 1) / last for number, _, _ in group["laps"]]
        assert group["quartiles"][1] == pytest.approx(median(driven), abs=0.0006)
    gaps = [group["gap"] for group in found.data["groups"]]
    assert gaps == sorted(gaps)
    assert gaps[0] == 0
    assert all(group["band"][0] <= group["gap"] <= group["band"][1] for group in found.data["groups"])


def test_pace_by_team_and_compound_holds_the_same_laps(race):
    by = {name: chart(race, "pace", by=name) for name in ("driver", "team", "mates", "compound")}
    counts = {name: sum(len(group["laps"]) for group in found.data["groups"]) for name, found in by.items()}
    assert len(set(counts.values())) == 1
    teams = [group["team"] for group in by["mates"].data["groups"]]
    assert all(
        teams.count(team) == 1 or abs(teams.index(team) - (len(teams) - 1 - teams[::-1].index(team))) == 1 for team in teams
    )
    assert by["mates"].data["mates"]


def test_chosen_drivers_are_the_rows_of_the_pace(race):
    names = [group["name"] for group in chart(race, "pace").data["groups"]][:2]
    assert [group["name"] for group in chart(race, "pace", drivers=",".join(names)).data["groups"]] == names


def test_leclerc_had_the_best_pace_in_monaco_2024(recorded):
    found = chart(recorded(9523), "pace")
    assert found.data["groups"][0]["name"] == "LEC"
    assert "Charles Leclerc had the best pace" in found.summary


def test_verstappen_had_the_best_pace_in_bahrain_2024(recorded):
    assert [group["name"] for group in chart(recorded(9472), "pace").data["groups"]][:1] == ["VER"]


def test_degradation_shows_both_answers_of_the_analysis(race):
    answer = analysis.ask("degradation", race.pk)
    found = chart(race, "degradation")
    shown = {(row["way"], row["compound"]): row["slope"] for row in found.data["compounds"]}
    assert shown == {("assumed", row["compound"]): row["slope"] for row in answer["rows"]} | {
        ("free", name): told["value"] for name, told in (answer["free"] or {"slopes": {}})["slopes"].items()
    }
    oldest = max(lap.tyre_age for lap in load(race).laps if lap.tyre_age is not None)
    assert all(0 < row["age"] <= oldest for row in found.data["compounds"])


def test_more_fuel_effect_makes_tyres_lose_more(race):
    slopes = [chart(race, "degradation", fuel=effect).data["compounds"][0]["slope"] for effect in ("0.02", "0.04")]
    assert slopes[1] > slopes[0]


def test_compounds_that_cannot_be_told_apart_are_called_so(recorded):
    assert "Hard and soft cannot be told apart in this race." in chart(recorded(9472), "degradation").notes


def test_too_little_driven_is_said_in_words(race):
    Lap.objects.filter(session=race, lap_number__gt=1).delete()
    for name in ("pace", "degradation"):
        assert "few" in chart(race, name).empty
    Lap.objects.filter(session=race).delete()
    assert {chart(race, name).empty for name in ("pace", "degradation")} == {"No laps are stored of this session."}


def test_qualifying_ends_with_the_official_times_of_each_phase(qualifying_session):
    rows = load(qualifying_session)
    found = chart(qualifying_session, "qualifying")
    best = {(each.car, each.phase): each.seconds for each in found.data["attempts"] if each.is_best}
    official = {(row.driver_number, at): time for row in rows.results for at, time in enumerate(row.duration) if time}
    assert best == official


def test_attempts_are_behind_the_best_that_counted_until_then(qualifying_session):
    attempts = chart(qualifying_session, "qualifying").data["attempts"]
    best = {}
    for each in sorted(attempts, key=lambda each: (each.phase, each.minute)):
        if not each.deleted:
            best[each.phase] = min(each.seconds, best.get(each.phase, each.seconds))
            assert each.gap == pytest.approx(each.seconds - best[each.phase], abs=0.0006)
    assert any(each.deleted for each in attempts)


def test_the_last_cut_is_the_time_of_the_last_who_went_on(qualifying_session):
    rows = load(qualifying_session)
    found = chart(qualifying_session, "qualifying")
    for phase, on in ((0, 15), (1, 10)):
        times = sorted(row.duration[phase] for row in rows.results if row.duration[phase])
        last = [cut for cut in found.data["cuts"] if cut.phase == phase][-1]
        assert last.gap == pytest.approx(times[on - 1] - times[0], abs=0.0006)


def test_singapore_2023_was_sainz_before_russell_and_albon_lost_a_lap(recorded):
    found = chart(recorded(9161), "qualifying")
    field = found.data["field"]
    assert [line["car"].acronym for line in field][:3] == ["SAI", "RUS", "LEC"]
    assert field[0]["seconds"] == 90.984
    assert [sector["kind"] for sector in field[0]["sectors"]] == ["best", "", "best"]
    assert field[0]["ideal"] == pytest.approx(26.717 + 38.477 + 25.768)
    assert [(each.car, each.seconds) for each in found.data["attempts"] if each.deleted] == [(23, 93.147)]
    assert [phase["name"] for phase in found.data["phases"]] == ["Q1", "Q2", "Q3"]
    assert not any(
        line["car"].acronym == "VER" and each.phase == 2 for line in field for each in found.data["attempts"] if each.car == 1
    )


@pytest.mark.parametrize("end", ["Q1", "Q3"])
def test_a_phase_that_is_not_resumed_has_ended(qualifying_session, end):
    """There is no chequered flag then: its laps were drawn with those of the phase before or after."""
    before = phases(load(qualifying_session))
    [number] = [number for number, phase in enumerate(before) if phase.name == end]
    flags = RaceControl.objects.filter(session=qualifying_session, flag="CHEQUERED").order_by("date")
    RaceControl.objects.filter(pk=flags[number].pk).update(flag=None, scope=None, message=f"{end} WILL NOT BE RESUMED")
    assert phases(load(qualifying_session)) == before


def test_phases_are_read_from_texts_in_any_case_and_without_flags(qualifying_session):
    before = phases(load(qualifying_session))
    for message in RaceControl.objects.filter(session=qualifying_session):
        plain = message.flag in ("GREEN", "CHEQUERED")
        message.message = f" {message.message.capitalize()}".replace(" exit", "  exit")
        message.flag, message.scope = (None, None) if plain else (message.flag, message.scope)
        message.save()
    assert phases(load(qualifying_session)) == before


def test_a_first_phase_whose_opening_was_not_sent_begins_with_the_first_lap(qualifying_session):
    before = phases(load(qualifying_session))
    RaceControl.objects.filter(session=qualifying_session, date=before[0].start).delete()
    after = phases(load(qualifying_session))
    assert [(phase.name, phase.end) for phase in after] == [(phase.name, phase.end) for phase in before]
    assert (
        after[0].start
        == Lap.objects.filter(session=qualifying_session, date_start__isnull=False).earliest("date_start").date_start
    )


def test_twenty_two_cars_leave_six_behind_in_each_phase():
    assert [qualifying.places_on(phase, 3, 20) for phase in (0, 1)] == [15, 10]
    assert [qualifying.places_on(phase, 3, 22) for phase in (0, 1)] == [16, 10]


def logged(session, collection, changes, **counts):
    run = SyncRun.objects.create(scope={})
    return SyncPiece.objects.create(run=run, session_id=session.pk, collection=collection, changes=changes, **counts)


def test_changes_are_listed_newest_first_and_missing_rows_once(race):
    key = {"session_id": race.pk, "driver_number": 4, "lap_number": 7}
    gone = {"key": key | {"lap_number": 8}, "vanished": True}
    assert "changed nothing" in chart(race, "changes").empty
    logged(race, "laps", [{"key": key, "fields": {"lap_duration": [90.1, 90.2]}}, gone], updated=1, vanished=1)
    logged(race, "laps", [gone], vanished=1)
    logged(race, "pit", [{"key": key, "fields": {"lane_duration": [None, 22.5]}}], updated=1)
    found = chart(race, "changes")
    assert [sync.collection for sync in found.data["syncs"]] == ["pit", "laps"]
    assert [row[2:] for row in found.table.rows] == [
        ["driver number 4, lap number 7", "lane duration", "nothing", "22.5"],
        ["driver number 4, lap number 7", "lap duration", "90.1", "90.2"],
        ["driver number 4, lap number 8", "the row", "there", "no longer sent"],
    ]
    counts = defaultdict(int)
    for row in found.data["counts"]:
        counts[row["collection"]] += row["updated"] + row["vanished"]
    assert counts == {"laps": 2, "pit": 1}
    assert len(chart(race, "changes", collection="pit").table.rows) == 1
    with pytest.raises(BadState):
        chart(race, "changes", collection="stints")


def test_the_changes_page_knows_of_a_vanished_row_that_changed_nothing_here(race, client):
    url = f"/f1/{race.year}/{race.race.slug}/{race.slug}/changes/"
    before = client.get(url)
    logged(race, "laps", [{"key": {"driver_number": 4, "lap_number": 8}, "vanished": True}], vanished=1)
    after = client.get(url, headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200
    assert "lap number 8" in after.content.decode()
