"""Messages of race control, read as the times when the track was not free."""

from datetime import UTC, datetime, timedelta

import pytest

from mirror import editing
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, client
from races.models import Neutralisation, RaceControl, Session
from races.neutralisations import Message, TimedLap, Window, find_windows, parse_gmt_offset
from races.tests.weekends import weekend

START = datetime(2023, 4, 2, 5, 0, tzinfo=UTC)
MELBOURNE = timedelta(hours=10)


def at(minutes, seconds=0):
    return START + timedelta(minutes=minutes, seconds=seconds)


def say(minutes, text="", flag=None, scope=None, sector=None, seconds=0):
    return Message(at(minutes, seconds), flag, scope, sector, text)


def clear(minutes):
    return say(minutes, "TRACK CLEAR", flag="CLEAR", scope="Track")


def green(minutes):
    return say(minutes, "GREEN LIGHT - PIT EXIT OPEN", flag="GREEN", scope="Track")


def red(minutes):
    return say(minutes, "RED FLAG", flag="RED", scope="Track")


def yellow(minutes, sector, flag="YELLOW"):
    return say(minutes, f"{flag} IN TRACK SECTOR {sector}", flag=flag, scope="Sector", sector=sector)


def field(lap_minutes, *, cars=6, lap=1.5, start=0.0):
    """Laps of a field in which car n starts n seconds after car 0; `lap_minutes` are {lap number: minutes, if not `lap`}."""
    laps, minute = [], start
    for number in range(1, 27):
        duration = lap_minutes.get(number, lap)
        laps += [TimedLap(car, at(minute, car), 60 * duration) for car in range(cars)]
        minute += duration
    return laps


def read(*messages, laps=()):
    """(state, first minute, last minute) of every window."""

    def minute(moment):
        return None if moment is None else (moment - START).total_seconds() / 60

    found = find_windows(messages, gmt_offset=MELBOURNE, laps=laps)
    return [(window.state, minute(window.date_start), minute(window.date_end)) for window in found]


def test_a_safety_car_lasts_until_the_track_is_clear():
    assert read(say(4, "SAFETY CAR DEPLOYED"), say(7, "SAFETY CAR IN THIS LAP"), clear(9)) == [("safety car", 4, 9)]


def test_a_virtual_safety_car_lasts_fifteen_seconds_longer_than_its_ending():
    assert read(say(4, "VIRTUAL SAFETY CAR DEPLOYED"), say(6, "VIRTUAL SAFETY CAR ENDING"), clear(6.2)) == [
        ("virtual safety car", 4, 6.25)
    ]


def test_a_virtual_safety_car_makes_way_for_a_real_one():
    messages = say(4, "VIRTUAL SAFETY CAR DEPLOYED"), say(5, "SAFETY CAR DEPLOYED"), clear(9)
    assert read(*messages) == [("virtual safety car", 4, 5), ("safety car", 5, 9)]


def test_a_race_is_stopped_until_five_minutes_after_the_announced_restart():
    announced = say(22, "RACE WILL RESUME AT 15:33"), say(32, "RACE WILL RESUME AT 15:33 - STANDING START PROCEDURE")
    assert read(say(14, "SAFETY CAR DEPLOYED"), red(17), *announced, clear(32.7)) == [
        ("safety car", 14, 17),
        ("red flag", 17, 38),
    ]


def test_a_second_red_flag_just_after_a_restart_is_another_one():
    messages = red(10), say(12, "RACE WILL RESUME AT 15:20"), red(22), say(25, "RACE WILL RESUME AT 15:40")
    assert read(*messages) == [("red flag", 10, 22), ("red flag", 22, 45)]


def test_a_restart_after_midnight_is_on_the_next_day():
    announced = say(530, "RACE WILL RESUME AT 00:05")  # 23:50 in Melbourne
    assert read(red(520), announced) == [("red flag", 520, 550)]


def test_practice_goes_on_when_the_pit_exit_opens():
    assert read(red(5), say(8, "SESSION WILL RESUME AT 15:10"), clear(9), green(10)) == [("red flag", 5, 10)]


def test_a_session_that_is_not_resumed_stays_stopped():
    assert read(red(50), say(51, "SESSION WILL NOT BE RESUMED"), clear(55)) == [("red flag", 50, None)]


def test_a_yellow_flag_belongs_to_its_sector():
    messages = yellow(1, 4), yellow(2, 5, "DOUBLE YELLOW"), say(3, flag="CLEAR", scope="Sector", sector=5), clear(4)
    assert read(*messages) == [("yellow flag", 1, 4), ("yellow flag", 2, 3)]


