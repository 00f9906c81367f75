"""Proposed corrections: which values follow from other rows, and how people apply them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from drivers.models import Entry, SessionResult
from mirror.models import Correction, Source
from races.models import Session
from races.tests.weekends import weekend
from telemetry.models import Lap, SessionQuality
from telemetry.quality.checks import CHECKS
from telemetry.quality.report import check_sessions
from telemetry.quality.surroundings import Identities, Identity, Surroundings
from telemetry.tests.quality import (
    START,
    driver_standing,
    entry,
    lap,
    pit,
    race,
    result,
    session,
    stint,
    with_entry,
    with_lap,
    with_result,
    with_standing,
    with_stint,
)

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def proposed(name, rows):
    """{(collection, car, field): value} that a check proposes."""
    check = next(check for check in CHECKS if check.name == name)
    proposals = [proposal for finding in check(rows) for proposal in finding.proposals]
    return {(p.collection, p.key["driver_number"], p.field): p.value for p in proposals}


# --- what follows from other rows -------------------------------------------------------------------------------------


def test_shifted_columns_are_put_back():
    rows = with_result(1, with_result(16, duration=0.6, gap_to_leader=None), duration=None, gap_to_leader=540.0)
    assert proposed("result_columns_shifted", rows) == {
        ("session_result", 1, "duration"): 540.0,
        ("session_result", 1, "gap_to_leader"): 0.0,
        ("session_result", 16, "duration"): 540.6,
        ("session_result", 16, "gap_to_leader"): 0.6,
    }


def test_a_time_and_a_gap_of_the_right_size_that_disagree_are_left_to_a_person():
    rows = with_result(16, duration=545.0)
    [finding] = next(check for check in CHECKS if check.name == "result_columns_shifted")(rows)
    assert (finding.driver_number, finding.proposals) == (16, [])


def ten_cars(points, **changes):
    """A race whose first cars have these points."""
    results = [
        result(1, pk=car, driver_number=car, position=car, points=float(gained), duration=None, gap_to_leader=None)
        for car, gained in enumerate(points, start=1)
    ]
    return race(results=results, laps=[], **changes)


FULL = [25, 18, 15, 12, 10, 8, 6, 4, 2, 1, 0]


def field_of(*places, **changes):
    """Results of as many cars, 3, 4, …, each ten seconds behind the one before; `changes` go into car 4's."""
    rows = [
        result(3 + n, position=place, points=0.0, duration=540.0 + 10 * n, gap_to_leader=10.0 * n)
        for n, place in enumerate(places)
    ]
    return race(results=[row._replace(**changes) if row.driver_number == 4 else row for row in rows], laps=[], stints=[])


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"duration": 0}, {"duration": 550.0}),
        ({"duration": None}, {"duration": 550.0}),
        ({"gap_to_leader": None}, {"gap_to_leader": 10.0}),
        ({"duration": 5500.0}, {"duration": 550.0}),
        ({"duration": 550.0, "gap_to_leader": 0}, {"gap_to_leader": 10.0}),
        ({"gap_to_leader": 1.0}, {}),  # as possible as ten seconds
        ({"gap_to_leader": 100.0}, {"gap_to_leader": 10.0}),
        ({"duration": 10.0, "gap_to_leader": 0}, {"duration": 550.0, "gap_to_leader": 10.0}),
    ],
)
def test_of_a_time_and_a_gap_the_one_counts_that_lies_between_the_neighbours(changes, right):
    rows = field_of(1, 2, 3, **changes)
    assert proposed("result_columns_shifted", rows) == {("session_result", 4, field): value for field, value in right.items()}


@pytest.mark.parametrize(
    ("places", "right"),
    [
        ((1, None, 2, 3), {"dsq": True}),  # the others moved up
        ((1, None, 3, 4), {"position": 2}),  # nobody has the place
        ((1, None), {"position": 2}),
        ((1, None, 2, 2), {}),
    ],
)
def test_a_finisher_without_a_place_has_the_free_one_or_was_disqualified(places, right):
    found = proposed("result_without_position", field_of(*places))
    assert found == {("session_result", 4, field): value for field, value in right.items()}


