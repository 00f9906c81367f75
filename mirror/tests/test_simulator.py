"""The invented season: the same for one seed, complete, consistent with itself, and true to its own laws."""

from collections import Counter, defaultdict
from datetime import datetime

import pytest

from mirror.simulator import YEAR, Season, client
from mirror.simulator.quirks import QUIRKS
from mirror.simulator.transport import BY_SESSION, COLLECTIONS, SAMPLES

pytestmark = pytest.mark.once

KEYS = {"meeting_key", "session_key"}
PLACE = {
    "circuit_key",
    "circuit_short_name",
    "country_code",
    "country_key",
    "country_name",
    "date_end",
    "date_start",
    "gmt_offset",
    "is_cancelled",
    "location",
    "meeting_key",
    "year",
}
POINTS = {"points_current", "points_start", "position_current", "position_start"}
FIELDS = {
    "car_data": {"brake", "date", "driver_number", "drs", "n_gear", "rpm", "speed", "throttle"} | KEYS,
    "location": {"date", "driver_number", "x", "y", "z"} | KEYS,
    "drivers": {
        "broadcast_name",
        "country_code",
        "driver_number",
        "first_name",
        "full_name",
        "headshot_url",
        "last_name",
        "name_acronym",
        "team_colour",
        "team_name",
    }
    | KEYS,
    "intervals": {"date", "driver_number", "gap_to_leader", "interval"} | KEYS,
    "laps": {
        "date_start",
        "driver_number",
        "duration_sector_1",
        "duration_sector_2",
        "duration_sector_3",
        "i1_speed",
        "i2_speed",
        "is_pit_out_lap",
        "lap_duration",
        "lap_number",
        "segments_sector_1",
        "segments_sector_2",
        "segments_sector_3",
        "st_speed",
    }
    | KEYS,
    "meetings": {
        "circuit_image",
        "circuit_info_url",
        "circuit_type",
        "country_flag",
        "meeting_name",
        "meeting_official_name",
    }
    | PLACE,
    "sessions": {"session_key", "session_name", "session_type"} | PLACE,
    "overtakes": {"date", "overtaken_driver_number", "overtaking_driver_number", "position"} | KEYS,
    "pit": {"date", "driver_number", "lane_duration", "lap_number", "pit_duration", "stop_duration"} | KEYS,
    "position": {"date", "driver_number", "position"} | KEYS,
    "race_control": {
        "category",
        "date",
        "driver_number",
        "flag",
        "lap_number",
        "message",
        "qualifying_phase",
        "scope",
        "sector",
    }
    | KEYS,
    "session_result": {
        "dnf",
        "dns",
        "driver_number",
        "dsq",
        "duration",
        "gap_to_leader",
        "number_of_laps",
        "position",
    }
    | KEYS,
    "starting_grid": {"driver_number", "lap_duration", "position"} | KEYS,
    "stints": {"compound", "driver_number", "lap_end", "lap_start", "stint_number", "tyre_age_at_start"} | KEYS,
    "team_radio": {"date", "driver_number", "recording_url"} | KEYS,
    "weather": {
        "air_temperature",
        "date",
        "humidity",
        "pressure",
        "rainfall",
        "track_temperature",
        "wind_direction",
        "wind_speed",
    }
    | KEYS,
    "championship_drivers": {"driver_number"} | POINTS | KEYS,
    "championship_teams": {"team_name"} | POINTS | KEYS,
}
DRY, SPRINT, NEUTRALISED, WET = 990005, 990013, 990015, 990025  # the races of the default season
RACES = (DRY, SPRINT, NEUTRALISED, WET)


@pytest.fixture(scope="module")
def season():
    return Season()


@pytest.fixture(scope="module")
def ask(season):
    """ask(collection, **filters): rows as the client gets them."""
    asker = client(season)
    return lambda collection, **filters: asker.rows(collection, filters)


def when(text):
    return datetime.fromisoformat(text)


