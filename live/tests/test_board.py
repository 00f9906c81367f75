"""The board: what viewers see of recorded sessions at given moments."""

from datetime import UTC, datetime, timedelta
from math import cos, pi, sin
from types import SimpleNamespace

import pytest

from live.board import board, cut_line
from live.lines import as_table, clock_text, draw_map, flag_text, label_cars, lines
from live.picture import Picture, stored_picture
from live.tests.feeding import listed_session, newest, recorded, woven
from mirror.feeds import registry
from races.models import Circuit

pytestmark = pytest.mark.django_db
SPRINT = datetime(2023, 4, 29, 14, 0, tzinfo=UTC)
WOVEN = ("drivers", "race_control", "weather", "team_radio")


def picture_at(session, messages, moment, total_laps=None):
    """What was known at a moment."""
    picture = Picture(session, total_laps)
    for collection, rows in newest([message for message in messages if message.t <= moment]).items():
        picture.add(collection, registry()[collection].build(rows)[0])
    return picture


@pytest.fixture
def sprint(recording):
    session = listed_session(9069, 2023)
    messages = [*recording, *woven(9069, 2023, **{name: recorded(name, 9069) for name in WOVEN})]
    return lambda moment: board(picture_at(session, messages, moment, 17), moment)


def test_a_race_has_order_laps_colours_and_tyres(sprint):
    now = sprint(SPRINT)
    assert [now["cars"][str(number)]["acronym"] for number in now["order"][:3]] == ["LEC", "PER", "VER"]
    assert now["clock"]["lap"] == 7
    assert now["clock"]["to_go"] == 10
    fastest = [car for car in now["cars"].values() if car["best_colour"] == "p"]
    assert [car["best"] for car in fastest] == [now["best"]["lap"]]
    purple = [sum(car["sectors"][at][1] == "p" for car in now["cars"].values()) for at in range(3)]
    assert all(count <= 1 for count in purple)
    perez = now["cars"]["11"]
    assert (perez["compound"], perez["tyre"], perez["age"]) == ("MEDIUM", "M", 4 + 7)
    assert now["cars"]["22"]["out"]
    assert now["cars"]["22"]["gap"] is None  # it would stand still where it stopped
    assert not perez["out"]


def test_the_laps_of_a_race_at_a_new_circuit_follow_from_the_length_of_its_track(recording):
    session = listed_session(9069, 2023)
    messages = [*recording, *woven(9069, 2023, race_control=recorded("race_control", 9069))]
    picture = picture_at(session, messages, SPRINT)
    assert clock_text(board(picture, SPRINT)) == "lap 7"
    radius = 60_030 / (2 * pi)  # tenths of a metre: Baku has 6,003 m, and its sprint 17 laps
    picture.outline = [(round(radius * cos(at / 50 * pi)), round(radius * sin(at / 50 * pi))) for at in range(100)]
    assert clock_text(board(picture, SPRINT)) == "lap 7 of about 17, about 10 to go"
    picture.session.session_name = "Race"
    assert board(picture, SPRINT)["clock"]["laps"] == 51
    picture.session.circuit_name = "Monte Carlo"
    assert board(picture, SPRINT)["clock"]["laps"] == 44
    picture.total_laps = 50
    assert clock_text(board(picture, SPRINT)) == "lap 7 of 50, 43 to go"


def test_the_flag_is_the_one_that_counts_then(sprint):
    assert sprint(datetime(2023, 4, 29, 13, 41, tzinfo=UTC))["track"]["flag"] == "sc"
    assert sprint(SPRINT)["track"]["flag"] == "green"
    assert sprint(datetime(2023, 4, 29, 14, 12, tzinfo=UTC))["track"]["flag"] == "chequered"


def test_yellow_flags_say_where_they_are(sprint):
    assert flag_text(sprint(datetime(2023, 4, 29, 13, 20, tzinfo=UTC))["track"]) == "Yellow flag, sector 2"
    assert flag_text(sprint(SPRINT)["track"]) == "Track clear"


def test_nothing_is_known_before_it_happens(sprint):
    before = sprint(datetime(2023, 4, 29, 13, 20, tzinfo=UTC))
    assert clock_text(before) == "starts in 10:00"
    assert all(car["last"] is None for car in before["cars"].values())
    assert not [message for message in before["messages"] if message["time"] > "13:20:00"]


def test_a_qualifying_has_a_cut_line_and_who_is_at_risk(recording):
    session = listed_session(9161, 2023)
    names = ("drivers", "race_control", "laps", "position", "stints")
    messages = woven(9161, 2023, **{name: recorded(name, 9161) for name in names})
    at = session.date_start + timedelta(minutes=15)
    now = board(picture_at(session, messages, at), at)
    assert (now["clock"]["phase"], now["cut"]) == ("Q1", 15)
    risks = [now["cars"][str(number)]["risk"] for number in now["order"]]
    assert risks == [""] * 13 + ["risk"] * 2 + ["out"] * 5
    end = session.date_start + timedelta(minutes=95)
    last = board(picture_at(session, messages, end), end)
    assert (last["clock"]["phase"], last.get("cut")) == ("Q3", None)
    assert last["cars"][str(last["order"][0])]["acronym"] == "SAI"
    assert "+0." in as_table(last).rows[1][3]