@pytest.mark.parametrize(("places", "place"), [((1, 40, 3, 4), 2), ((1, 40, 2, 3), None), ((1, 7, 8, 9), None)])
def test_a_place_beyond_the_last_car_is_the_free_one(places, place):
    found = proposed("result_places_skip", field_of(*places))
    assert found == ({("session_result", 4, "position"): place} if place else {})


def test_a_car_that_did_not_finish_is_not_taken_for_a_disqualified_one():
    assert proposed("result_without_position", field_of(1, None, 2, 3, number_of_laps=2, duration=None, gap_to_leader=None)) == {}


@pytest.mark.parametrize(
    ("places", "right"),
    [((1, 2, 3, 4), {4: None, 5: 2, 6: 3}), ((1, 2, 2, 3), {4: None}), ((2, 1, 3, 4), {4: None, 3: 1, 5: 2, 6: 3})],
)
def test_cars_behind_a_disqualified_one_move_up(places, right):
    found = proposed("disqualified_but_placed", field_of(*places, dsq=True))
    assert found == {("session_result", car, "position"): place for car, place in right.items()}
    assert proposed("disqualified_but_placed", field_of(1, None, 2, 3, dsq=True)) == {}


@pytest.mark.parametrize(
    ("changes", "laps"),
    [
        ({"number_of_laps": 0}, 6),
        ({"number_of_laps": 60}, 6),
        ({"gap_to_leader": "+1 LAP", "duration": None}, 5),
        ({"gap_to_leader": "+2 LAPS", "duration": None, "number_of_laps": 4}, None),
        ({}, None),
    ],
)
def test_the_laps_of_a_result_follow_from_its_gap(changes, laps):
    found = proposed("result_laps_against_gap", field_of(1, 2, 3, **changes))
    assert found == ({("session_result", 4, "number_of_laps"): laps} if laps else {})


def test_exchanged_points_are_given_back():
    rows = ten_cars([25, 18, 15, 12, 8, 10, 6, 4, 2, 1, 0], session=session(year=2025))
    assert proposed("points_do_not_fit_the_place", rows) == {
        ("session_result", 5, "points"): 10.0,
        ("session_result", 6, "points"): 8.0,
    }


@pytest.mark.parametrize(
    ("points", "changes"),
    [
        (FULL, {}),
        ([26, *FULL[1:]], {}),
        ([12.5, 9, 7.5, 6, 5, 4, 3, 2, 1, 0.5, 0], {"session": session(year=2021)}),
        ([19, 14, 12, 9, 8, 6, 5, 3, 2, 1], {}),
        ([6, 4, 3, 2, 1, 0, 0], {}),
        ([8, 7, 6, 5, 4, 3, 2, 1, 0, 0], {"session": session(session_name="Sprint")}),
    ],
    ids=["full", "fastest lap", "half", "three quarters", "a few laps", "sprint"],
)
def test_points_as_they_are_awarded_are_no_fault(points, changes):
    check = next(check for check in CHECKS if check.name == "points_do_not_fit_the_place")
    assert list(check(ten_cars(points, **changes))) == []


def test_the_point_of_the_fastest_lap_ended_with_2024_and_never_went_beyond_the_tenth():
    assert proposed("points_do_not_fit_the_place", ten_cars([26, *FULL[1:]], session=session(year=2025))) == {
        ("session_result", 1, "points"): 25.0
    }
    assert proposed("points_do_not_fit_the_place", ten_cars([26, *FULL[1:10], 1])) == {("session_result", 11, "points"): 0.0}