# -- one seed, one season


def test_a_season_is_the_same_whatever_is_asked_first():
    forwards, backwards = Season(seed=7), Season(seed=7)
    late = client(backwards).rows("laps", {"session_key": WET})
    for key in backwards.sessions:
        rows = client(forwards).rows("laps", {"session_key": key})
        assert rows == client(backwards).rows("laps", {"session_key": key})
    assert late == rows


def test_a_longer_season_begins_with_the_shorter_one(season, ask):
    longer = client(Season(races=5))
    assert longer.rows("laps", {"meeting_key": 900003}) == ask("laps", meeting_key=900003)
    assert len(longer.rows("meetings", {})) == 5


def test_another_seed_is_another_season(ask):
    other = client(Season(seed=2))
    assert other.rows("session_result", {"session_key": DRY}) != ask("session_result", session_key=DRY)


def test_seasons_have_one_to_twenty_four_races():
    longest = Season(races=24)
    assert len({weekend.circuit.name for weekend in longest.weekends}) == 24
    assert len(client(longest).rows("session_result", {"session_key": list(longest.sessions)[-1]})) == 20
    with pytest.raises(ValueError, match="1 to 24 races, not 25"):
        Season(races=25)


# -- complete, in OpenF1's form


def test_there_are_three_weekends_with_one_sprint_before_openf1_begins(ask):
    by_meeting = defaultdict(list)
    for row in ask("sessions", year=YEAR):
        by_meeting[row["meeting_key"]].append(row["session_name"])
        assert row["year"] == 2022
        assert when(row["date_end"]) < when("2023-01-01T00:00:00+00:00")
    usual = ["Practice 1", "Practice 2", "Practice 3", "Qualifying", "Race"]
    assert by_meeting == {
        900001: usual,
        900002: ["Practice 1", "Sprint Qualifying", "Sprint", "Qualifying", "Race"],
        900003: usual,
    }


def test_every_collection_has_exactly_openf1s_fields(ask):
    assert set(COLLECTIONS) == set(FIELDS)
    for collection, fields in FIELDS.items():
        more = {"driver_number": 12} if collection in SAMPLES else {}
        filters = {} if collection in ("meetings", "sessions") else {"session_key": 990004 if "grid" in collection else DRY}
        rows = ask(collection, **filters, **more)
        points = {"points"} if collection == "session_result" else set()  # races only
        assert all(row.keys() == fields | points for row in rows), collection
        assert rows
        for row in rows:
            dates = [row[name] for name in row.keys() & {"date", "date_start", "date_end"}]
            assert all(text.endswith("+00:00") for text in dates)


def test_twenty_cars_drive_in_ten_teams(ask):
    rows = ask("drivers", session_key=DRY)
    assert len({row["driver_number"] for row in rows}) == len({row["name_acronym"] for row in rows}) == 20
    assert set(Counter(row["team_name"] for row in rows).values()) == {2}


# -- wrong on purpose


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.description)
def test_every_quirk_shows_where_it_is_said_to_be(quirk, season, ask):
    session = next(s for s in season.sessions.values() if quirk.where(s) and BY_SESSION[quirk.collection](season, s))
    plain = BY_SESSION[quirk.collection](season, session)
    rows = [{name: row[name] for name in row.keys() - KEYS} for row in ask(quirk.collection, session_key=session.key)]
    assert sorted(map(repr, rows)) != sorted(map(repr, [dict(row) for row in plain]))
    assert len(rows) - len(plain) in (0, 1)


