"""One wrong value in a race spoils the lap or the car that it is about, and no other line of a chart."""

from dataclasses import replace

import msgspec
import pytest
from django.utils import timezone

from drivers.models import Entry
from pages.cars import cars_of
from pages.charts import positions, strategy, trace
from pages.lap_choice import chosen_laps
from pages.rows import ORDER, load
from pages.session_page import session_page
from pages.state import State

pytestmark = pytest.mark.once
STATE = State({}, ())


@pytest.fixture
def rows(race):
    return load(race)


def winner_of(rows):
    return next(result.driver_number for result in rows.results if result.position == 1)


def with_lap(rows, car, number, **values):
    """The same rows with other values in one lap."""
    laps = [
        msgspec.structs.replace(lap, **values) if (lap.driver_number, lap.lap_number) == (car, number) else lap
        for lap in rows.laps
    ]
    return replace(rows, laps=laps)


def lines(view, rows):
    return {line.car: line.y for line in view.build(rows, STATE).lines}


@pytest.mark.parametrize("seconds", [1.0, 9.675, 60.0, 95.0, 967.5])
@pytest.mark.parametrize("lap", [2, 9, 26])
def test_a_wrong_time_of_the_winner_moves_no_line(rows, seconds, lap):
    car = winner_of(rows)
    assert rows.race_laps == 26
    spoilt = with_lap(rows, car, lap, lap_duration=seconds)
    for view in (trace, positions):
        before, after = lines(view, rows), lines(view, spoilt)
        assert after.keys() == before.keys()
        for number, values in before.items():
            assert after[number] == pytest.approx(values, abs=0.002, nan_ok=True), (view.__name__, number)


def test_a_wrong_time_without_sectors_is_told_by_the_starts_around(rows):
    car = winner_of(rows)
    silent = {"duration_sector_1": None, "duration_sector_2": None, "duration_sector_3": None}
    before = lines(trace, rows)
    after = lines(trace, with_lap(rows, car, 9, lap_duration=45.0, **silent))
    for number, values in before.items():
        assert after[number] == pytest.approx(values, abs=0.5), number


@pytest.mark.parametrize("sector", ["duration_sector_1", "duration_sector_2", "duration_sector_3"])
def test_a_wrong_sector_leaves_the_time_of_its_lap_as_it_is(rows, sector):
    car = winner_of(rows)
    assert lines(trace, with_lap(rows, car, 9, **{sector: 90.0})) == lines(trace, rows)


@pytest.mark.parametrize(("place", "wrong"), [(0, None), (0, 0), (0, 40), (0, 2), (3, 0), (3, 1)])
def test_a_wrong_place_moves_no_line(rows, place, wrong):
    results = list(rows.results)
    results[place] = msgspec.structs.replace(results[place], position=wrong)
    spoilt = replace(rows, results=sorted(results, key=ORDER["results"]))
    assert lines(trace, spoilt) == lines(trace, rows)


def test_a_time_that_cannot_be_is_nobodys_best(rows):
    best = session_page(rows, timezone.now()).fastest
    car, other = best[-1].car.number, chosen_laps(rows, STATE)
    spoilt = with_lap(rows, car, 9, lap_duration=9.675)
    assert [lap.seconds for lap in session_page(spoilt, timezone.now()).fastest] == [lap.seconds for lap in best]
    assert [lap.key for lap in chosen_laps(spoilt, STATE)] == [lap.key for lap in other]


@pytest.mark.parametrize("last", [20, 26, 99])
def test_a_stint_that_ends_too_late_hides_no_bar(rows, last):
    first, second = next(stints for stints in rows.stints_of.values() if len(stints) == 2 and stints[1].lap_start < 20)
    wrong = [msgspec.structs.replace(s, lap_end=last) if s is first else s for s in rows.stints]
    sound, spoilt = (strategy.build(found, STATE).data["bars"] for found in (rows, replace(rows, stints=wrong)))
    assert sound[first.driver_number][1]["first"] == second.lap_start
    assert spoilt == sound


def test_one_slip_does_not_stretch_the_race(rows):
    results = [msgspec.structs.replace(rows.results[3], number_of_laps=260), *rows.results[:3], *rows.results[4:]]
    assert replace(rows, results=results).race_laps == 26
    stray = msgspec.structs.replace(rows.laps[-1], lap_number=260)
    assert replace(rows, laps=[*rows.laps, stray], results=[]).race_laps == 26
    alone = [result for result in rows.results if result.position == 1]
    assert replace(rows, results=alone).race_laps == 26
    assert replace(rows, results=[], laps=[]).race_laps == 0


@pytest.mark.parametrize("colour", ["null", "abc", "#FF800", "FF80_0", "+FF800", " FF800", "٣٣٣٣٣٣", "", None])
def test_a_colour_that_is_none_is_that_of_no_team(race, client, colour):
    entries = Entry.objects.filter(session=race)
    first = entries.order_by("driver_number")[0]
    before = {car.number: car.light for car in cars_of(load(race))}
    entries.filter(pk=first.pk).update(team_colour=colour)
    assert {car.number: car.light for car in cars_of(load(race))} == before  # the team-mate's colour is known
    entries.filter(team_name=first.team_name).update(team_colour=colour)
    after = {car.number: car.light for car in cars_of(load(race)) if car.team == first.team_name}
    assert after[first.driver_number] != before[first.driver_number]
    assert len(set(after.values())) == 1
    for address in (f"/f1/sessions/{race.pk}/", f"/f1/{race.year}/", f"/f1/drivers/{first.driver_id}/"):
        assert client.get(address, follow=True).status_code == 200