def test_who_drove_the_fastest_lap_has_its_point():
    points = [25, 0, *FULL[2:]]
    fast = {"lap_duration": 88.0, "duration_sector_1": 29.0, "duration_sector_2": 29.0, "duration_sector_3": 30.0}
    laps = [lap(car, number) for car in (1, 16) for number in range(1, 7)]
    laps += [lap(2, 1), lap(2, 2, **fast)]
    rows = ten_cars(points)
    rows.laps = laps
    assert proposed("points_do_not_fit_the_place", rows) == {("session_result", 2, "points"): 19.0}


def test_points_that_were_never_filled_in_are_left_to_a_person_without_laps():
    """Either car could have the point of the fastest lap."""
    rows = ten_cars([25, *[0] * 10])
    assert proposed("points_do_not_fit_the_place", rows) == {}
    [finding] = next(check for check in CHECKS if check.name == "points_do_not_fit_the_place")(rows)
    assert "Sync the laps" in finding.message


@pytest.mark.parametrize(("place", "wrong"), [(4, None), (4, 40), (1, 2)])
def test_points_that_fit_a_place_nobody_has_stay_where_the_place_was_lost(place, wrong):
    rows = ten_cars(FULL)
    results = [row._replace(position=wrong) if row.position == place else row for row in rows.results]
    assert proposed("points_do_not_fit_the_place", replace(rows, results=results)) == {}


def test_the_slower_of_two_cars_in_one_place_gets_the_free_one_behind():
    rows = with_result(16, position=1)
    assert proposed("result_positions_repeat", rows) == {("session_result", 16, "position"): 2}


def test_a_car_that_stopped_early_has_retired():
    rows = race(laps=[lap(car, number) for car, last in ((1, 12), (16, 3)) for number in range(1, last + 1)])
    rows = with_result(1, with_result(16, rows, number_of_laps=3, duration=None, gap_to_leader=None), number_of_laps=12)
    assert proposed("out_early_but_classified", rows) == {
        ("session_result", 16, "dnf"): True,
        ("session_result", 16, "position"): None,
    }


def test_a_car_that_was_still_running_may_just_be_slow():
    rows = with_result(16, number_of_laps=3, duration=None, gap_to_leader=None)
    assert proposed("out_early_but_classified", rows) == {}


def test_a_lap_time_is_the_sum_of_its_sectors():
    assert proposed("lap_time_could_be_known", with_lap(1, 2, lap_duration=None)) == {("laps", 1, "lap_duration"): 90.0}


def test_the_sectors_are_right_where_the_next_lap_begins_after_their_sum():
    assert proposed("sectors_do_not_add_up", with_lap(1, 2, lap_duration=60.2)) == {("laps", 1, "lap_duration"): 90.0}
    assert proposed("sectors_do_not_add_up", with_lap(1, 2, duration_sector_3=25.0)) == {}


def test_one_missing_sector_is_what_the_others_leave():
    assert proposed("sector_time_missing", with_lap(1, 2, duration_sector_1=None)) == {("laps", 1, "duration_sector_1"): 29.8}
    assert proposed("sector_time_missing", with_lap(1, 2, duration_sector_1=None, lap_duration=1048.0)) == {}
    assert proposed("sector_time_missing", with_lap(1, 2, duration_sector_1=None, duration_sector_2=None)) == {}


def test_tyres_go_on_ageing_where_the_car_drove_through():
    rows = with_stint(1, 2, race(pits=[pit(16)]), tyre_compound="MEDIUM")
    rows.laps = [row._replace(is_pit_out_lap=False) if row.driver_number == 1 else row for row in rows.laps]
    assert proposed("tyre_age_falls", rows) == {("stints", 1, "tyre_age_at_start"): 3}
    assert proposed("tyre_age_falls", with_lap(1, 3, rows, lap_duration=112.0)) == {}


