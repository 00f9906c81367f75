"""One query brings in what the ORM would."""

from typing import Any, get_args, get_type_hints

import pytest
from django.db import connection

from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry, SessionResult, StartingGrid, Team
from mirror import editing
from pages import careers, finding, season_rows
from pages.rows import load, tables
from pages.upstream_values import as_upstream_sent
from races.models import Neutralisation, Race, RaceControl, Session, Weather
from telemetry.models import Lap, Pit, Stint

TABLES = {
    "entries": Entry,
    "results": SessionResult,
    "stints": Stint,
    "pits": Pit,
    "neutralisations": Neutralisation,
    "messages": RaceControl,
    "weather": Weather,
}


STRUCTURES = [
    *((structure, rows.model) for name, (structure, rows) in tables().items() if name != "grid"),  # cars with a place alone
    (season_rows.SessionLine, Session),
    (season_rows.ResultLine, SessionResult),
    (season_rows.EntryLine, Entry),
    (season_rows.DriverStandingRow, ChampionshipDriver),
    (season_rows.TeamStandingRow, ChampionshipTeam),
    (careers.CarLine, Entry),
    (careers.Outcome, SessionResult),
    (careers.Place, ChampionshipDriver),
    (finding.RaceName, Race),
    (finding.SessionName, Session),
    (finding.DriverName, Driver),
    (finding.TeamName, Team),
]


@pytest.mark.parametrize(("structure", "model"), STRUCTURES)
def test_what_a_row_may_lack_a_page_may_lack(structure, model):
    """Else one row without that value would be an error of every page of its session."""
    nullable = {field.attname for field in model._meta.concrete_fields if field.null}
    hints = get_type_hints(structure)
    needed = {name for name in nullable & {*structure.__struct_fields__} if type(None) not in get_args(hints[name])}
    assert {name for name in needed if hints[name] is not Any} == set()


def test_a_car_without_a_place_on_the_grid_is_none_of_it(race, client):
    first = StartingGrid.objects.for_race(race).order_by("position")[0]
    StartingGrid.objects.filter(pk=first.pk).update(position=None)
    assert {row.driver_number for row in load(race).grid} == {
        *StartingGrid.objects.for_race(race).values_list("driver_number", flat=True)
    } - {first.driver_number}
    assert client.get(f"/f1/sessions/{race.pk}/", follow=True).status_code == 200


def fields(row, names):
    return tuple(str(getattr(row, name)) for name in names)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_there_with_the_values_that_are_stored(race, table):
    found = getattr(load(race), table)
    names = [name for name in found[0].__struct_fields__ if name not in found[0].PATHS]
    stored = TABLES[table]._default_manager.filter(session=race)
    assert sorted(fields(row, names) for row in found) == sorted(fields(row, names) for row in stored)


def test_laps_have_their_stint_and_why_they_are_left_out(race):
    found = {(lap.driver_number, lap.lap_number): lap for lap in load(race).laps}
    stored = Lap.objects.filter(session=race).with_exclusion()
    assert len(found) == len(stored) > 300
    names = ("date_start", "lap_duration", "is_pit_out_lap", "stint_number", "tyre_compound", "stint_lap_number", "excluded")
    for lap in stored:
        assert fields(found[lap.driver_number, lap.lap_number], names) == fields(lap, names)


def test_the_session_is_that_of_the_orm(race, django_assert_num_queries):
    stored = Session.objects.select_related("race", "quality").get(pk=race.pk)
    found = load(race).session
    with django_assert_num_queries(0):
        for own, other in ((found, stored), (found.race, stored.race)):
            assert {**vars(own), "_state": None} == {**vars(other), "_state": None}
        assert (found.quality.grade, found.quality.grades) == (stored.quality.grade, stored.quality.grades)
        assert found.quality.checked_at == stored.quality.checked_at
    race.quality.delete()
    bare = load(race).session
    with django_assert_num_queries(0):
        assert getattr(bare, "quality", None) is None


def test_a_session_is_one_query(race, django_assert_num_queries):
    with django_assert_num_queries(1):
        rows = load(race)
        assert rows.race_laps
        assert rows.entry_of[rows.results[0].driver_number].person


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite compiles nothing")
def test_postgresql_does_not_compile_queries(db):
    """The query of a session's rows runs in a tenth of the time that compiling it takes."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)


def test_a_corrected_value_can_be_shown_as_upstream_sent_it(race, admin_user):
    lap = Lap.objects.filter(session=race, lap_number=7).first()
    sent = lap.lap_duration
    lap.lap_duration = sent + 1.5
    editing.edit(lap, user=admin_user)
    rows = load(race)
    assert rows.laps_of[lap.driver_number][6].lap_duration == pytest.approx(sent + 1.5)
    assert as_upstream_sent(rows).laps_of[lap.driver_number][6].lap_duration == pytest.approx(sent)