def test_a_yellow_flag_that_is_never_taken_back_is_cut_after_400_seconds():
    assert read(yellow(1, 4)) == [("yellow flag", 1, 1 + 400 / 60)]


def test_a_yellow_flag_that_turns_double_is_one():
    assert read(yellow(1, 4), yellow(2, 4, "DOUBLE YELLOW"), clear(3)) == [("yellow flag", 1, 3)]


def test_a_red_flag_ends_all_others():
    assert read(yellow(1, 4), say(2, "SAFETY CAR DEPLOYED"), red(3)) == [
        ("yellow flag", 1, 3),
        ("safety car", 2, 3),
        ("red flag", 3, None),
    ]


@pytest.mark.parametrize(
    ("odd", "usual"),
    [
        (say(10, " Safety car  deployed"), say(10, "SAFETY CAR DEPLOYED")),
        (say(10, "Virtual Safety Car deployed"), say(10, "VIRTUAL SAFETY CAR DEPLOYED")),
        (say(10, "VSC DEPLOYED"), say(10, "VIRTUAL SAFETY CAR DEPLOYED")),
        (say(10, "RED FLAG"), red(10)),
        (say(10, "RED FLAG", flag="RED"), red(10)),
        (say(10, "DOUBLE YELLOW IN TRACK SECTOR 7", flag="DOUBLE YELLOW", sector=7), yellow(10, 7)),
    ],
    ids=lambda message: message.message,
)
@pytest.mark.parametrize("end", [clear(20), say(20, "TRACK CLEAR"), say(20, "Track clear", flag="CLEAR")], ids=range(3))
def test_a_message_in_another_spelling_or_without_flag_or_scope_says_the_same(odd, usual, end):
    assert read(odd, end) == read(usual, clear(20)) != []


def test_a_sector_is_clear_without_the_scope():
    over = say(12, "CLEAR IN TRACK SECTOR 7", flag="CLEAR", sector=7)
    assert read(yellow(10, 7), yellow(11, 8), over)[0] == ("yellow flag", 10, 12)


def test_the_order_of_messages_and_undated_ones_do_not_matter():
    messages = [clear(9), say(4, "SAFETY CAR DEPLOYED"), Message(None, "RED", "Track", None, "RED FLAG")]
    assert read(*messages) == [("safety car", 4, 9)]


# --- inferred ends: laps of 1.5 minutes, lap n begins at minute 1.5 * (n - 1) ----------------------------------------------


DEPLOYMENTS = {"red flag": red(13.2), "safety car": say(13.2, "SAFETY CAR DEPLOYED")}
DEPLOYMENTS["virtual safety car"] = say(13.2, "VIRTUAL SAFETY CAR DEPLOYED")


@pytest.mark.parametrize("state", DEPLOYMENTS)
def test_what_no_message_ends_is_over_when_the_field_races_again(state):
    assert read(DEPLOYMENTS[state], laps=field({})) == [(state, 13.2, 13.5)]
    slow = field({9: 1.8, 10: 2.1, 11: 2.1})  # until minute 18
    assert read(DEPLOYMENTS[state], laps=slow) == [(state, 13.2, 18)]


def test_an_inferred_end_is_marked():
    messages = say(2, "SAFETY CAR DEPLOYED"), clear(4), red(13.2)
    windows = find_windows(messages, gmt_offset=MELBOURNE, laps=field({}))
    assert [window.inferred for window in windows] == [False, True]


@pytest.mark.parametrize("state", DEPLOYMENTS)
def test_a_message_that_comes_when_the_field_has_raced_for_long_belongs_to_another_incident(state):
    assert read(DEPLOYMENTS[state], clear(30), green(30), laps=field({9: 1.8, 10: 2.1, 11: 2.1})) == [(state, 13.2, 18)]


def test_an_end_that_is_announced_a_little_late_is_kept():
    assert read(say(13.2, "SAFETY CAR DEPLOYED"), clear(17), laps=field({})) == [("safety car", 13.2, 17)]


def test_a_later_safety_car_is_another_one_although_no_message_ended_the_first():
    messages = say(13.2, "SAFETY CAR DEPLOYED"), say(27.2, "SAFETY CAR DEPLOYED"), clear(31)
    slow = field({9: 2.1, 10: 2.1, 18: 2.1, 19: 2.1})
    assert read(*messages, laps=slow) == [("safety car", 13.2, 16.2), ("safety car", 27.2, 31)]


