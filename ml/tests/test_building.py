"""Datasets: stored once, found again unaltered."""

import io

import pandas as pd
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from ml import building
from ml.models import Dataset

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def build(*args, **options):
    out = io.StringIO()
    call_command("build_dataset", *args, stdout=out, **options)
    return out.getvalue()


def test_what_is_read_again_is_what_was_stored(laps, table):
    build("--output", "demo")
    data = building.read_dataset("demo")
    pd.testing.assert_frame_equal(data.laps, laps, check_dtype=False)
    pd.testing.assert_frame_equal(data.table, table)


def test_a_dataset_says_what_it_is_made_of(laps):
    out = build("--output", "demo", "--session-name", "Race")
    dataset = Dataset.objects.get()
    assert dataset.query == {"session_names": ["Race"]}
    assert dataset.rows == len(laps)
    assert sum(dataset.excluded.values()) == (laps["excluded"] != "").sum()
    assert dataset.sha256 in out
    assert f"{dataset.excluded['out-lap']} out-lap" in out


def test_the_same_laps_have_the_same_fingerprint_and_other_laps_another(laps, table):
    both = building.join_features(laps, table)
    assert building.fingerprint(both.copy().items()) == building.fingerprint(both.items())
    later = both.copy()
    later.loc[5, "lap_duration"] += 0.001
    assert building.fingerprint(later.items()) != building.fingerprint(both.items())
    renamed = both.rename(columns={"lap_duration": "duration"})
    assert building.fingerprint(renamed.items()) != building.fingerprint(both.items())


@pytest.mark.parametrize("some", [1, 2, 100])
def test_written_session_by_session_it_is_what_is_loaded_at_once(monkeypatch, laps, table, some):
    monkeypatch.setattr(building, "SOME", some)
    build("--output", "demo")
    data = building.read_dataset("demo")
    pd.testing.assert_frame_equal(data.laps, laps, check_dtype=False)
    pd.testing.assert_frame_equal(data.table, table)
    assert data.sha256 == building.load_data().sha256


def test_building_again_changes_nothing_and_other_content_needs_replace(laps):
    build("--output", "demo")
    first = Dataset.objects.get()
    build("--output", "demo")
    assert Dataset.objects.get() == first
    race = str(laps["race_id"].iloc[0])
    with pytest.raises(CommandError, match="other content"):
        build("--output", "demo", "--race", race)
    build("--output", "demo", "--race", race, "--replace")
    assert Dataset.objects.get().rows < first.rows
    assert building.read_dataset("demo").laps["race_id"].nunique() == 1


def test_an_altered_file_is_refused(laps):
    build("--output", "demo")
    dataset = Dataset.objects.get()
    with default_storage.open(dataset.file) as file:
        altered = pd.read_parquet(io.BytesIO(file.read()))
    altered.loc[3, "lap_duration"] = 60.0
    altered.to_parquet(default_storage.path(dataset.file))
    with pytest.raises(ValueError, match="altered"):
        building.read_dataset("demo")
    default_storage.delete(dataset.file)
    with pytest.raises(ValueError, match="cannot be read"):
        building.read_dataset("demo")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--output", "../up"], "letters, digits"), (["--output", "empty", "--season", "1999"], "No laps of such sessions")],
)
def test_what_cannot_be_built_is_refused(laps, arguments, message):
    with pytest.raises(CommandError, match=message):
        build(*arguments)


def test_an_unknown_dataset_is_told_beside_the_known_ones(laps):
    build("--output", "demo")
    with pytest.raises(ValueError, match="no dataset 'nosuch'; there are: demo"):
        building.read_dataset("nosuch")