def test_tyres_that_restart_after_a_stint_of_one_lap_are_found():
    stints = [stint(1, 1, lap_end=1), stint(1, 2, lap_start=2, tyre_compound="MEDIUM")]
    rows = race(stints=stints, pits=[pit(16)], laps=[lap(1, number, is_pit_out_lap=False) for number in range(1, 7)])
    assert proposed("tyre_age_falls", rows) == {("stints", 1, "tyre_age_at_start"): 1}


def identity(car=16, **changes):
    row = entry(car)
    fields = {name: getattr(row, name) for name in Identity._fields if hasattr(row, name)}
    return Identity(**{**fields, "session_id": 499, "race_id": 50, "year": 2024, **changes})


@pytest.mark.parametrize(
    ("number", "changes", "field", "value"),
    [
        (1, {"lap_end": 99}, (1, "lap_end"), 3),
        (1, {"lap_end": 6}, (1, "lap_end"), 3),
        (2, {"lap_start": 1}, (2, "lap_start"), 4),
        (2, {"lap_start": 2}, (2, "lap_start"), 4),
    ],
)
def test_of_two_stints_that_overlap_the_one_that_the_out_lap_contradicts_is_put_right(number, changes, field, value):
    check = next(check for check in CHECKS if check.name == "stints_overlap")
    [finding] = check(with_stint(1, number, **changes))
    found = {(p.key["stint_number"], p.field): p.value for p in finding.proposals}
    assert found == {field: value}


def test_a_null_driver_field_is_taken_from_the_weekend_s_other_sessions():
    nameless = {"full_name": None, "driver_id": None, "team_name": None}
    rows = with_entry(16, race(surroundings=Surroundings(identities=Identities([identity()]))), **nameless)
    assert proposed("driver_incomplete", rows) == {("drivers", 16, "full_name"): "Bea BETA", ("drivers", 16, "team_name"): "Team"}


@pytest.mark.parametrize(
    "others",
    [
        [identity(), identity(driver_id="cleo_gamma", full_name="Cleo GAMMA")],
        [identity(team_name="Team"), identity(team_name="Other")],
        [identity(driver_id="cleo_gamma", full_name="Cleo GAMMA")],
        [identity(race_id=49, year=2023)],
    ],
    ids=["two people", "two teams", "somebody else", "another season"],
)
def test_nothing_is_taken_where_the_other_entries_are_of_another_mind(others):
    rows = with_entry(16, race(surroundings=Surroundings(identities=Identities(others))), team_name=None)
    assert proposed("driver_incomplete", rows) == {}


def test_the_country_of_a_person_is_known_from_all_seasons():
    surroundings = Surroundings(identities=Identities([identity(race_id=4, year=2023)]))
    assert proposed("details_missing", with_entry(16, race(surroundings=surroundings), country_code=None)) == {
        ("drivers", 16, "country_code"): "SOM"
    }


def test_a_standing_is_what_it_was_plus_the_result():
    before = Surroundings(points_before={(500, "championship_drivers"): {"bea_beta": 0.0}})
    rows = with_standing(16, race(surroundings=before), points_current=19)
    assert proposed("standings_do_not_add_up", rows) == {("championship_drivers", 16, "points_current"): 18.0}
    assert proposed("standings_do_not_add_up", with_standing(16, points_start=3, points_current=19)) == {}


def test_the_standing_of_a_first_race_begins_with_nothing():
    rows = with_standing(16, with_result(16, points=0.0, position=11), points_current=1)
    assert proposed("standings_do_not_add_up", rows) == {("championship_drivers", 16, "points_current"): 0.0}


def test_wrong_points_in_a_result_are_not_told_again_of_every_standing():
    check = next(check for check in CHECKS if check.name == "standings_do_not_add_up")
    assert list(check(with_result(16, points=10.0))) == []


@pytest.mark.parametrize("missing", [{"entries": [entry(16)]}, {"results": [result(16)]}])
def test_a_car_without_an_entry_or_a_result_makes_no_standing_wrong(missing):
    check = next(check for check in CHECKS if check.name == "standings_do_not_add_up")
    assert list(check(race(**missing))) == []


