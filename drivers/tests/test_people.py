"""From the rows of sessions to people."""

import pytest

from drivers.models import Driver, DriverAlias, Entry
from drivers.people import merge
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, client
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

MEETING = {"meeting_key": 1, "meeting_name": "Somewhere Grand Prix", "year": 2023, "date_start": "2023-03-03T11:30:00+00:00"}


def session(key, day):
    return {
        "session_key": key,
        "meeting_key": 1,
        "session_name": "Practice 1",
        "session_type": "Practice",
        "year": 2023,
        "date_start": f"2023-03-{day:02}T11:30:00+00:00",
        "date_end": f"2023-03-{day:02}T12:30:00+00:00",
    }


def driver(key, number, full_name, **facts):
    first, last = full_name.split(" ", 1)
    row = {"session_key": key, "meeting_key": 1, "driver_number": number, "full_name": full_name, "first_name": first}
    row |= {"last_name": last.title(), "broadcast_name": full_name, "name_acronym": last[:3].upper(), "team_name": "Amber"}
    return row | {"team_colour": "FFBF00", "headshot_url": None, "country_code": None} | facts


def lap(key, number):
    return {"session_key": key, "meeting_key": 1, "driver_number": number, "lap_number": 1, "lap_duration": 90.5}


def mirror(*drivers, laps=()):
    """Sync these driver rows of the sessions 10 (3 March), 20 (4 March) and 5 (5 March: keys are not in the order of time)."""
    sessions = [session(10, 3), session(20, 4), session(5, 5)]
    upstream = Rows(meetings=[MEETING], sessions=sessions, drivers=list(drivers), laps=list(laps))
    report = sync(
        client=client(upstream), scope=Scope(races=(1,)), collections=["meetings", "sessions", "drivers", "laps"], force=True
    )
    assert not report.errors
    return report


def test_a_person_has_the_number_and_team_of_the_newest_session_and_entries_keep_their_own():
    mirror(
        driver(10, 40, "Liam LAWSON", team_name="Amber"),
        driver(20, 30, "Liam LAWSON", team_name="Birch"),
        driver(5, 22, "Liam LAWSON", team_name="Cedar"),
    )
    lawson = Driver.objects.get()
    assert (lawson.pk, lawson.full_name, lawson.driver_number, lawson.team_name) == ("liam_lawson", "Liam Lawson", 22, "Cedar")
    assert set(Entry.objects.values_list("driver_number", "team_name")) == {(40, "Amber"), (30, "Birch"), (22, "Cedar")}


def test_a_country_missing_in_one_row_comes_from_another_and_null_overwrites_nothing():
    mirror(driver(10, 4, "Lando NORRIS", country_code="GBR"), driver(5, 4, "Lando NORRIS", country_code=None, team_name=None))
    norris = Driver.objects.get()
    assert (norris.country_code, norris.team_name) == ("GBR", "Amber")


def test_a_row_that_contradicts_itself_gives_nobody_its_number_or_team():
    stranger = driver(5, 3, "Zak O'SULLIVAN", first_name="Daniel", last_name="Ricciardo", team_name="Birch", country_code="AUS")
    mirror(driver(10, 45, "Zak O'SULLIVAN", team_name="Cedar", country_code="GBR"), stranger, laps=[lap(5, 3), lap(10, 45)])
    zak = Driver.objects.get()
    assert (zak.full_name, zak.driver_number, zak.team_name, zak.country_code) == ("Zak O'Sullivan", 45, "Cedar", "GBR")
    assert Entry.objects.get(driver_number=3).driver is None
    assert set(Lap.objects.values_list("driver_number", "driver_id")) == {(3, None), (45, "zak_osullivan")}


def test_somebody_known_only_from_a_contradiction_is_known_by_name_alone():
    mirror(driver(5, 1, "Paul ARON", first_name="Max", last_name="Verstappen", name_acronym="ARO", team_name="Birch"))
    aron = Driver.objects.get()
    assert (aron.full_name, aron.first_name, aron.last_name, aron.name_acronym) == ("Paul Aron", "Paul", "Aron", "ARO")
    assert (aron.driver_number, aron.team_name) == (None, None)


def test_laps_find_their_driver_when_entries_arrive_later_and_follow_when_these_are_repaired():
    mirror(laps=[lap(10, 4)])
    assert Lap.objects.get().driver is None
    mirror(driver(10, 4, "Lando NORRIS"), laps=[lap(10, 4)])
    assert Lap.objects.get().driver_id == "lando_norris"
    mirror(driver(10, 4, "Oscar PIASTRI"), laps=[lap(10, 4)])
    assert Lap.objects.get().driver_id == "oscar_piastri"


def test_merged_spellings_stay_one_person_at_the_next_sync():
    rows = [driver(10, 12, "Kimi ANTONELLI"), driver(20, 12, "Andrea ANTONELLI", team_name="Birch")]
    mirror(*rows, laps=[lap(10, 12), lap(20, 12)])
    merge(Driver.objects.get(pk="kimi_antonelli"), Driver.objects.filter(pk="andrea_antonelli"))
    kimi = Driver.objects.get()
    assert (kimi.pk, kimi.full_name, kimi.first_name, kimi.team_name) == ("kimi_antonelli", "Kimi Antonelli", "Kimi", "Birch")
    assert Lap.objects.filter(driver=kimi).count() == Entry.objects.filter(driver=kimi).count() == 2

    mirror(*rows, driver(5, 13, "Andrea ANTONELLI", team_name="Cedar"), laps=[lap(10, 12), lap(20, 12), lap(5, 13)])
    kimi = Driver.objects.get()
    assert (kimi.full_name, kimi.first_name, kimi.team_name, kimi.driver_number) == ("Kimi Antonelli", "Kimi", "Cedar", 13)
    assert Lap.objects.filter(driver=kimi).count() == 3


def test_merging_a_person_that_others_were_merged_into_takes_them_along():
    mirror(driver(10, 1, "Ann ONE"), driver(20, 1, "Anna ONE"), driver(5, 1, "Anne ONE"))
    ann, anna, anne = (Driver.objects.get(pk=pk) for pk in ("ann_one", "anna_one", "anne_one"))
    merge(anna, [ann])
    merge(anne, [anna])
    assert dict(DriverAlias.objects.values_list("alias", "driver_id")) == {"ann_one": "anne_one", "anna_one": "anne_one"}
    assert Entry.objects.filter(driver="anne_one").count() == 3