def test_rows_misbehave_by_nature_too(ask):
    practice, race = ask("laps", session_key=990001), ask("laps", session_key=DRY)
    outs = [lap for lap in practice if lap["is_pit_out_lap"]]
    assert all(lap["duration_sector_1"] is None for lap in outs)
    assert max(lap["lap_duration"] for lap in outs) > 300
    assert any(row["lane_duration"] is None for row in ask("pit", session_key=990001))
    assert sum(lap["lap_duration"] is None for lap in race) == 2
    assert "+1 LAP" in {row["gap_to_leader"] for row in ask("intervals", session_key=WET)}
    assert {row["throttle"] for row in ask("car_data", session_key=DRY, driver_number=12)} >= {0, 100, 104}
    first = ask("location", session_key=DRY, driver_number=12)[0]
    assert (first["x"], first["y"], first["z"]) == (0, 0, 0)


# -- true to its laws


def test_every_undisturbed_lap_follows_the_formula(season):
    truth = season.truth()
    laws, circuit, session = truth.laws, truth.circuits[900001], season.sessions[DRY]
    for car, laps in season.simulate(session).laps.items():
        team = next(row["team_name"] for row in client(season).rows("drivers", {"session_key": DRY, "driver_number": car}))
        pace = laws.team[team] + laws.driver[car] + truth.form[DRY][car]
        for lap in laps:
            tyre = laws.compounds[lap.compound]
            begin, end = laws.green["Race"]
            green = begin + (end - begin) * (lap.number - 1) / circuit.laps
            expected = circuit.base + pace + tyre.offset + tyre.slope * circuit.abrasion * lap.age
            expected += laws.fuel_effect * lap.fuel + green
            assert truth.undisturbed[DRY, car, lap.number] == pytest.approx(expected, abs=0.002)


def test_tyre_wear_can_be_found_again_in_the_rows():
    """Within each stint, laps in clear air, corrected for fuel and track: the slope on tyre age, by compound."""
    season = Season(races=9)
    truth, asker = season.truth(), client(season)
    sums = defaultdict(Counter)
    for round_number in (1, 5, 7, 9):  # dry races, where stints do not overlap
        weekend = season.weekends[round_number - 1]
        race, circuit = weekend.sessions["Race"].key, weekend.circuit
        laps = {(row["driver_number"], row["lap_number"]): row for row in asker.rows("laps", {"session_key": race})}
        for stint in asker.rows("stints", {"session_key": race}):
            points = []
            for number in range(max(3, stint["lap_start"] + 1), stint["lap_end"]):
                key = race, stint["driver_number"], number
                if truth.gaps.get(key, 9) > 2 and key not in truth.neutralised:
                    age = stint["tyre_age_at_start"] + number - stint["lap_start"]
                    known = given(truth, circuit, number)
                    points.append((age * circuit.abrasion, laps[key[1:]]["lap_duration"] - known))
            if len(points) >= 5:
                ages, times = (sum(values) / len(points) for values in zip(*points, strict=True))
                sums[stint["compound"]]["xy"] += sum((x - ages) * (y - times) for x, y in points)
                sums[stint["compound"]]["xx"] += sum((x - ages) ** 2 for x, _ in points)
    for compound in ("SOFT", "MEDIUM", "HARD"):
        slope = sums[compound]["xy"] / sums[compound]["xx"]
        assert slope == pytest.approx(truth.laws.compounds[compound].slope, abs=0.01)


def given(truth, circuit, number):
    """What fuel and track cost on a lap of a race: the assumption without which wear cannot be told."""
    begin, end = truth.laws.green["Race"]
    share = (number - 1) / circuit.laps
    return truth.laws.fuel_effect * truth.laws.fuel * (1 - share) + begin + (end - begin) * share


def test_the_truth_names_the_laps_that_were_not_clean(season, ask):
    truth = season.truth()
    assert {key[0] for key in truth.neutralised} == {NEUTRALISED}
    assert {key[0] for key in truth.wet} == {WET}
    laps = {(NEUTRALISED, r["driver_number"], r["lap_number"]): r["lap_duration"] for r in ask("laps", session_key=NEUTRALISED)}
    slow = {key for key, time in laps.items() if key[2] > 1 and time and time > truth.undisturbed[key] + 25}
    assert slow <= truth.neutralised
