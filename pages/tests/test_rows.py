"""One query brings in what the ORM would."""

import pytest
from django.db import connection

from drivers.models import Entry, SessionResult
from mirror import editing
from pages.rows import as_upstream_sent, load
from races.models import Neutralisation, RaceControl, Weather
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
