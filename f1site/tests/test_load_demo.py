"""The demo season: in once, out again, and nothing else touched."""

import io
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from drivers.models import Driver, Entry
from drivers.people import merge
from mirror.feeds import registry
from mirror.models import SyncRun
from mirror.simulator import Season
from mirror.simulator.loading import other_season_is_stored
from races.models import Race, Session
from telemetry.models import Lap, SampleFile, Stint, Telemetry

pytestmark = pytest.mark.django_db
ONE = ("--races", "1")


def load(*args):
    out = io.StringIO()
    call_command("load_demo", *args, stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def loaded(django_db_setup, django_db_blocker, tmp_path_factory):
    """(what the command said, where the files are) of a season of one race, loaded once for all tests here."""
    media = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=media):
        yield load(*ONE), media
        load("--remove")


@pytest.fixture
def demo(loaded, settings, tmp_path, db):
    """That season, its files included, to do with as a test likes; what the command said when it came in."""
    said, media = loaded
    settings.MEDIA_ROOT = shutil.copytree(media, tmp_path / "media")
    return said


def samples(settings):
    return list(Path(settings.MEDIA_ROOT).rglob("*.parquet"))


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


def test_the_demo_comes_in_through_the_sync_and_prints_one_line_per_collection_when_piped(demo):
    *lines, total = demo.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(registry())
    assert total.startswith("Demo season 1 with 1 race: ")
    assert (Race.objects.get().year, Session.objects.count(), Entry.objects.count()) == (2022, 5, 100)
    assert set(Lap.objects.values_list("source", flat=True)) == {"demo"}
    assert set(SyncRun.objects.values_list("source", "state", "rejected")) == {("demo", "done", 0)}


def test_one_race_has_samples_and_what_is_made_of_them(demo, settings):
    assert set(SampleFile.objects.values_list("session_id", flat=True)) == {990005}
    assert len(samples(settings)) == SampleFile.objects.count() == 40
    quickest = Lap.objects.filter(session_id=990005, lap_duration__gt=0).order_by("lap_duration").first()
    figures = Telemetry.objects.get(session_id=990005, driver_number=quickest.driver_number, lap_number=quickest.lap_number)
    length = Season().weekends[0].circuit.length
    assert figures.avg_speed == pytest.approx(length / quickest.lap_duration * 3.6, rel=0.02)


def test_loading_again_writes_nothing(demo):
    before = list(Lap.objects.values_list("pk", "changed_at"))
    assert ": 0 created, 0 updated" in load(*ONE).splitlines()[-1]
    assert list(Lap.objects.values_list("pk", "changed_at")) == before


def test_more_races_are_added_to_those_that_are_there(demo):
    before = dict(Lap.objects.values_list("pk", "changed_at"))
    assert "is removed first" not in load("--races", "2")
    assert dict(Lap.objects.filter(pk__in=before).values_list("pk", "changed_at")) == before
    assert Race.objects.count() == 2
    assert Driver.objects.filter(pk__in=["kim_anderlund", "kim_aksel_anderlund"]).count() == 2  # for "Merge drivers"
    assert other_season_is_stored(Season(races=1))


def test_another_season_replaces_the_one_that_is_there(demo, settings):
    first = list(Lap.objects.values_list("lap_duration", flat=True))
    said = load(*ONE, "--seed", "5")
    assert said.startswith("Another demo season is loaded; it is removed first.\nRemoved ")
    assert set(SyncRun.objects.values_list("updated", "vanished")) == {(0, 0)}
    assert list(Lap.objects.values_list("lap_duration", flat=True)) != first
    assert len(samples(settings)) == 40
    assert not other_season_is_stored(Season(seed=5, races=1))


def test_removing_leaves_every_real_row(demo, settings):
    here = counted()
    real_rows()
    laps = Lap.objects.filter(source="demo").count()
    said = load("--remove")
    assert f"laps: {laps:,}" in said
    assert "race: 1" in said
    assert counted() == {Race: 1, Session: 1, Driver: 1, Entry: 1, Lap: 1, Stint: 0, SyncRun: 1}
    assert all(here.values())
    assert samples(settings) == []
    assert load("--remove") == "Removed 0 rows of the demo season.\n"


def test_a_person_with_real_rows_stays_when_the_demo_goes(demo):
    session = real_rows()
    kept = Driver.objects.get(pk="noor_el_sabah")
    merge(kept, [Driver.objects.get(pk="charles_leclerc")])
    load("--remove")
    assert Lap.objects.get(session=session).driver == kept
    assert set(Driver.objects.all()) == {kept}


def test_oddities_of_the_demo_end_as_those_of_real_rows_do(demo):
    assert Entry.objects.get(session_id=990001, driver_number=7).driver is None  # its names contradict each other
    assert Lap.objects.filter(session_id=990001, driver_number=7, driver=None).exists()
    assert str(Driver.objects.get(pk="sean_omarrin")) == "Séan O'Marrin"
    assert Stint.objects.filter(session_id=990003, lap_start=None, lap_end=None).count() == 1
    assert Stint.objects.filter(session_id=990001, tyre_compound=None).count() == 1


def test_a_season_has_at_most_as_many_races_as_there_are_circuits():
    with pytest.raises(CommandError, match="1 to 24 races"):
        load("--races", "25")


def test_the_requests_of_the_readme_are_answered_with_rows_of_the_demo_season(demo, api):
    urls = re.findall(r"curl .*'http://127\.0\.0\.1:8000(/\S+)'", (django_settings.BASE_DIR / "README.md").read_text())
    assert len(urls) == 3
    for url in urls:
        answer = api.get(url)
        assert answer.status_code == 200, url
        if "format=csv" in url:
            assert len(b"".join(answer.streaming_content if answer.streaming else [answer.content]).splitlines()) > 400
        else:
            assert len(answer.json().get("results") or answer.json()["rows"]) > 10, url