def test_a_standing_goes_on_from_the_race_before():
    before = Surroundings(points_before={(500, "championship_drivers"): {"bea_beta": 3.0}})
    rows = race(surroundings=before, driver_standings=[driver_standing(16, points_current=21)])
    assert proposed("standings_do_not_continue", rows) == {("championship_drivers", 16, "points_start"): 3.0}


def test_every_proposal_has_an_id_of_its_own_that_stays_the_same():
    rows = with_result(1, with_result(16, duration=0.6, gap_to_leader=None), duration=None, gap_to_leader=540.0)
    check = next(check for check in CHECKS if check.name == "result_columns_shifted")
    ids = [p.proposal_id for finding in check(rows) for p in finding.proposals]
    assert len(set(ids)) == len(ids) == 4
    assert ids == [p.proposal_id for finding in check(rows) for p in finding.proposals]


# --- applying ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def held(db):
    """A race in which a lap has three sectors and no time, and two rows of the result are shifted."""
    [stored] = weekend("Race", year=2024)
    Session.objects.update(session_type="Race", gmt_offset="00:00:00", location="Town")
    for number, seconds in ((1, 90.0), (2, None)):
        Lap.objects.create(
            session=stored,
            driver_number=44,
            lap_number=number,
            lap_duration=seconds,
            duration_sector_1=30,
            duration_sector_2=30,
            duration_sector_3=30,
            date_start=START + timedelta(seconds=90 * number),
            source=Source.OPENF1,
        )
    for car, place, time, gap in ((1, 1, None, 5400.25), (44, 2, 0.526, None)):
        SessionResult.objects.create(
            session=stored, driver_number=car, position=place, duration=time, gap_to_leader=gap, source=Source.OPENF1
        )
    Entry.objects.create(session=stored, driver_number=44, full_name="Bea BETA", team_name="Team")
    return stored


@pytest.fixture
def checked(held):
    assert len(list(check_sessions(now=NOW))) == 1
    return SessionQuality.objects.get()


def ids_of(quality, check):
    return [p["proposal_id"] for found in quality.findings if found["check"] == check for p in found["proposals"]]


def rest(quality):
    return f"/api/v1/quality/{quality.pk}/apply-proposals/"


def post(client, quality, **body):
    return client.post(rest(quality), body, content_type="application/json")


def test_the_check_alone_changes_nothing(checked):
    assert Lap.objects.get(lap_number=2).lap_duration is None
    assert Correction.objects.count() == 0


def test_rest_applies_a_proposal_as_a_correction_and_checks_again(checked, admin_client):
    [proposal] = ids_of(checked, "lap_time_could_be_known")
    answer = post(admin_client, checked, proposals=[proposal], reason="As on television.")
    assert answer.status_code == 200
    assert "lap_time_could_be_known" not in {found["check"] for found in answer.json()["findings"]}
    correction = Correction.objects.get()
    assert (correction.collection, correction.field, correction.upstream, correction.corrected) == (
        "laps",
        "lap_duration",
        None,
        90.0,
    )
    assert (correction.reason, correction.user.username) == ("As on television.", "admin")
    assert Lap.objects.get(lap_number=2).lap_duration == 90.0


def test_the_admin_applies_all_proposals_of_a_finding_with_one_click(checked, admin_client):
    page = reverse("admin:telemetry_sessionquality_change", args=[checked.pk])
    url = reverse("admin:telemetry_sessionquality_apply_proposals", args=[checked.pk])
    html = admin_client.get(page).content.decode()
    assert f'action="{url}"' in html
    assert "driver_number 44, lap_number 2: lap_duration – → 90.0" in html
    proposals = ids_of(checked, "result_columns_shifted")
    assert all(f'value="{proposal}"' in html for proposal in proposals)
    answer = admin_client.post(url, {"proposal": proposals}, follow=True)
    assert answer.redirect_chain[-1][0] == page
    assert "4 corrections applied." in answer.content.decode()
    assert list(SessionResult.objects.order_by("position").values_list("duration", "gap_to_leader", "duration_seconds")) == [
        (5400.25, 0.0, 5400.25),
        (5400.776, 0.526, 5400.776),
    ]
    assert Correction.objects.get(key__contains='"driver_number":44', field="duration").reason.startswith("The winner's time is")


