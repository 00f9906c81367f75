"""`raw=true`: upstream's values in spite of corrections."""

import pytest

from mirror import editing
from mirror.models import Source
from races.models import RaceControl
from telemetry.models import Interval, Lap

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture(autouse=True)
def synced(weekend):
    for model in (Lap, Interval, RaceControl):
        model.objects.update(source=Source.OPENF1)


def edit(row, user, **values):
    for name, value in values.items():
        setattr(row, name, value)
    editing.edit(row, user=user)


def one_lap(**where):
    return Lap.objects.get(driver_number=16, **where)


def test_a_corrected_value_is_shown_and_raw_shows_upstreams(get, ada):
    edit(one_lap(lap_number=2), ada, lap_duration=88.8, is_pit_out_lap=True, segments_sector_1=[2049], date_start=None)
    question = "laps?driver_number=16&lap_number=2"
    assert [get(question)[0][name] for name in ("lap_duration", "is_pit_out_lap", "segments_sector_1")] == [88.8, True, [2049]]
    upstream = get(f"{question}&raw=true")[0]
    assert upstream == get("laps?driver_number=1&lap_number=2")[0] | {
        "driver_number": 16,
        "date_start": "2024-03-02T15:03:00.016000+00:00",
    }


def test_raw_rows_are_found_by_upstreams_values(get, ada):
    edit(one_lap(lap_number=2), ada, lap_duration=88.8, date_start=None)
    assert [row["lap_duration"] for row in get("laps?lap_duration<90")] == [88.8]
    assert get("laps?lap_duration<90&raw=true").status_code == 404
    assert [row["driver_number"] for row in get("laps?lap_duration=92&raw=true")] == [1, 16, 77]
    assert [row["driver_number"] for row in get("laps?date_start=null&raw=true")] == [1, 16, 77]
    assert len(get("laps?date_start>=2024-03-02T15:04&raw=true&limit=2&offset=1&order_by=-driver_number")) == 2


def test_a_deleted_row_is_there_again(get, ada):
    everything = get("laps")
    editing.delete(one_lap(lap_number=2), user=ada)
    assert len(get("laps")) == 8
    assert get("laps?raw=true") == everything
    assert get("laps?raw=true&session_key=9472&lap_number=2&driver_number=16") == [everything[4]]


def test_values_of_mixed_type_are_matched_too(get, ada):
    edit(Interval.objects.get(gap_to_leader="+1 LAP"), ada, gap_to_leader=70.5)
    assert [row["gap_to_leader"] for row in get("intervals?gap_to_leader>60")] == [70.5]
    assert [row["gap_to_leader"] for row in get("intervals?gap_to_leader=%2B1%20LAP&raw=true")] == ["+1 LAP"]
    assert [row["gap_to_leader"] for row in get("intervals?raw=true&order_by=-gap_to_leader")] == [12.345, 0, "+1 LAP", None]


def test_rows_with_a_computed_key_are_matched_by_it(get, ada):
    edit(RaceControl.objects.get(message="MSG 1"), ada, flag="BLUE")
    assert [row["flag"] for row in get("race_control?raw=true")] == ["GREEN", None, "RED"]


def test_raw_is_the_same_where_nothing_was_corrected(get, client):
    assert client.get("/v1/laps?raw=true").content == client.get("/v1/laps").content


def test_raw_answers_are_not_kept(get, ada, client):
    assert "ETag" not in client.get("/v1/laps?raw=true").headers
    get("laps?raw=true")
    edit(one_lap(lap_number=1), ada, lap_duration=80.0)
    assert 80.0 not in [row["lap_duration"] for row in get("laps?raw=true")]
