"""The demo season: in once, out again, and nothing else touched."""

import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from drivers.models import Driver, Entry
from drivers.people import merge
from f1site.openf1.models import SyncRun
from races.models import Race, Session
from telemetry.models import Lap, Stint

pytestmark = pytest.mark.django_db


def load(*args):
    out = io.StringIO()
    call_command("load_demo", *args, stdout=out)
    return out.getvalue()


def real_rows():
    """A recorded race weekend, as a sync would have left it."""
    race = Race.objects.create(race_id=1229, race_name="Bahrain Grand Prix", year=2024, source="openf1")
    session = Session.objects.create(
        session_id=9472,
        race=race,
        session_name="Race",
        year=2024,
        source="openf1",
        date_start=datetime(2024, 3, 2, 15, tzinfo=UTC),
    )
    driver = Driver.objects.create(driver_id="charles_leclerc", full_name="Charles Leclerc", source="openf1")
    Entry.objects.create(session=session, driver_number=16, driver=driver, full_name="Charles LECLERC", source="openf1")
    Lap.objects.create(session=session, driver_number=16, lap_number=1, driver=driver, source="openf1")
    SyncRun.objects.create(scope={"filters": [{"year": 2024}]}, source="openf1")
    return session


def counted():
    return {model: model.objects.count() for model in (Race, Session, Driver, Entry, Lap, Stint, SyncRun)}


def test_the_demo_comes_in_through_the_sync_and_says_what_it_does():
    said = load("--races", "1")
    assert "Found 1 races in database." in said
    assert "Fetching laps for race_id=900001 (Velmora Grand Prix)" in said
    assert "Demo season 1 with 1 race: " in said
    assert (Race.objects.get().year, Session.objects.count(), Entry.objects.count()) == (2022, 5, 100)
    assert set(Lap.objects.values_list("source", flat=True)) == {"demo"}
    runs = SyncRun.objects.values_list("source", "state", "rejected")
    assert set(runs) == {("demo", "done", 0)}


def test_loading_again_writes_nothing():
    load("--races", "1")
    before = list(Lap.objects.values_list("pk", "changed_at"))
    assert ": 0 created, 0 updated" in load("--races", "1").splitlines()[-1]
    assert list(Lap.objects.values_list("pk", "changed_at")) == before


def test_more_races_are_added_and_fewer_replace():
    load("--races", "1")
    before = dict(Lap.objects.values_list("pk", "changed_at"))
    said = load("--races", "2")
    assert "makes room" not in said
    assert dict(Lap.objects.filter(pk__in=before).values_list("pk", "changed_at")) == before
    assert Race.objects.count() == 2
    assert "makes room" in load("--races", "1")
    assert Race.objects.count() == 1


def test_another_season_replaces_the_one_that_is_there():
    load("--races", "1")
    first = list(Lap.objects.values_list("lap_duration", flat=True))
    said = load("--races", "1", "--seed", "5")
    assert said.startswith("Another demo season is loaded; it makes room.\nRemoved ")
    assert set(SyncRun.objects.values_list("updated", "vanished")) == {(0, 0)}
    assert list(Lap.objects.values_list("lap_duration", flat=True)) != first


def test_removing_leaves_every_real_row():
    real_rows()
    before = counted()
    load("--races", "1")
    laps = Lap.objects.filter(source="demo").count()
    said = load("--remove")
    assert f"laps: {laps:,}" in said
    assert "race: 1" in said
    assert counted() == before
    assert load("--remove") == "Removed 0 rows of the demo season.\n"


def test_a_person_with_real_rows_stays_when_the_demo_goes():
    session = real_rows()
    load("--races", "1")
    kept = Driver.objects.get(pk="noor_el_sabah")
    merge(kept, [Driver.objects.get(pk="charles_leclerc")])
    load("--remove")
    assert Lap.objects.get(session=session).driver == kept
    assert set(Driver.objects.all()) == {kept}


def test_oddities_of_the_demo_end_as_those_of_real_rows_do():
    load("--races", "2")
    assert Entry.objects.get(session_id=990001, driver_number=7).driver is None  # its names contradict each other
    assert Lap.objects.filter(session_id=990001, driver_number=7, driver=None).exists()
    assert Driver.objects.filter(pk__in=["kim_anderlund", "kim_aksel_anderlund"]).count() == 2  # for "Merge drivers"
    assert str(Driver.objects.get(pk="sean_omarrin")) == "Séan O'Marrin"
    assert Stint.objects.filter(session_id=990003, lap_start=None, lap_end=None).count() == 1
    assert Stint.objects.filter(session_id=990001, tyre_compound=None).count() == 1


def test_a_season_has_at_most_as_many_races_as_there_are_circuits():
    with pytest.raises(CommandError, match="1 to 24 races"):
        load("--races", "25")
    assert not Race.objects.exists()
