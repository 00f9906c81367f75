"""Practices and qualifyings of the demo season on the board: order, cut line, who is at risk. The simulator knows the truth."""

from datetime import timedelta

import pytest

from live.board import board
from live.demo import demo_messages
from live.lines import clock_text, lines, status
from live.picture import Picture
from live.tests.feeding import newest
from mirror import simulator
from mirror.feeds import registry
from races.models import Race, Session

pytestmark = pytest.mark.once
SEASON = simulator.Season(races=1)
EVERYTHING = timedelta(hours=3)


@pytest.fixture(scope="module")
def messages():
    """{session: its messages}"""
    wanted = SEASON.weekends[0].sessions
    return {name: demo_messages(SEASON, wanted[name])[1] for name in ("Practice 1", "Qualifying")}


def board_at(name, messages, after, spoil=lambda collection, rows: rows):
    """The board so long after the scheduled start, from what had been sent until then."""
    session = SEASON.weekends[0].sessions[name]
    moment = session.start + after
    race = Race(pk=session.weekend.key, race_name=session.weekend.name)
    row = Session(pk=session.key, race=race, session_name=name, date_start=session.start, date_end=session.end)
    row.gmt_offset, row.year = "00:00:00", simulator.YEAR
    picture = Picture(row)
    for collection, rows in newest([message for message in messages if message.t <= moment]).items():
        picture.add(collection, spoil(collection, registry()[collection].build(rows)[0]))
    return board(picture, moment)


def upside_down(collection, rows):
    """Positions as a feed sends them that is wrong, or long behind."""
    for row in rows if collection == "position" else ():
        row.position = 21 - row.position
    return rows


@pytest.mark.parametrize("minutes", [20, 45, 65])
def test_a_practice_is_ordered_by_best_lap_whatever_the_positions_say(messages, minutes):
    now = board_at("Practice 1", messages["Practice 1"], timedelta(minutes=minutes), upside_down)
    bests = [now["cars"][str(number)]["best"] for number in now["order"]]
    timed = [best for best in bests if best]
    assert len(timed) >= 10
    assert bests == sorted(timed) + [None] * (len(bests) - len(timed))
    assert lines(now)[1].cells[1].text == f"+{timed[1] - timed[0]:.3f}"
    assert (now["session"]["kind"], now["cut"]) == ("practice", None)
    assert {status(line.car) for line in lines(now)} <= {"", "pit"}


def test_an_out_lap_is_no_best_lap(messages):
    """Early in a practice most cars have driven nothing else."""
    now = board_at("Practice 1", messages["Practice 1"], timedelta(minutes=5))
    driven = SEASON.simulate(SEASON.weekends[0].sessions["Practice 1"]).laps
    bests = {int(number): car["best"] for number, car in now["cars"].items() if car["best"]}
    out_laps = {car for car, laps in driven.items() if bests.get(car) in [lap.duration for lap in laps if lap.out_lap]}
    assert bests
    assert not out_laps


def phases():
    """[(begin, end)] of the phases, from the scheduled start."""
    sent = SEASON.simulate(SEASON.weekends[0].sessions["Qualifying"]).messages
    flags = sorted((timedelta(seconds=each.at), each.flag) for each in sent if each.phase)
    return list(zip(*([at for at, flag in flags if flag == kind] for kind in ("GREEN", "CHEQUERED")), strict=True))


@pytest.mark.parametrize(("name", "phase", "at_risk"), [("Q1", 0, range(13, 15)), ("Q2", 1, range(8, 10))])
def test_cars_are_at_risk_until_the_last_lap_that_the_flag_let_through_is_done(messages, name, phase, at_risk):
    """They were so until the next phase began, minutes after nobody could improve any more."""
    end = phases()[phase][1]

    def risks(after):
        now = board_at("Qualifying", messages["Qualifying"], end + timedelta(seconds=after))
        assert now["clock"]["phase"] == name
        return [now["cars"][str(number)]["risk"] for number in now["order"]]

    for seconds in (-10, 5):
        assert [risks(seconds)[place] for place in at_risk] == ["risk", "risk"]
        assert risks(seconds)[at_risk.stop] == "out"
    assert {*risks(180)} == {"", "gone"}


def test_a_qualifying_shows_the_cut_and_who_is_at_risk_phase_by_phase(messages):
    result = [row.car for row in SEASON.simulate(SEASON.weekends[0].sessions["Qualifying"]).results]
    run = messages["Qualifying"]
    expected = [
        ("Q1", 15, [""] * 15 + ["gone"] * 5),
        ("Q2", 10, [""] * 10 + ["gone"] * 10),
        ("Q3", None, [""] * 10 + ["gone"] * 10),
    ]
    for (_, end), (name, cut, risks) in zip(phases(), expected, strict=True):
        now = board_at("Qualifying", run, end + timedelta(minutes=3))
        assert (now["clock"]["phase"], now["cut"]) == (name, cut)
        assert [now["cars"][str(number)]["risk"] for number in now["order"]] == risks
        going_on = cut or 0
        assert now["order"][going_on:] == result[going_on:]
    assert now["order"] == result
    own = [
        [lap.duration for lap in SEASON.simulate(SEASON.weekends[0].sessions["Qualifying"]).laps[car] if lap.duration]
        for car in result
    ]
    assert [now["cars"][str(car)]["best"] for car in result[10:]] == pytest.approx([min(laps) for laps in own[10:]])
    assert [now["cars"][str(car)]["gap"] for car in result[10:]] == [None] * 10
    assert clock_text(now) == "past the scheduled end"
    earlier = board_at("Qualifying", run, timedelta(minutes=2))
    assert clock_text(earlier) == "58:00 to the scheduled end"
    assert {status(car) for car in earlier["cars"].values()} == {""}  # nobody has a time that could be too slow
    assert status(now["cars"][str(result[-1])]) == "knocked out"


def test_who_was_knocked_out_is_shown_with_the_time_of_that_phase_though_an_earlier_one_was_faster(messages):
    """The order, which is that of the phase, seemed to be wrong."""
    session = SEASON.weekends[0].sessions["Qualifying"]
    results = SEASON.simulate(session).results
    (_, first_end), (_, last_end) = phases()[0], phases()[2]

    def faster_in_q1(collection, rows):
        for row in rows if collection == "laps" else ():
            if row.lap_duration and row.date_start and row.date_start < session.start + first_end:
                row.lap_duration -= 5
        return rows

    now = board_at("Qualifying", messages["Qualifying"], last_end, faster_in_q1)
    shown = [now["cars"][str(row.car)]["best"] for row in results[10:]]
    assert shown == pytest.approx([row.duration[1] or row.duration[0] - 5 for row in results[10:]])


def test_whoever_improves_leaves_the_zone_at_risk(messages):
    """Every car that ends the first phase above the cut after having been below it shows both on its way."""
    begin, end = phases()[0]
    seen = {}
    for seconds in range(0, int((end - begin).total_seconds()) + 180, 20):
        now = board_at("Qualifying", messages["Qualifying"], begin + timedelta(seconds=seconds))
        for number in now["order"]:
            seen.setdefault(number, []).append(now["cars"][str(number)]["risk"])
    assert any("out" in risks and not risks[-1] for risks in seen.values())
    assert any("risk" in risks and risks[-1] == "gone" for risks in seen.values())