@pytest.mark.parametrize(
    ("session", "year", "expected"),
    [
        # red after the chequered flag, until the track was clear; Q2 began 20 minutes later
        (9161, 2023, [("13:17", "Q1", "green"), ("13:25", "Q1", "red"), ("13:35", "Q1", "chequered"), ("13:54", "Q2", "green")]),
        # red in the end of SQ1, which was not resumed: there was no chequered flag
        (9278, 2023, [("08:44", "SQ1", "red"), ("08:52", "SQ1", "over"), ("08:54", "SQ2", "green"), ("09:11", "SQ3", "green")]),
        # red, resumed: until the pit exit opened, although the track was clear before
        (9106, 2023, [("21:06", "Q3", "red"), ("21:08", "Q3", "green"), ("21:15", "Q3", "chequered")]),
        # the track is clear after a practice, and it is over all the same
        (9063, 2023, [("09:57:30", "", "red"), ("10:30:05", "", "chequered"), ("10:40", "", "chequered")]),
    ],
)
def test_a_flag_is_shown_for_as_long_as_it_counts(recording, session, year, expected):
    row = listed_session(session, year)
    messages = woven(session, year, race_control=recorded("race_control", session))
    shown = []
    for clock, _, _ in expected:
        at = datetime.fromisoformat(f"{row.date_start:%Y-%m-%d}T{clock}+00:00")
        now = board(picture_at(row, messages, at), at)
        shown.append((clock, now["clock"]["phase"], now["track"]["flag"]))
    assert shown == expected


def test_a_car_without_a_colour_has_that_of_its_team(recording):
    session = listed_session(9161, 2023)
    drivers = recorded("drivers", 9161)
    faulty = [row | {"team_colour": None} if row["driver_number"] == 1 else row for row in drivers]
    cars = board(picture_at(session, woven(9161, 2023, drivers=faulty), session.date_end), session.date_end)["cars"]
    assert cars["1"]["light"] == cars["11"]["light"] != cars["44"]["light"]


def test_a_cut_line_follows_the_number_of_cars():
    assert [cut_line(20, phase) for phase in (1, 2, 3)] == [15, 10, None]
    assert [cut_line(22, phase) for phase in (1, 2, 3)] == [16, 10, None]


def test_cars_draw_the_track_until_a_lap_is_closed(recording):
    session = listed_session(9472, 2024)
    location = recorded("location", 9472)
    rows = [row for row in location if row["driver_number"] == 1 and row["date"] > "2024-03-02T15:10"][:1200]
    picture = Picture(session)
    for sample in registry()["location"].build(rows)[0]:
        picture.add_place(1, sample)
    assert 100 < len(picture.outline) <= 800
    picture.add("drivers", registry()["drivers"].build(recorded("drivers", 9472))[0])
    drawn = draw_map(board(picture, SPRINT))
    assert drawn.height > 300
    assert [each.car["number"] for each in drawn.cars] == [1]


def test_a_stored_circuit_is_the_track_before_a_car_has_driven(recording):
    session = listed_session(9069, 2023)
    angles = [2 * pi * number / 1200 for number in range(1200)]
    line = {"x": [300 * cos(angle) for angle in angles], "y": [200 * sin(angle) for angle in angles], "z": [0.0] * 1200}
    facts = {"circuit_name": "Baku", "length": 1580.0, "clockwise": False, "laps": 9, "sessions": 1, "samples": ""}
    Circuit.objects.create(circuit_id=session.circuit_key, centre_line=line, source="openf1", **facts)
    picture = stored_picture(session)
    assert len(picture.outline) == 400
    assert (max(x for x, _ in picture.outline), max(y for _, y in picture.outline)) == (3000, 2000)
    sample = SimpleNamespace(date=SPRINT, x=1500, y=0)
    picture.add("drivers", registry()["drivers"].build(recorded("drivers", 9069))[0])
    picture.add_place(1, sample)
    drawn = draw_map(board(picture, SPRINT))
    assert drawn.cars[0][1:3] == pytest.approx((720, drawn.height / 2), abs=0.1)


def test_labels_on_the_map_never_cover_each_other():
    cars = [({"acronym": name}, x, 100) for name, x in (("VER", 0), ("LEC", 65), ("PER", 145), ("SAI", 500))]
    assert [each.label for each in label_cars(cars)] == ["VER", "", "PER", "SAI"]


def test_no_label_on_the_map_covers_a_car():
    column = [({"acronym": name}, 500, y) for name, y in (("VER", 100), ("LEC", 75), ("PER", 50))]
    placed = label_cars(column)
    assert [each.label for each in placed] == ["VER", "LEC", "PER"]
    assert [each.label_x for each in placed] == [62, -62, 0]  # beside the cars that are above


def test_no_label_is_cut_off_at_the_edge_of_the_map():
    for edge, aside in ((60, 62), (940, -62)):
        column = [({"acronym": name}, edge, y) for name, y in (("VER", 100), ("LEC", 75), ("PER", 50))]
        placed = label_cars(column)
        assert [(each.label, each.label_x) for each in placed] == [("VER", aside), ("", 0), ("PER", 0)]


def test_the_table_has_what_the_page_has(sprint):
    now = sprint(SPRINT)
    table = as_table(now)
    assert [row[1] for row in table.rows] == [line.car["acronym"] for line in lines(now)]
    assert len(table.columns) == len(table.rows[0])
