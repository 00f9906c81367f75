"""Dates in all spellings."""

from datetime import UTC, datetime

import pytest

from api.openf1.dates import bounds, parse_date

pytestmark = pytest.mark.once

NOW = datetime(2024, 6, 20, 12, 34, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-09-10T14:30:20", utc(2021, 9, 10, 14, 30, 20)),
        ("2021-09-10T14:30:20Z", utc(2021, 9, 10, 14, 30, 20)),
        ("2021-09-10T14:30:20.5Z", utc(2021, 9, 10, 14, 30, 20, 500_000)),
        ("2021-09-10T14:30:20.1234567Z", utc(2021, 9, 10, 14, 30, 20, 123_456)),
        ("2021-09-10T14:30:20+02:00", utc(2021, 9, 10, 12, 30, 20)),
        ("2021-09-10T14:30:20 02:00", utc(2021, 9, 10, 12, 30, 20)),
        ("2021-09-10 14:30:20+00:00", utc(2021, 9, 10, 14, 30, 20)),
        ("2021-09-10 14:30:20 00:00", utc(2021, 9, 10, 14, 30, 20)),
        ("2021-09-10 14:30:20 UTC", utc(2021, 9, 10, 14, 30, 20)),
        ("2021-09-10 14:30:20 EST", utc(2021, 9, 10, 14, 30, 20)),
        ("Fri Sep 10 14:30:20 2021", utc(2021, 9, 10, 14, 30, 20)),
        ("2023-03-05 13:30", utc(2023, 3, 5, 13, 30)),
        ("2021-09-10T10", utc(2021, 9, 10, 10)),
        ("20210910143020", utc(2021, 9, 10, 14, 30, 20)),
        ("2021-09-10T14:30:20+0200", utc(2021, 9, 10, 12, 30, 20)),
        ("2021-09-10T14:30:20 0200", utc(2021, 9, 10, 12, 30, 20)),
        ("2021-09-10T14:30 0530", utc(2021, 9, 10, 9)),
        ("10 September 14:30 2021", utc(2021, 9, 10, 14, 30)),
        ("2021.09.10 14:30", utc(2021, 9, 10, 14, 30)),
        ("10:30", utc(2024, 6, 20, 10, 30)),
    ],
)
def test_a_date_with_a_time_is_a_moment(text, moment):
    assert parse_date(text, now=NOW) == (moment, False)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2021-09-10", utc(2021, 9, 10)),
        ("09/10/2021", utc(2021, 9, 10)),
        ("09-10-2021", utc(2021, 9, 10)),
        ("10 September 2021", utc(2021, 9, 10)),
        ("Sep 10, 2021", utc(2021, 9, 10)),
        ("20210910", utc(2021, 9, 10)),
        ("2021.09.10", utc(2021, 9, 10)),
        ("2021.9.1", utc(2021, 9, 1)),
        ("2023", utc(2023, 1, 1)),
        ("2023-03", utc(2023, 3, 1)),
        ("March 2023", utc(2023, 3, 1)),
        ("Sep", utc(2024, 9, 1)),
        ("31 January", utc(2024, 1, 31)),
        ("MON", utc(2024, 6, 24)),
        ("Thu", utc(2024, 6, 20)),
        ("1-2-3", utc(2003, 1, 2)),
    ],
)
def test_a_date_without_a_time_is_a_day_and_missing_parts_are_the_first(text, day):
    assert parse_date(text, now=NOW) == (day, True)


@pytest.mark.parametrize(
    "text", ["", "soon", "5", "-5", "12.5", "1e3", "inf", "nan", "true", "99999-01-01", "2023-02-30", "30 Feb", "T", "+1 LAP"]
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError):
        parse_date(text, now=NOW)


@pytest.mark.parametrize("text", ["0001-01-01T00:00+05:00", "9999-12-31T23:00-05:00"])
def test_a_moment_beyond_the_calendar_is_refused(text):
    with pytest.raises(ValueError, match="out of range"):
        parse_date(text, now=NOW)


def test_a_day_is_whole():
    day, next_day = utc(2021, 9, 10), utc(2021, 9, 11)
    asked = {op: bounds(op, parse_date("2021-09-10", now=NOW)) for op in ("=", ">", ">=", "<", "<=")}
    assert asked == {
        "=": [(">=", day), ("<", next_day)],
        ">": [(">=", next_day)],
        ">=": [(">=", day)],
        "<": [("<", day)],
        "<=": [("<", next_day)],
    }


def test_a_moment_is_exact():
    assert bounds(">", parse_date("2021-09-10T00:00", now=NOW)) == [(">", utc(2021, 9, 10))]


def test_the_last_day_of_the_calendar_has_no_next():
    assert bounds("<=", parse_date("9999-12-31", now=NOW)) == [("<", datetime.max.replace(tzinfo=UTC))]
