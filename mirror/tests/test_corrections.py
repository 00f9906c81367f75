"""What a person corrected, against every later sync."""

import pytest
from django.contrib.auth import get_user_model

from drivers.models import Driver, Entry
from mirror import decisions, editing
from mirror.models import Correction, Source
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, client
from races.models import Race, Session
from telemetry.models import Lap, Stint

pytestmark = pytest.mark.django_db

HOLDS, CONFLICT, OBSOLETE = Correction.State.HOLDS, Correction.State.CONFLICT, Correction.State.OBSOLETE


@pytest.fixture
def upstream():
    """A weekend with one session, a driver, two laps and a stint."""
    key = {"meeting_key": 1, "session_key": 10, "driver_number": 4}
    names = {"full_name": "Lando NORRIS", "first_name": "Lando", "last_name": "Norris", "team_name": "Amber"}
    start = {"date_start": "2023-03-03T11:30:00+00:00", "year": 2023}
    return Rows(
        meetings=[{"meeting_key": 1, "meeting_name": "Somewhere Grand Prix"} | start],
        sessions=[{"meeting_key": 1, "session_key": 10, "session_name": "Race"} | start],
        drivers=[key | names],
        laps=[key | {"lap_number": n, "lap_duration": 90.0 + n, "segments_sector_1": [2048, None]} for n in (1, 2)],
        stints=[key | {"stint_number": 1, "lap_start": 1, "lap_end": 2, "compound": "HARD", "tyre_age_at_start": 0}],
    )


@pytest.fixture
def mirror(upstream):
    def sync_all(**options):
        collections = ("meetings", "sessions", "drivers", "stints", "laps")
        report = sync(client=client(upstream), scope=Scope(seasons=(2023,)), collections=collections, **options)
        assert not report.errors
        return report

    sync_all()
    return sync_all


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada")


def change(row, user, **values):
    for name, value in values.items():
        setattr(row, name, value)
    editing.edit(row, user=user, reason="the tower showed it")


def test_an_edited_lap_survives_a_resync(mirror, ada):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    correction = Correction.objects.get()
    assert (correction.upstream, correction.corrected, correction.user, correction.reason) == (
        91.0,
        88.8,
        ada,
        "the tower showed it",
    )
    assert mirror(force=True).total["updated"] == 0
    assert Lap.objects.get(lap_number=1).lap_duration == 88.8
    assert Correction.objects.get().state == HOLDS


def test_other_fields_of_an_edited_row_still_follow_upstream(mirror, ada, upstream):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    upstream.rows["laps"][0]["i1_speed"] = 301
    mirror()
    lap = Lap.objects.get(lap_number=1)
    assert (lap.lap_duration, lap.i1_speed) == (88.8, 301)


def test_upstream_moving_to_a_third_value_is_a_conflict_and_both_values_are_kept(mirror, ada, upstream):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    upstream.rows["laps"][0]["lap_duration"] = 89.9
    mirror()
    correction = Correction.objects.get()
    assert (correction.state, correction.upstream, correction.corrected) == (CONFLICT, 89.9, 88.8)
    assert Lap.objects.get(lap_number=1).lap_duration == 88.8


def test_upstream_coming_round_makes_a_correction_obsolete(mirror, ada, upstream):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    upstream.rows["laps"][0]["lap_duration"] = 88.8
    mirror()
    assert Correction.objects.get().state == OBSOLETE


def test_keeping_ones_own_value_settles_a_conflict(mirror, ada, upstream):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    upstream.rows["laps"][0]["lap_duration"] = 89.9
    mirror()
    decisions.keep_mine(Correction.objects.get())
    mirror(force=True)
    assert Correction.objects.get().state == HOLDS
    assert Lap.objects.get(lap_number=1).lap_duration == 88.8


def test_taking_upstreams_value_ends_a_correction(mirror, ada, upstream):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    upstream.rows["laps"][0]["lap_duration"] = 89.9
    mirror()
    decisions.take_upstream(Correction.objects.get())
    assert Lap.objects.get(lap_number=1).lap_duration == 89.9
    assert not Correction.objects.exists()


def test_editing_back_to_upstreams_value_takes_the_correction_away(mirror, ada):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    change(Lap.objects.get(lap_number=1), ada, lap_duration=91.0)
    assert not Correction.objects.exists()


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (Race, "race_name", "Elsewhere Grand Prix"),
        (Session, "session_name", "Sprint"),
        (Session, "date_start", None),
        (Entry, "team_name", "Birch"),
        (Driver, "team_name", "Birch"),
        (Driver, "country_code", "GBR"),
        (Stint, "tyre_compound", "SOFT"),
        (Lap, "segments_sector_1", [2049]),
        (Lap, "date_start", "2023-03-03T11:31:00Z"),
    ],
)
def test_an_edit_of_every_entity_survives_a_resync(mirror, ada, model, field, value):
    row = model.objects.order_by("pk").first()
    change(row, ada, **{field: model._meta.get_field(field).to_python(value)})
    expected = getattr(model.objects.get(pk=row.pk), field)
    for _ in range(2):
        mirror(force=True)
        assert getattr(model.objects.get(pk=row.pk), field) == expected
    assert Correction.objects.get().state == HOLDS


