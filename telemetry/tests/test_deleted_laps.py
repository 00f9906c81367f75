"""Lap times that race control deleted: the lap that a message means, and how the laps follow the messages."""

from datetime import UTC, datetime, timedelta

import pytest

from mirror import editing
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, client
from races.models import RaceControl
from races.tests.weekends import weekend
from telemetry.deleted_laps import LapTime, find_deleted_laps, read_verdict
from telemetry.models import Lap

START = datetime(2023, 3, 5, 14, 0, tzinfo=UTC)
LIMITS = "CAR 12 (ABC) TIME 1:32.100 DELETED - TRACK LIMITS AT TURN 4 LAP 7 15:11:52"


def moment(seconds):
    return START + timedelta(seconds=seconds)


def car(number, *durations):
    """Laps of a car from 1, each beginning 100 s after the one before."""
    return [LapTime(number, lap, moment(100 * lap), duration) for lap, duration in enumerate(durations, 1)]


LAPS = [*car(12, 95.0, 94.0, 94.0, 94.0, 93.5, 93.0, 92.1, 92.6, 92.1), *car(44, 92.1, 92.1, 92.1, 92.1, 92.1, 92.1, 92.1)]


def deleted(*messages, laps=LAPS):
    """{(car, lap): reason}; messages are texts, or (text, seconds after the start)."""
    pairs = [(text, 1000) if isinstance(text, str) else text for text in messages]
    return find_deleted_laps([read_verdict(text, moment(at)) for text, at in pairs], laps)[0]


def test_a_lap_is_found_by_driver_lap_and_time():
    assert deleted(LIMITS) == {(12, 7): "TRACK LIMITS AT TURN 4"}


@pytest.mark.parametrize(
    "text",
    [
        LIMITS.lower(),
        "Car 12 (Abc)  time 1:32.100 Deleted - Track limits at  turn 4 Lap 7 15:11:52 ",
        " CAR 12 (ABC) TIME\t1:32.100 DELETED-TRACK LIMITS AT TURN 4 LAP 7 15:11:52",
        LIMITS.replace(" - ", " \u2013 "),
    ],
)
def test_a_deletion_is_read_in_any_case_and_spacing(text):
    assert deleted(text) == {(12, 7): "TRACK LIMITS AT TURN 4"}


@pytest.mark.parametrize(
    ("text", "lap", "reason"),
    [
        ("CAR 12 (ABC) TIME 1:32.600 DELETED - TRACK LIMITS AT TURN 4 LAP 7 15:11:52", 8, "TRACK LIMITS AT TURN 4"),
        ("CAR 12 (ABC) TIME 1:33.500 DELETED - TRACK LIMITS AT PIT ENTRY LAP 5 16:42:41", 5, "TRACK LIMITS AT PIT ENTRY"),
        ("CAR 12 (ABC) TIME 1:33.000 DELETED - TRACK LIMITS AT TURN 10 (NEXT LAP)", 6, "TRACK LIMITS AT TURN 10"),
        ("CAR 12 (ABC) TIME 1:33.000 DELETED - DOUBLE YELLOW AT TURN 23", 6, "DOUBLE YELLOW AT TURN 23"),
        ("CAR 12 TIME 1:33.000 DELETED", 6, "deleted"),
        ("CAR 12 (ABC) LAP DELETED - TRACK LIMITS AT TURN 4 LAP 9 18:58:59 (PIT)", 9, "TRACK LIMITS AT TURN 4"),
    ],
)
def test_every_wording_of_a_deletion_is_understood(text, lap, reason):
    assert deleted(text) == {(12, lap): reason}


@pytest.mark.parametrize(
    "text",
    [
        "CAR 13 (XYZ) TIME 1:32.100 DELETED - TRACK LIMITS AT TURN 4 LAP 7 15:11:52",  # another car
        "CAR 12 (ABC) TIME 1:32.101 DELETED - TRACK LIMITS AT TURN 4 LAP 7 15:11:52",  # another time
        "CAR 12 (ABC) TIME 1:32.100 DELETED - TRACK LIMITS AT TURN 4 LAP 3 15:11:52",  # another lap
        "CAR 12 (ABC) LAP DELETED - TRACK LIMITS AT TURN 10 (NEXT LAP PIT)",  # neither lap nor time
    ],
)
def test_a_message_that_fits_no_lap_deletes_none(text):
    found, unknown = find_deleted_laps([read_verdict(text, moment(1000))], LAPS)
    assert (found, len(unknown)) == ({}, 1)


