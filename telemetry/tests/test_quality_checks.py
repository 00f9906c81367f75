"""Every check finds the fault it was made for, and nothing in rows that do not have it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from telemetry.quality import rows as kinds
from telemetry.quality.checks import CHECKS
from telemetry.quality.completeness import graded_feeds
from telemetry.quality.findings import Check
from telemetry.quality.measuring import FileRow, Measured, measure_arrays
from telemetry.quality.quirks import ABSORBED, QUIRKS
from telemetry.quality.session_rows import SessionRows
from telemetry.quality.surroundings import Surroundings, UnlistedRows
from telemetry.tests.quality import (
    IN_LAP,
    LAP,
    OUT_LAP,
    START,
    after,
    entry,
    message,
    piece,
    pit,
    practice,
    qualifying,
    race,
    result,
    session,
    stint,
    team_standing,
    venue,
    with_entry,
    with_lap,
    with_pit,
    with_result,
    with_standing,
    with_stint,
)

RED = [
    message("RED FLAG", 4.6, flag="RED", scope="Track"),
    message("RACE WILL RESUME AT 15:05", 4.7),
    message("CHEQUERED FLAG", 12.1, flag="CHEQUERED", scope="Track"),
]
CAR_DATA = FileRow(7, "car_data", 1, "car_data/session_id=9/driver_number=1.parquet", 4)


def sampled(**measures) -> SessionRows:
    """A race with a file of samples that measures like this."""
    rows = race(files=[CAR_DATA])
    rows.measured = [Measured(CAR_DATA, **measures)]
    return rows


def slow(car, number, rows=None):
    return with_lap(car, number, rows, lap_duration=120.0, duration_sector_3=60.0)


def last_laps_slow():
    rows = slow(1, 6)
    return slow(16, 6, rows)


def no_first_laps():
    rows = race()
    return replace(rows, laps=[lap for lap in rows.laps if lap.lap_number > 1])


def without_lap(car, number):
    rows = race()
    return replace(rows, laps=[lap for lap in rows.laps if (lap.driver_number, lap.lap_number) != (car, number)])


def without_out_laps(rows):
    return replace(rows, laps=[lap._replace(is_pit_out_lap=False) for lap in rows.laps])


def untimed_first_laps():
    lost = {"lap_duration": None, "duration_sector_1": None}
    return with_lap(1, 1, with_lap(16, 1, **lost), **lost)


FAST = {"lap_duration": 88.5, "duration_sector_1": 29.4, "duration_sector_2": 29.6, "duration_sector_3": 29.5}


def shifted():
    """A result whose columns were shifted: the winner's time is its gap, the second's gap its time."""
    return with_result(1, with_result(16, duration=0.6, gap_to_leader=None), duration=None, gap_to_leader=540.0)


def stopped_after_3_laps():
    rows = with_result(16, number_of_laps=3, duration=None, gap_to_leader=None)
    return replace(rows, laps=[lap for lap in rows.laps if lap.driver_number == 1 or lap.lap_number <= 3])


# {check: (rows with its fault, a part of what it says about them)}
FAULTS = {
    "first_lap_missing_for_all": (no_first_laps(), "Lap 1 is missing for all"),
    "first_laps_untimed": (untimed_first_laps(), "Lap 1 of 2 cars has no time, though they drove on"),
    "lap_numbers_skip": (without_lap(1, 5), "Car 1 has no lap 5 of 6"),
    "fewer_laps_than_result": (with_result(16, number_of_laps=7), "Car 16 has 6 laps; its result says 7"),
    "more_laps_than_result": (with_result(1, number_of_laps=5), "Car 1 has lap 6 after its finish"),
    "lap_time_could_be_known": (with_lap(1, 2, lap_duration=None), "no time, but sectors of 90.000 s"),
    "lap_time_missing": (with_lap(1, 2, lap_duration=None, duration_sector_1=None), "Car 1 has no time on lap 2"),
    "unfinished_laps": (with_lap(16, 6, lap_duration=None, duration_sector_3=None), "nobody finished or began on track: car 16"),
    "sector_time_missing": (with_lap(1, 2, duration_sector_1=None), "1 lap without a sector time (car/lap): 1/2"),
    "sectors_do_not_add_up": (with_lap(1, 2, lap_duration=90.1), "Lap 2 of car 1 takes +0.100 s"),
    "laps_run_backwards": (
        with_lap(1, 1, date_start=START + timedelta(minutes=30), lap_duration=90),
        "Lap 2 of car 1 began before lap 1",
    ),
    "laps_do_not_join": (
        with_lap(1, 3, date_start=START + timedelta(minutes=6, seconds=2)),
        "Lap 3 of car 1 began 2.0 s after lap 2 ended",
    ),
    "lap_start_missing": (with_lap(1, 1, date_start=None), "1 lap without a start (car/lap): 1/1"),
    "out_laps_on_lap_1": (with_lap(1, 1, is_pit_out_lap=True), "Lap 1 of 1 car is flagged"),
    "out_laps_at_restarts": (race(messages=RED), "2 out-laps under a red flag"),
    "speeds_missing": (with_lap(1, 2, i1_speed=None), "No speed at the first intermediate on 1 lap (8%)"),
    "slow_trap_speeds": (with_lap(1, 2, st_speed=59), "1 lap with a speed below 60"),
    "segments_missing": (with_lap(1, 2, segments_2="[2049,null]"), "Mini-sectors with null inside on 1 lap"),
    "impossible_laps": (
        with_lap(1, 2, duration_sector_1=None, lap_duration=60.0),
        "Lap 2 of car 1 took 60.000 s, which cannot be with sectors of null, ",
    ),
    "slow_laps": (slow(1, 5), "Lap 5 of car 1 took 120.000 s"),
    "slow_field": (last_laps_slow(), "2 laps over 107 %"),
    "giant_laps": (with_lap(1, 2, lap_duration=1048.0), "1 lap of up to 1048 s (car/lap): 1/2"),
    "lap_times_twice": (
        with_lap(16, 2, lap_duration=LAP, duration_sector_1=31.0, duration_sector_3=29.0),
        "Cars 1 and 16 both took 90.000 s",
    ),
    "laps_twice": (with_lap(16, 2, lap_duration=LAP, duration_sector_3=30.0), "Cars 1 and 16 have the very same lap 2"),
    "lap_repeats_an_earlier_one": (
        with_lap(1, 2, with_lap(1, 3, **FAST), **FAST),
        "Lap 3 of car 1 repeats lap 2 in time, sectors and speeds",
    ),
    "stint_bounds_missing": (with_stint(16, 1, lap_start=None, lap_end=None), "No first or last lap on car 16 in stint 1"),
    "stint_reversed": (with_stint(1, 2, lap_start=6, lap_end=5), "Stint 2 of car 1 runs backwards, from lap 6 to 5"),
    "stints_overlap": (with_stint(1, 2, lap_start=2), "begins on lap 2, the one before ends on lap 3"),
    "stints_leave_a_gap": (with_stint(1, 2, lap_start=5), "begins on lap 5, the one before ends on lap 3"),
    "laps_without_stint": (with_stint(1, 2, lap_end=5), "Car 1 has no stint for 1 lap: 6"),
    "stints_share_a_lap": (with_stint(1, 2, lap_start=IN_LAP), "1 stint of 4 begin on the lap"),
    "stint_numbers_skip": (with_stint(1, 2, stint_number=3), "Car 1 has stints 1 and 3"),
    "stint_after_last_lap": (
        race(stints=[*race().stints, stint(1, 3, lap_start=7, lap_end=9)]),
        "Stint 3 of car 1 begins on lap 7",
    ),
    "stint_beyond_last_lap": (with_stint(1, 2, lap_end=8), "Stint 2 of car 1 ends on lap 8; the car's last is 6"),
    "compound_unknown": (with_stint(1, 2, tyre_compound="TEST_UNKNOWN"), "1 stint on unknown tyres (car/stint): 1/2"),
    "rain_tyres_of_one_car": (with_stint(1, 2, tyre_compound="WET"), "Stint 2 of car 1 is on WET; no other car of the 2"),
    "tyre_age_missing": (with_stint(1, 2, tyre_age_at_start=None), "1 stint on tyres of unknown age (car/stint): 1/2"),
    "tyres_too_old": (with_stint(1, 1, tyre_age_at_start=41), "begins on tyres of 41 laps"),
    "tyre_age_falls": (
        without_out_laps(with_stint(1, 2, race(pits=[]), tyre_compound="MEDIUM", tyre_age_at_start=1)),
        "tyres of car 1 are 3 laps old before lap 4, and 1 by the stint",
    ),
    "compound_changes_without_stop": (without_out_laps(race(pits=[])), "Car 1 goes from MEDIUM to HARD on lap 4"),
    "pit_twice_on_a_lap": (race(pits=[pit(1), pit(1, pk=2)]), "Car 1 has 2 pit rows on lap 3"),
    "pit_duration_missing": (with_pit(1, pit_duration=None, lane_duration=None), "No duration on 1 of 2 pit rows"),
    "pit_over_300_seconds": (with_pit(1, pit_duration=301.0, lane_duration=301.0), "1 of 2 pit rows over 300 s"),
    "pit_lap_missing": (with_pit(1, lap_number=None), "1 pit row without a lap: cars 1"),
    "pit_durations_disagree": (with_pit(1, lane_duration=23.5), "22.5 s by one name, 23.5 s by the other"),
    "pit_without_out_lap": (with_lap(1, OUT_LAP, is_pit_out_lap=False), "was in the pits on lap 3; lap 4 is no out-lap"),
    "out_lap_without_pit": (race(pits=[pit(16)]), "Lap 4 of car 1 is an out-lap without a pit row"),
    "stops_without_new_stint": (
        race(pits=[*race().pits, pit(1, pk=3, lap_number=5)]),
        "1 visit to the pits without a new stint (car/lap): 1/5",
    ),
    "visits_without_stop": (
        race(
            stints=[kinds.StintRow(car, car, 1, 1, 6, "MEDIUM", 0) for car in (1, 16)],
            pits=[pit(car, stop_duration=None) for car in (1, 16)],
            messages=[
                *race().messages,
                message("SAFETY CAR DEPLOYED", 6),
                message("TRACK CLEAR", 9, flag="CLEAR", scope="Track"),
            ],
        ),
        "2 visits to the pit lane without a stop, transit behind the safety car (car/lap): 1/3 and 16/3",
    ),
    "driver_incomplete": (with_entry(16, team_name=None, last_name=None), "Car 16 (Bea BETA) has no last name and team"),
    "entry_names_two_people": (with_entry(16, first_name="Max", last_name="Other"), "Car 16 is Bea BETA and Max Other at once"),
    "number_sent_for_two_people": (
        race(rejects=[kinds.RejectRow("drivers", {"driver_number": 16, "full_name": "Cleo GAMMA"})]),
        "Car 16 is stored as Bea BETA; upstream also sent Cleo GAMMA",
    ),
    "person_in_two_cars": (race(entries=[*race().entries, entry(2, driver_id="ada_alpha")]), "has cars 1 and 2"),
    "more_cars_than_a_grid": (race(entries=[entry(car) for car in range(1, 28)]), "27 entries; a grid has 26 at most"),
    "car_without_entry": (race(entries=[entry(1)]), "No entry has number 16, which is in laps, stints, pit, session_result"),
    "details_missing": (with_entry(16, headshot_url=None), "No portrait for 1 of 2 drivers"),
    "number_of_several_people": (
        race(surroundings=Surroundings(number_users={(2024, 16): {"bea_beta", "cleo_gamma"}})),
        "Number 16 is bea_beta here, and cleo_gamma elsewhere",
    ),
    "number_changed": (race(surroundings=after(driver_number=41)), "Ada ALPHA: number 41 before, 1 here"),
    "acronym_changed": (race(surroundings=after(name_acronym="ADA")), "Ada ALPHA: acronym ADA before, ALP here"),
    "team_changed": (race(surroundings=after(team_name="Old")), "Ada ALPHA: team Old before, Team here"),
    "team_colour_changed": (race(surroundings=after(team_colour="aabbcc")), "Team: colour aabbcc before, AABBCC here"),
    "person_under_two_names": (
        race(surroundings=Surroundings(duplicates={"ada_alpha": "ada_b_alpha"})),
        "ada_alpha is probably the same person as ada_b_alpha",
    ),
    "result_positions_repeat": (with_result(16, position=1), "Cars 1 and 16 share place 1"),
    "grid_positions_repeat": (qualifying(grid=[kinds.GridRow(1, 1, 1), kinds.GridRow(2, 16, 1)]), "Cars 1 and 16 share place 1"),
    "result_of_wrong_kind": (with_result(16, duration=[90.0, None]), "The duration of car 16 is a list in a Race"),
    "points_outside_races": (with_result(16, practice(), points=1.0), "1 car with points"),
    "car_without_result": (race(results=[result(1)]), "Car 16 has no result"),
    "grid_not_with_qualifying": (race(grid=[kinds.GridRow(1, 1, 1)]), "Race has a starting grid of its own"),
    "standings_incomplete": (race(team_standings=[team_standing(points_current=None)]), "1 of 1 row of championship_teams"),
    "result_columns_shifted": (shifted(), "Car 1 (P1) has the time none and the gap 540.000 s"),
    "result_order_contradicts_itself": (
        with_result(16, duration=539.0, gap_to_leader=-1.0),
        "Car 16 (P2) took 539.000 s, car 1 before it 540.000 s",
    ),
    "result_time_against_laps": (with_result(16, duration=543.6, gap_to_leader=3.6), "543.600 s by its result and 540.600 s"),
    "result_places_skip": (with_result(16, position=3), "Nobody has place 2 of 3"),
    "not_started_but_drove": (
        with_result(16, dns=True, position=None),
        "Car 16 did not start (DNS), but has 6 laps and 2 stints",
    ),
    "out_early_but_classified": (
        stopped_after_3_laps(),
        "Car 16 is P2 after 3 of 6 laps and not marked as retired; 5 are needed",
    ),
    "last_places_repeat": (
        race(last_places=[kinds.LastPlace(1, 1, 1), kinds.LastPlace(2, 16, 1)]),
        "Cars 1 and 16 both end in place 1 by position, nobody in 2",
    ),
    "result_changed_after_the_flag": (
        race(last_places=[kinds.LastPlace(1, 1, 2), kinds.LastPlace(2, 16, 1)]),
        "Classified elsewhere than they finished: 1 (P2 to P1) and 16 (P1 to P2)",
    ),
    "result_without_position": (with_result(16, position=None), "Car 16 has no place, and is not marked DNF"),
    "disqualified_but_placed": (with_result(1, dsq=True), "Disqualified, and with a place: car 1 (P1)"),
    "result_laps_against_gap": (with_result(16, number_of_laps=5), "Car 16 (P2) has the gap 0.6 and 5 laps; the winner drove 6"),
    "points_do_not_fit_the_place": (with_result(16, points=10.0), "car 16 (P2) has 10"),
    "several_fastest_laps": (
        with_result(1, with_result(16, points=19.0), points=26.0),
        "Cars 1 and 16 all have the point of the fastest lap",
    ),
    "standings_do_not_add_up": (
        with_standing(16, points_current=19),
        "The standing of car 16 goes from 0 to 19 points; the result gives 18",
    ),
    "standings_do_not_continue": (
        race(surroundings=Surroundings(points_before={(500, "championship_drivers"): {"ada_alpha": 8.0}})),
        "Car 1 begins with 7 points, and had 8 after the race before",
    ),
    "standings_out_of_order": (
        with_standing(1, with_standing(16, position_current=1), position_current=2),
        "In championship_drivers car 1 is P2 with 32 points, behind car 16 with 18",
    ),
    "session_id_out_of_order": (race(surroundings=Surroundings(before={500: 9000})), "has the greater ID 9000"),
    "sprint_filed_as_race": (race(session=session(session_name="Sprint")), "Sprint has session_type Race"),
    "session_name_unusual": (qualifying(session=session(session_name="Sprint Shootout")), '"Sprint Shootout" is not what'),
    "place_spelt_differently": (
        race(surroundings=venue(country_name="Elsewhere")),
        "country_name is Somewhere; it was Elsewhere",
    ),
    "blanks_around_names": (race(session=session(race__official_name="NAME ")), "Blanks around official_name"),
    "gmt_offset_missing": (race(session=session(gmt_offset=None)), "gmt_offset is missing"),
    "session_without_rows": (SessionRows(session(), Surroundings(), START + timedelta(days=1)), "Nothing is stored"),
    "two_places_at_once": (race(places_twice=[kinds.Twice(START, 16, 3, 4)]), "1 moment with two places of a car"),
    "car_without_place": (race(counts={**race().counts, "position": {1: 1}}), "No position of car 16"),
    "weather_has_gaps": (race(weather=[w for w in race().weather if w.pk not in range(1, 8)]), "No weather for 8 minutes"),
    "weather_of_another_session": (
        race(weather=[*race().weather, kinds.WeatherRow(99, START + timedelta(hours=20))]),
        "1 measurement from over two hours",
    ),
    "messages_without_car": (race(messages=[*race().messages, message("CAR 1 NOTED", 5)]), "1 message about cars without"),
    "messages_undated": (race(messages=[*race().messages, message("DRS ENABLED", date=None)]), "1 message without a date"),
    "messages_repeat": (
        race(messages=[*race().messages, message("DRS ENABLED", 3), message("DRS ENABLED", 3, category="Drs")]),
        "1 message said more than once",
    ),
    "neutralisation_end_inferred": (
        race(messages=[*race().messages, message("RED FLAG", 4.6, flag="RED", scope="Track")]),
        "No message ends the red flag of 14:04:36; inferred from racing laps, it ends at 14:06:00",
    ),
    "yellow_flag_end_inferred": (
        race(messages=[*race().messages, message("YELLOW IN TRACK SECTOR 4", 5, flag="YELLOW", scope="Sector", sector=4)]),
        "1 yellow flag without an end, inferred as 400 s after the start: 14:05:00 in sector 4",
    ),
    "neutralisation_without_end": (
        replace(last_laps_slow(), messages=[*race().messages, message("SAFETY CAR DEPLOYED", 10.3)]),
        "Nothing ends the safety car of 14:10:18: 2 laps after it count as driven under it",
    ),
    "neutralisations_unknown": (race(messages=[]), "flags, safety cars and deleted laps are unknown for 12 laps"),
    "deleted_lap_not_found": (
        race(messages=[*race().messages, message("CAR 1 (ALP) TIME 1:32.100 DELETED - TRACK LIMITS AT TURN 4 LAP 2", 9)]),
        "1 message about the time of a lap that no lap of the car has",
    ),
    "sample_file_missing": (sampled(there=False), "The car_data of car 1 is gone: car_data/session_id=9/driver_number=1.parquet"),
    "sample_file_damaged": (
        sampled(there=False, damage="is damaged: it is empty"),
        "The car_data of car 1, car_data/session_id=9/driver_number=1.parquet, is damaged: it is empty",
    ),
    "samples_with_gaps": (sampled(gaps=((START, 89.0), (START, 6.0))), "2 gaps over 5 s in the car_data of car 1"),
    "samples_without_data": (sampled(empty={"throttle": 0.21, "brake": 0.2}), "No throttle in 21% of the samples of car 1"),
    "samples_with_odd_codes": (sampled(odd={"drs": [11, 13]}), "Car 1 has drs 11 and 13"),
    "samples_repeat": (sampled(repeated=3), "3 samples in car_data of 1 car repeat a moment"),
    "location_jumps": (sampled(jumps=(400, 50_000.0)), "The position of car 1 jumps 400 times by up to 50.0 km"),
    "laps_without_samples": (
        sampled(first=START, last=START + timedelta(minutes=8)),
        "No car_data of car 1 on laps 5 and 6",
    ),
    "intervals_break_off": (
        race(laps_without_intervals=[kinds.BareLap(104, 1, 4), kinds.BareLap(105, 1, 5)]),
        "No intervals at the start of 2 laps of the winner (car 1): 4 and 5",
    ),
    "values_outside_limits": (
        race(surroundings=Surroundings(outside={500: [kinds.OutsideRow(7, "laps", "i1_speed", 99_999, 1, 3)]})),
        "1 row of laps with i1_speed outside 0 to 450: 99999 (car 1, lap 3)",
    ),
    "texts_unknown": (
        race(surroundings=Surroundings(outside={500: [kinds.OutsideRow(7, "stints", "tyre_compound", "C3", 1, None)]})),
        "1 row of stints with tyre_compound that is not known: 'C3' (car 1)",
    ),
    "texts_misshapen": (
        race(surroundings=Surroundings(outside={500: [kinds.OutsideRow(7, "drivers", "team_colour", "red", 1, None)]})),
        "1 row of drivers with team_colour that is not six hexadecimal digits without #: 'red' (car 1)",
    ),
    "samples_outside_limits": (sampled(outside={"speed": 2}), "Car 1 has 2 samples of speed outside the possible values"),
    "rewritten_by_upstream": (race(pieces=[piece("laps", updated=3), piece("laps")]), "since they were first stored: 3 of laps"),
    "no_longer_sent": (race(pieces=[piece("laps", vanished=3, pruned=1)]), "no longer sends rows stored here: 2 of laps"),
    "rows_refused": (race(pieces=[piece("laps", rejected=3)]), "could not be stored: 3 of laps"),
    "rows_sent_twice": (race(pieces=[piece("race_control", folded=71)]), "more than once: 71 of race_control"),
    "corrections_in_conflict": (
        race(corrections=[kinds.CorrectionRow("laps", "lap_duration", "conflict")]),
        "1 correction in conflict with upstream",
    ),
    "rows_of_unlisted_sessions": (
        race(
            surroundings=Surroundings(
                unlisted={50: [UnlistedRows(98, "laps", 9), UnlistedRows(99, "laps", 1), UnlistedRows(99, "pit", 2)]},
                first_sessions={50: 500},
            )
        ),
        "12 rows of this weekend (10 of laps and 2 of pit) belong to sessions 98 and 99, which upstream does not list",
    ),
    "session_not_listed": (race(session=session(listed=False)), "Upstream no longer lists this session"),
    "race_not_listed": (race(session=session(race__listed=False)), "Upstream lists this session, but not its race weekend"),
    "fields_without_values": (race(pits=[pit(car, stop_duration=None) for car in (1, 16)]), "pit: no row has stop_duration"),
}


def by_name(name) -> Check:
    return next(check for check in CHECKS if check.name == name)


def test_every_check_is_tested_and_every_test_is_of_a_check():
    assert [check.name for check in CHECKS] == list(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_finds_its_fault(name):
    rows, said = FAULTS[name]
    findings = list(by_name(name)(rows))
    assert findings, f"{name} found nothing"
    assert said in findings[0].message
    assert findings[0].severity == by_name(name).severity


@pytest.mark.parametrize("sound", [race(), practice(), qualifying()], ids=["race", "practice", "qualifying"])
def test_nothing_is_found_where_nothing_is_wrong(sound):
    assert [finding.message for check in CHECKS for finding in check(sound)] == []


def test_every_check_says_what_fault_it_was_made_for():
    assert [check.name for check in CHECKS if len(check.description) < 20] == []
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_every_known_fault_is_looked_for_by_a_check_or_known_never_to_have_been_provided():
    named = {quirk for check in CHECKS for quirk in check.quirks} | {
        gap.quirk for feed in graded_feeds() for gap in feed.grader.gaps if gap.quirk
    }
    assert named == set(QUIRKS)
    assert not set(QUIRKS) & set(ABSORBED)


# --- what is no fault -------------------------------------------------------------------------------------------------


def found(name, rows):
    return [finding.message for finding in by_name(name)(rows)]


def test_a_shared_lap_is_no_overlap():
    assert found("stints_overlap", with_stint(1, 2, lap_start=IN_LAP)) == []


def test_the_unfinished_lap_of_a_retired_car_lacks_neither_a_time_nor_a_stint():
    rows = with_lap(16, 6, with_stint(16, 2, lap_end=5), lap_duration=None, duration_sector_2=None, duration_sector_3=None)
    rows = with_result(16, rows, number_of_laps=5, dnf=True, position=None)
    assert found("lap_time_missing", rows) == []
    assert found("laps_without_stint", rows) == []
    assert found("more_laps_than_result", rows) == []


def test_a_slow_lap_under_a_yellow_flag_or_on_wet_tyres_is_explained():
    yellow = [message("YELLOW IN TRACK SECTOR 4", 9.5, flag="YELLOW", scope="Sector", sector=4)]
    assert found("slow_laps", replace(slow(1, 5), messages=yellow)) == []
    assert found("slow_laps", with_stint(1, 2, slow(1, 5), tyre_compound="INTERMEDIATE")) == []


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (9.675, "which cannot be with sectors of null, null and null"),
        (80.0, "far less than the field's fifth best lap of 90.000 s"),
    ],
)
def test_a_lap_that_is_far_too_short_is_named_and_makes_no_other_lap_slow(seconds, reason):
    rows = with_lap(1, 2, duration_sector_1=None, duration_sector_2=None, duration_sector_3=None, lap_duration=seconds)
    assert found("impossible_laps", rows) == [f"Lap 2 of car 1 took {seconds:.3f} s, {reason}."]
    assert found("slow_laps", rows) == found("slow_field", rows) == []


def test_slow_laps_are_no_fault_outside_races():
    assert found("slow_laps", slow(1, 5, practice())) == []
    assert found("giant_laps", with_lap(1, 2, practice(), lap_duration=2115.9)) == []


def test_an_out_lap_of_practice_may_lack_a_sector():
    assert found("sector_time_missing", with_lap(1, OUT_LAP, practice(), duration_sector_1=None)) == []
    assert found("sector_time_missing", with_lap(1, OUT_LAP, duration_sector_1=None)) != []


def test_tyres_may_get_younger_in_a_stop():
    rows = with_stint(1, 2, tyre_compound="MEDIUM", tyre_age_at_start=1)
    assert found("tyre_age_falls", rows) == []


def test_without_laps_a_stint_may_hold_the_unfinished_lap_that_the_result_does_not_count():
    stints = [*race().stints, stint(1, 3, lap_start=7, lap_end=7, tyre_compound="SOFT", tyre_age_at_start=0)]
    rows = race(laps=[], stints=stints, pits=[*race().pits, pit(1, lap_number=6)])
    assert found("stint_after_last_lap", rows) == []
    assert found("stint_after_last_lap", replace(rows, pits=[])) == []
    without_stop = replace(rows, pits=race().pits)  # 9140/16, and 9464/14, told as a change of tyres without a stop
    assert found("stint_after_last_lap", without_stop) == ["Stint 3 of car 1 begins on lap 7, after the car's last, 6."]
    assert found("compound_changes_without_stop", without_stop) == found("tyre_age_falls", without_stop) == []
    assert found("stint_after_last_lap", with_stint(1, 3, rows, lap_start=8, lap_end=9)) != []


def test_rain_tyres_are_odd_on_one_car_of_a_race_only():
    one = with_stint(1, 2, tyre_compound="WET")
    assert found("rain_tyres_of_one_car", with_stint(16, 1, one, tyre_compound="INTERMEDIATE")) == []
    assert found("rain_tyres_of_one_car", replace(practice(), stints=one.stints)) == []


def test_a_lapped_car_has_a_text_for_a_gap():
    assert found("result_of_wrong_kind", with_result(16, gap_to_leader="+1 LAP")) == []


def test_one_slip_in_the_laps_of_a_result_makes_no_other_car_stop_early():
    results = [
        result(car, number_of_laps=60 if car == 3 else 6, position=car, duration=540.0 + car, gap_to_leader=car - 1)
        for car in (1, 2, 3)
    ]
    assert found("out_early_but_classified", race(results=results)) == []
    assert found("result_laps_against_gap", race(results=results)) == [
        "Car 3 (P3) has the gap 2 and 60 laps; the winner drove 6."
    ]


def test_stationary_times_are_not_missed_before_there_were_any():
    pits = [pit(car, stop_duration=None) for car in (1, 16)]
    assert found("fields_without_values", race(pits=pits, session=session(date_start=datetime(2024, 9, 1, tzinfo=UTC)))) == []


def test_only_the_newest_sync_tells_what_upstream_no_longer_sends():
    assert found("no_longer_sent", race(pieces=[piece("laps", vanished=3), piece("laps")])) == []


# --- samples ----------------------------------------------------------------------------------------------------------


def channels(seconds, **values):
    date = np.datetime64("2024-11-03T14:00:00", "us") + (np.array(seconds) * 1e6).astype("timedelta64[us]")
    return {"date": date, **{name: np.array(value, dtype=float) for name, value in values.items()}}


def test_samples_are_measured():
    car = channels(
        [0, 0.25, 0.25, 9.25], throttle=[np.nan, 0, 0, 100], brake=[0, 0, 0, 100], n_gear=[0, 8, 9, np.nan], drs=[0, 8, 11, 14]
    )
    measured = measure_arrays(CAR_DATA, car)
    assert measured.gaps == ((START + timedelta(seconds=0.25), 9.0),)
    assert measured.repeated == 1
    assert measured.empty == {"throttle": 0.25, "brake": 0.0}
    assert measured.odd == {"n_gear": [9], "drs": [11]}


def test_a_car_at_the_origin_has_no_position():
    place = channels([0, 1, 2, 3], x=[0, 0, 0, 5], y=[0, 0, 7, 5], z=[0, 0, 0, 1])
    assert measure_arrays(CAR_DATA._replace(collection="location"), place).empty == {"position": 0.5}


LOCATION = CAR_DATA._replace(collection="location")


def test_a_position_that_jumps_50_km_every_second_sample_is_impossible():
    seconds = np.arange(40) / 4
    x = 1000 + 500 * seconds  # 50 m/s, in tenths of a metre
    car = channels(seconds, x=np.where(np.arange(40) % 2, x + 500_000, x), y=x, z=x)
    number, longest = measure_arrays(LOCATION, car).jumps
    assert number == 39
    assert 49_900 < longest < 50_100


def test_the_way_of_a_fast_car_through_a_gap_is_possible_and_so_is_its_leaving_the_origin():
    seconds = [0, 1, 2, 12, 13, 14]
    car = channels(seconds, x=[0, 0, 90_000, 99_000, 99_900, 100_800], y=[0] * 6, z=[0] * 6)
    assert measure_arrays(LOCATION, car).jumps == (0, 0.0)


def test_one_jump_alone_is_a_position_that_was_late():
    assert found("location_jumps", sampled(jumps=(1, 784.0))) == []


def test_a_lap_inside_a_gap_of_the_samples_has_none():
    def at(lap):
        return START + timedelta(minutes=3, seconds=(lap - 1) * LAP)

    rows = sampled(first=START, last=at(7), gaps=((at(3) - timedelta(seconds=1), LAP + 2),))
    assert "on lap 3:" in found("laps_without_samples", rows)[0]
    assert found("laps_without_samples", sampled(first=START, last=at(7), gaps=((at(3) + timedelta(seconds=1), LAP),))) == []


def test_laps_repeat_only_where_the_speeds_do_too():
    assert found("lap_repeats_an_earlier_one", with_lap(1, 2, with_lap(1, 3, st_speed=311, **FAST), **FAST)) == []
    unknown = {"i1_speed": None, "i2_speed": None, "st_speed": None}
    assert found("lap_repeats_an_earlier_one", with_lap(1, 2, with_lap(1, 3, **unknown, **FAST), **FAST)) == []


def test_a_first_lap_that_one_car_lacks_is_not_the_field_s():
    rows = with_lap(1, 1, lap_duration=None, duration_sector_1=None)
    assert found("lap_time_missing", rows) == ["Car 1 has no time on lap 1."]
    assert found("first_laps_untimed", rows) == []
    assert found("unfinished_laps", untimed_first_laps()) == []
    assert found("lap_time_missing", untimed_first_laps()) == []


def test_values_that_no_result_can_have_end_no_check():
    for value in (10**400, -5, True, {"a": 1}, [], "1 LAP", ""):
        rows = with_result(16, duration=value, gap_to_leader=value, position=0, number_of_laps=0, points=-1e300)
        assert [check.name for check in CHECKS for _ in check(rows)]
    negative = {"lap_duration": -90.0, "duration_sector_1": -30.0, "duration_sector_2": -30.0, "duration_sector_3": -30.0}
    rows = with_result(16, points=0.0)
    rows.laps = [row._replace(**negative) for row in rows.laps]
    assert found("points_do_not_fit_the_place", rows) != []


def test_penalties_explain_a_race_time():
    assert found("result_time_against_laps", with_result(16, duration=550.6, gap_to_leader=10.6)) == []


def test_a_retired_car_has_no_place_to_lose():
    rows = with_result(16, stopped_after_3_laps(), position=None, dnf=True)
    assert found("out_early_but_classified", rows) == []
    assert found("result_places_skip", rows) == []


def test_a_file_that_is_gone_is_no_crash(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    assert [measured.there for measured in race(files=[CAR_DATA]).measured] == [False]


NINES = "9" * 5_000  # more digits than Python reads as a number


@pytest.mark.parametrize(
    "rows",
    [
        race(rejects=[kinds.RejectRow("drivers", {"driver_number": [16], "full_name": "Cleo GAMMA"})]),
        race(rejects=[kinds.RejectRow("drivers", {"driver_number": {"a": 1}, "full_name": "Cleo GAMMA"})]),
        race(rejects=[kinds.RejectRow("drivers", {"driver_number": 16, "full_name": ["Cleo GAMMA"]})]),
        race(rejects=[kinds.RejectRow("drivers", {"driver_number": 16, "full_name": 5})]),
        with_result(16, gap_to_leader=f"+{NINES} LAPS"),
        replace(race(), messages=[*race().messages, message(f"CAR 16 (BEA) TIME {NINES}:32.100 DELETED - LAP {NINES}", 5)]),
        replace(race(), messages=[*race().messages, message(f"CAR {NINES} (BEA) TIME 1:32.100 DELETED", 5)]),
        replace(race(), messages=[*race().messages, message(f"RACE WILL RESUME AT {NINES[:2]}:{NINES[:2]}", 5)]),
    ],
    ids=range(8),
)
def test_no_odd_value_ends_a_check(rows):
    for check in CHECKS:
        assert all(finding.message for finding in check(rows))