def test_a_yellow_flag_is_another_one_when_the_first_was_never_taken_back():
    messages = yellow(1, 4), yellow(30, 4), say(32, flag="CLEAR", scope="Sector", sector=4)
    assert read(*messages) == [("yellow flag", 1, 1 + 400 / 60), ("yellow flag", 30, 32)]


@pytest.mark.parametrize("seconds", [-5, 0.5, 30.0, 58.7])
def test_one_wrong_lap_time_ends_nothing(seconds):
    laps = field(dict.fromkeys(range(9, 27), 2.1))
    wrong = next(index for index, lap in enumerate(laps) if lap.date_start > at(20))
    laps[wrong] = laps[wrong]._replace(lap_duration=seconds)
    assert read(say(13.2, "SAFETY CAR DEPLOYED"), laps=laps) == [("safety car", 13.2, None)]


def test_cars_that_catch_up_with_the_safety_car_do_not_race():
    laps = field(dict.fromkeys(range(9, 27), 2.1))
    laps = [lap._replace(lap_duration=1.13 * 90) if 13.5 <= (lap.date_start - START).seconds / 60 < 15 else lap for lap in laps]
    assert read(say(13.2, "SAFETY CAR DEPLOYED"), laps=laps) == [("safety car", 13.2, None)]


def test_a_race_that_goes_on_in_the_rain_goes_on():
    wet = field(dict.fromkeys(range(9, 27), 1.75) | {9: 2.1, 10: 2.1})
    assert read(say(13.2, "SAFETY CAR DEPLOYED"), laps=wet) == [("safety car", 13.2, 16.2)]


def test_what_no_lap_follows_does_not_end():
    before = [lap for lap in field({}) if lap.date_start < at(13)]
    assert read(red(13.2), laps=before) == [("red flag", 13.2, None)]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("03:00:00", 3),
        ("-04:00:00", -4),
        ("+05:30", 5.5),
        ("00:00:00", 0),
        ("", None),
        (None, None),
        ("GMT+3", None),
        ("14:00", 14),
        ("99:99:99", None),
    ],
)
def test_offsets_are_read(text, hours):
    assert parse_gmt_offset(text) == (None if hours is None else timedelta(hours=hours))


# --- stored -----------------------------------------------------------------------------------------------------------


def row(minutes, message, **fields):
    return {
        "meeting_key": 1,
        "session_key": 10,
        "date": at(minutes).isoformat(),
        "category": "Other",
        "message": message,
        **fields,
    }


def stored():
    return [Window._make(values) for values in Neutralisation.objects.values_list(*Window._fields)]


@pytest.fixture
def told(db):
    """A race whose messages came in by a sync."""
    [session] = weekend("Race")
    Session.objects.update(gmt_offset="10:00:00")

    def sync_messages(*rows):
        report = sync(
            client=client(Rows(race_control=list(rows))), scope=Scope(races=(1,)), collections=["race_control"], force=True
        )
        assert not report.errors
        return session

    return sync_messages


DEPLOYED, CLEAR = row(4, "SAFETY CAR DEPLOYED"), row(9, "TRACK CLEAR", flag="CLEAR", scope="Track")


def test_a_sync_of_messages_stores_the_windows(told):
    told(DEPLOYED, CLEAR)
    assert stored() == [Window("safety car", at(4), at(9), None)]


def test_windows_follow_messages_that_come_later(told):
    told(DEPLOYED)
    assert stored() == [Window("safety car", at(4), None, None)]
    told(DEPLOYED, CLEAR)
    assert stored() == [Window("safety car", at(4), at(9), None)]


def test_a_sync_that_brings_nothing_new_leaves_the_windows_alone(told):
    told(DEPLOYED, CLEAR)
    before = list(Neutralisation.objects.values_list("pk", flat=True))
    told(DEPLOYED, CLEAR)
    assert list(Neutralisation.objects.values_list("pk", flat=True)) == before


def test_a_message_deleted_by_hand_takes_its_window_with_it(told, admin_user):
    told(DEPLOYED, CLEAR)
    editing.delete(RaceControl.objects.get(message="SAFETY CAR DEPLOYED"), user=admin_user)
    assert stored() == []


def test_a_corrected_offset_moves_the_restart(told, admin_user):
    session = told(row(17, "RED FLAG", flag="RED", scope="Track"), row(22, "RACE WILL RESUME AT 15:33"))
    assert stored()[0].date_end == at(38)
    session.refresh_from_db()
    session.gmt_offset = "09:00:00"
    editing.edit(session, user=admin_user)
    assert stored()[0].date_end == at(98)