def test_messages_about_other_things_are_no_verdicts():
    assert read_verdict("CAR 12 (ABC) TIME PENALTY - 5 SECONDS") is None
    assert read_verdict("PIT LANE CLOSED") is None
    assert read_verdict(None) is None


def test_of_two_laps_with_one_time_the_named_one_or_the_one_just_driven_is_meant():
    no_lap = "CAR 12 (ABC) TIME 1:32.100 DELETED - TRACK LIMITS AT TURN 10 (NEXT LAP)"
    assert list(deleted(LIMITS.replace("LAP 7", "LAP 9"))) == [(12, 9)]
    assert list(deleted((no_lap, 800))) == [(12, 7)]
    assert list(deleted((no_lap, 1000))) == [(12, 9)]
    assert list(deleted(no_lap, no_lap)) == [(12, 9), (12, 7)]


def test_a_reinstated_lap_counts_again_until_it_is_deleted_once_more():
    reinstated = "CAR 12 (ABC) TIME 1:32.100 WILL BE REINSTATED"
    assert deleted(LIMITS, reinstated) == {}
    assert list(deleted(LIMITS, reinstated, LIMITS)) == [(12, 7)]


# --- stored -----------------------------------------------------------------------------------------------------------


LAP_ROWS = [
    {"session_key": 10, "meeting_key": 1, "driver_number": number, "lap_number": lap, "lap_duration": seconds,
     "date_start": moment(100 * lap).isoformat(), "is_pit_out_lap": False}
    for number, times in {12: (93.0, 92.1), 44: (92.3, 92.4)}.items()
    for lap, seconds in enumerate(times, 6)
]  # fmt: skip


def message(text, seconds=900):
    date = moment(seconds).isoformat()
    return {"session_key": 10, "meeting_key": 1, "date": date, "category": "Other", "message": text}


@pytest.fixture
def synced(db):
    """A function that syncs laps and messages of a qualifying, in this order of collections."""
    weekend("Qualifying")

    def sync_rows(*texts, laps=LAP_ROWS, collections=("laps", "race_control")):
        upstream = client(Rows(laps=laps, race_control=[message(text, 900 + at) for at, text in enumerate(texts)]))
        for collection in collections:
            assert not sync(client=upstream, scope=Scope(races=(1,)), collections=[collection], force=True).errors
        return dict(Lap.objects.filter(deleted=True).values_list("lap_number", "deletion_reason"))

    return sync_rows


@pytest.mark.parametrize("order", [("laps", "race_control"), ("race_control", "laps")])
def test_laps_and_messages_may_come_in_any_order(synced, order):
    assert synced(LIMITS, collections=order) == {7: "TRACK LIMITS AT TURN 4"}


def test_a_deletion_outlives_syncs_and_goes_with_its_message(synced, admin_user):
    synced(LIMITS)
    assert synced(LIMITS) == {7: "TRACK LIMITS AT TURN 4"}
    assert synced(LIMITS, laps=[row | {"st_speed": 300} for row in LAP_ROWS]) == {7: "TRACK LIMITS AT TURN 4"}
    editing.delete(RaceControl.objects.get(), user=admin_user)
    assert not Lap.objects.filter(deleted=True).exists()


def test_a_deletion_is_served_and_cannot_be_written(synced, api, editor):
    synced(LIMITS)
    [row] = api.get("/api/v1/laps/", {"deleted": "true"}).json()["results"]
    assert (row["driver_number"], row["lap_number"], row["deletion_reason"]) == (12, 7, "TRACK LIMITS AT TURN 4")
    editor.patch(row["url"], {"deleted": False, "st_speed": 300})
    assert Lap.objects.get(pk=row["lap_id"]).deleted
    before = api.get("/api/v1/laps/", {"session_id": 10})["ETag"]
    synced(LIMITS, "CAR 12 (ABC) TIME 1:32.100 WILL BE REINSTATED")
    assert api.get("/api/v1/laps/", {"session_id": 10})["ETag"] != before
    assert "deleted" not in api.get("/v1/laps", {"session_key": 10}).json()[0]


def test_a_time_is_that_of_the_lap_to_the_last_digit():
    """60 + 33.147 is 93.14699999999999, which was no lap's time: on the live page the deleted lap of ALB stayed his best."""
    texts = [f"CAR 23 (ALB) TIME {1 + at // 60000}:{at // 1000 % 60:02}.{at % 1000:03} DELETED" for at in range(0, 120000, 7)]
    assert [read_verdict(text).lap_duration for text in texts] == [(60000 + at) / 1000 for at in range(0, 120000, 7)]
