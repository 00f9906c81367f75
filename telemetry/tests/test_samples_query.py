"""Conditions on samples: Arrow finds the rows that a loop in Python finds."""

import operator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from telemetry.models import CarSample
from telemetry.samples.files import make_table
from telemetry.samples.query import LOOKUPS, Condition, matching_rows

pytestmark = pytest.mark.once

START = datetime(2024, 3, 2, 15, 0, tzinfo=UTC)
TESTS = {
    "exact": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, choices: value in choices,
}
SAMPLES = [
    SimpleNamespace(
        date=START + timedelta(microseconds=250_001 * number),
        rpm=10_000 + 37 * number,
        speed=number % 331,
        n_gear=number % 9,
        throttle=None if number % 7 == 0 else number % 105,
        brake=100 if number % 5 == 0 else 0,
        drs=None if number % 3 == 0 else (0, 8, 12, 14)[number % 4],
    )
    for number in range(500)
]
VALUES = {
    "date": [
        START,
        START + timedelta(microseconds=250_001 * 77),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
    "rpm": [10_000, 10_037, 2**31 - 1, -(2**31)],
    "speed": [0, 300, 331, 2**15 - 1],
    "throttle": [0, 99, 104],
    "drs": [8, 12, 1],
}


@pytest.fixture(scope="module")
def table():
    return make_table(list(CarSample._meta.fields), SAMPLES)


def expected_rows(conditions):
    def meets(sample, condition):
        value = getattr(sample, condition.column)
        if condition.lookup == "isnull":
            return (value is None) == condition.value
        return value is not None and TESTS[condition.lookup](value, condition.value)

    return [number for number, sample in enumerate(SAMPLES) if all(meets(sample, one) for one in conditions)]


@pytest.mark.parametrize("lookup", LOOKUPS)
@pytest.mark.parametrize("column", VALUES)
def test_one_condition_selects_the_rows_that_meet_it(table, column, lookup):
    values = {"isnull": [True, False], "in": [VALUES[column], VALUES[column][:1]]}.get(lookup, VALUES[column])
    for value in values:
        condition = Condition(column, lookup, value)
        assert matching_rows(table, [condition]).tolist() == expected_rows([condition]), condition


def test_several_conditions_select_the_rows_that_meet_all(table):
    window = [Condition("date", "gte", START + timedelta(seconds=10)), Condition("date", "lt", START + timedelta(seconds=12))]
    assert matching_rows(table, window).tolist() == expected_rows(window) == [*range(40, 48)]
    fast = [*window, Condition("drs", "in", [8, 14]), Condition("throttle", "isnull", False)]
    assert 0 < len(expected_rows(fast)) < 8
    assert matching_rows(table, fast).tolist() == expected_rows(fast)


def test_without_conditions_every_row_is_selected(table):
    assert matching_rows(table, []).tolist() == [*range(500)]
