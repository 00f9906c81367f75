"""How comparisons of one field combine, and what the database makes of them."""

import pytest

from api.openf1.predicates import combine

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("comparisons", "values", "ranges"),
    [
        ([("=", 4), ("=", 81), ("=", 4)], [4, 81], []),
        ([(">=", 4), ("<=", 7), (">=", 10), ("<=", 15)], [], [[(">=", 4), ("<=", 7)], [(">=", 10), ("<=", 15)]]),
        ([("<", 3), (">", 55)], [], [[(">", 55)], [("<", 3)]]),
        ([(">=", 3), (">=", 50)], [], [[(">=", 3)], [(">=", 50)]]),
        ([(">=", 5), (">=", 1), ("<=", 3), ("=", 9)], [9], [[(">=", 1), ("<=", 3)], [(">=", 5)]]),
        ([(">=", 1), (">=", 2), ("<=", 3)], [], [[(">=", 1), ("<=", 3)], [(">=", 2)]]),
        ([(">", 4), (">", 5), ("<", 5), ("<=", 5)], [], [[(">", 4), ("<=", 5)], [(">", 5), ("<", 5)]]),
        ([(">", 1), ("<", "B"), ("<", 3)], [], [[(">", 1), ("<", 3)], [("<", "B")]]),
    ],
)
def test_bounds_are_paired_smallest_lower_with_nearest_upper(comparisons, values, ranges):
    assert combine(comparisons) == (values, ranges)


def laps(get, question):
    return sorted({row["lap_number"] for row in get(f"laps?empty=list&{question}")})


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("lap_number=1&lap_number=3", [1, 3]),
        ("lap_number>=2&lap_number<=2", [2]),
        ("lap_number<2&lap_number>=3", [1, 3]),
        ("lap_number<2&lap_number>2", []),
        ("lap_number>1.5", [2, 3]),
        ("lap_number<2.5", [1, 2]),
        ("lap_number=2.0", [2]),
        ("lap_number=2.5", []),
        ("lap_number>=2.5", [3]),
        ("lap_number<=2.5", [1, 2]),
        ("lap_number>-1", [1, 2, 3]),
        ("lap_number<1e30", [1, 2, 3]),
        ("lap_number>1e30", []),
        ("lap_number=99999999999999999999", []),
        ("lap_number<inf", [1, 2, 3]),
        ("lap_number>inf", []),
        ("lap_number>-inf", [1, 2, 3]),
        ("lap_number<=-inf", []),
        ("lap_number=2&lap_number=99999999999999999999", [2]),
        ("lap_duration=91", [1]),
        ("lap_duration<inf", [1, 2, 3]),
        ("lap_duration>1e400", []),
        ("lap_duration>=91.5&st_speed<303", [2]),
        ("is_pit_out_lap=true", [1]),
        ("is_pit_out_lap=false", [2, 3]),
        ("is_pit_out_lap<true", [2, 3]),
        ("date_start=null", [1]),
        ("date_start=null&lap_number=2", []),
        ("date_start=null&date_start>=2024-03-02T15:04:30", [1, 3]),
        ("date_start=2024-03-02", [2, 3]),
        ("date_start>2024-03-02", []),
        ("date_start<=2024", []),
        ("date_start>=2024-03", [2, 3]),
        ("date_start=2024-03-02T15:03:00.001", [2]),
        ("session_key=9471", []),
        ("meeting_key=1229", [1, 2, 3]),
        ("segments_sector_1=2051", [2, 3]),
        ("segments_sector_1>2051", []),
        ("segments_sector_1=null", [1]),
        ("session_key=latest", [1, 2, 3]),
        ("session_key<latest", []),
    ],
)
def test_rows_that_match_are_found(weekend, get, question, found):
    assert laps(get, question) == found


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("gap_to_leader=0", [0]),
        ("gap_to_leader>=0", [0, 12.345]),
        ("gap_to_leader=%2B1%20LAP", ["+1 LAP"]),
        ("gap_to_leader=null", [None]),
        ("gap_to_leader<99999999999999999999", [0, 12.345]),
        ("gap_to_leader<inf", [0, 12.345]),
        ("gap_to_leader>%2B", ["+1 LAP"]),
        ("gap_to_leader=0&gap_to_leader=%2B1%20LAP", [0, "+1 LAP"]),
        ("gap_to_leader>12&gap_to_leader<Z&gap_to_leader>%2B", [12.345, "+1 LAP"]),
    ],
)
def test_numbers_and_texts_of_one_field_never_mix(weekend, get, question, found):
    assert [row["gap_to_leader"] for row in get(f"intervals?{question}")] == found


def test_a_list_matches_when_any_element_does(weekend, get):
    assert get("session_result?duration<89.5")[0]["duration"] == [90.5, 89.9, 89.179]
    assert get("session_result?duration<89").status_code == 404


def test_texts_are_compared_exactly_and_in_the_order_of_their_bytes(weekend, get):
    from drivers.models import Entry

    Entry.objects.create(session=weekend.qualifying, driver_number=3, name_acronym="ver")
    assert [row["name_acronym"] for row in get("drivers?name_acronym=VER")] == ["VER"]
    assert {row["name_acronym"] for row in get("drivers?name_acronym>=Z")} == {"ver"}


def test_null_is_in_no_range(weekend, get):
    assert {row["country_code"] for row in get("drivers?country_code>=A")} == {"NED", "MON"}
    assert [row["name_acronym"] for row in get("drivers?country_code=null")] == ["BOT"]