def test_a_proposal_that_no_longer_fits_is_refused_with_words(checked, admin_client):
    [proposal] = ids_of(checked, "lap_time_could_be_known")
    Lap.objects.filter(lap_number=2).update(lap_duration=91.5)
    answer = post(admin_client, checked, proposals=[proposal])
    assert answer.status_code == 409
    assert "lap_duration" in answer.json()["detail"]
    assert "is 91.5 by now; the proposal replaces None" in answer.json()["detail"]
    url = reverse("admin:telemetry_sessionquality_apply_proposals", args=[checked.pk])
    assert "is 91.5 by now" in admin_client.post(url, {"proposal": proposal}, follow=True).content.decode()
    assert Lap.objects.get(lap_number=2).lap_duration == 91.5
    assert Correction.objects.count() == 0


def test_of_several_proposals_all_or_none_are_applied(checked, admin_client):
    proposals = ids_of(checked, "result_columns_shifted") + ids_of(checked, "lap_time_could_be_known")
    Lap.objects.filter(lap_number=2).delete()
    answer = post(admin_client, checked, proposals=proposals)
    assert (answer.status_code, "is no longer stored" in answer.json()["detail"]) == (409, True)
    assert SessionResult.objects.get(position=2).duration == 0.526
    assert Correction.objects.count() == 0


def test_a_proposal_that_a_session_does_not_have_is_not_found(checked, admin_client):
    answer = post(admin_client, checked, proposals=["0123456789abcdef"])
    assert (answer.status_code, "has no proposal" in answer.json()["detail"]) == (404, True)
    [proposal] = ids_of(checked, "lap_time_could_be_known")
    assert post(admin_client, checked, proposals=[proposal]).status_code == 200
    assert post(admin_client, checked, proposals=[proposal]).status_code == 404


def test_a_body_without_proposals_is_refused(checked, admin_client):
    assert post(admin_client, checked).status_code == 400
    assert post(admin_client, checked, proposals=["a"], more=1).status_code == 400


def test_applying_needs_the_permission_to_change_the_row(checked, client):
    [proposal] = ids_of(checked, "lap_time_could_be_known")
    assert post(client, checked, proposals=[proposal]).status_code == 401
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_sessionquality"))
    client.force_login(user)
    url = reverse("admin:telemetry_sessionquality_apply_proposals", args=[checked.pk])
    assert proposal not in client.get(reverse("admin:telemetry_sessionquality_change", args=[checked.pk])).content.decode()
    assert post(client, checked, proposals=[proposal]).status_code == 403
    assert client.post(url, {"proposal": proposal}).status_code == 403
    assert client.get(url).status_code == 405
    user.user_permissions.add(*Permission.objects.filter(codename="change_lap"))
    assert post(client, checked, proposals=[proposal]).status_code == 200
    assert Lap.objects.get(lap_number=2).lap_duration == 90.0


def test_a_later_sync_keeps_the_applied_value(checked, admin_client):
    """It is an ordinary correction, which `take_upstream` undoes."""
    [proposal] = ids_of(checked, "lap_time_could_be_known")
    post(admin_client, checked, proposals=[proposal])
    admin_client.post(
        reverse("admin:openf1_correction_changelist"),
        {"action": "take_upstreams", "_selected_action": Correction.objects.get().pk},
    )
    assert Lap.objects.get(lap_number=2).lap_duration is None