def test_a_deleted_lap_stays_away_and_can_be_brought_back(mirror, ada):
    editing.delete(Lap.objects.get(lap_number=1), user=ada)
    report = mirror(force=True)
    assert report.total["created"] == report.total["vanished"] == 0
    assert list(Lap.objects.values_list("lap_number", flat=True)) == [2]
    decisions.take_upstream(Correction.objects.get())
    lap = Lap.objects.get(lap_number=1)
    assert (lap.lap_duration, lap.segments_sector_1, lap.driver_id, lap.source) == (91.0, [2048, None], "lando_norris", "openf1")
    assert mirror(force=True).total["updated"] == 0


def test_a_deleted_session_takes_its_rows_along_and_nothing_comes_back(mirror, ada):
    editing.delete(Session.objects.get(), user=ada)
    mirror(force=True)
    assert not Session.objects.exists()
    assert not Lap.objects.exists()


def test_a_deleted_race_takes_its_sessions_along_and_nothing_comes_back(mirror, ada):
    editing.delete(Race.objects.get(), user=ada)
    report = mirror(force=True)
    assert not Race.objects.exists()
    assert not Session.objects.exists()
    assert report.total["rejected"] == 0


def test_a_deleted_person_stays_away_and_can_be_brought_back_to_their_laps(mirror, ada, upstream):
    editing.delete(Driver.objects.get(), user=ada)
    upstream.rows["drivers"][0]["team_name"] = "Birch"
    mirror(force=True)
    assert not Driver.objects.exists()
    assert Lap.objects.filter(driver=None).count() == 2
    decisions.take_upstream(Correction.objects.get())
    assert Driver.objects.get().team_name == "Birch"
    assert Lap.objects.filter(driver="lando_norris").count() == 2


def test_a_row_moved_to_another_key_is_ones_own_and_the_old_one_stays_away(mirror, ada):
    change(Lap.objects.get(lap_number=1), ada, lap_number=3)
    mirror(force=True)
    assert dict(Lap.objects.values_list("lap_number", "source")) == {2: Source.OPENF1, 3: Source.MANUAL}


def test_rows_made_by_hand_are_never_touched(mirror, ada, upstream):
    own = Lap(session_id=10, driver_number=4, lap_number=3, lap_duration=77.7)
    editing.edit(own, user=ada)
    assert own.driver_id == "lando_norris"
    upstream.rows["laps"].append(upstream.rows["laps"][0] | {"lap_number": 3})
    mirror()
    assert Lap.objects.get(lap_number=3).lap_duration == 77.7
    assert not Correction.objects.exists()


def test_what_a_sync_changed_while_a_form_was_open_is_no_correction(mirror, ada, upstream):
    form = Lap.objects.get(lap_number=1)
    upstream.rows["laps"][0]["i1_speed"] = 301
    mirror()
    form.lap_duration = 88.8
    editing.edit(form, user=ada, fields=["lap_duration"])
    lap = Lap.objects.get(lap_number=1)
    assert (lap.lap_duration, lap.i1_speed) == (88.8, 301)
    assert Correction.objects.get().field == "lap_duration"


def test_a_corrected_row_is_not_pruned(mirror, ada, upstream):
    change(Lap.objects.get(lap_number=1), ada, lap_duration=88.8)
    upstream.rows["laps"].pop(0)
    assert mirror(prune=True).total["pruned"] == 0
    assert Lap.objects.filter(lap_number=1).exists()


def test_a_corrected_name_finds_the_right_person(mirror, ada):
    change(Entry.objects.get(), ada, full_name="Oscar PIASTRI", first_name="Oscar", last_name="Piastri")
    assert set(Lap.objects.values_list("driver", flat=True)) == {"oscar_piastri"}
    mirror(force=True)
    assert set(Lap.objects.values_list("driver", flat=True)) == {"oscar_piastri"}


def test_an_unchanged_answer_is_not_compared_and_a_missing_row_is_noticed(mirror, upstream, django_assert_max_num_queries):
    Lap.objects.filter(lap_number=1).delete()  # behind our back
    assert mirror().total["created"] == 1
    assert mirror().total["unchanged"] == 6
    upstream.rows["laps"].pop(0)
    assert mirror().total["vanished"] == 1
    assert mirror().total["vanished"] == 1  # told again though not compared again
    assert mirror(prune=True).total["pruned"] == 1
    assert mirror().total["vanished"] == 0
