"""Generated questions, put to the recorded OpenF1 and to this site holding the same rows: the answers are the same, row by row,
in order, apart from the differences listed in `differences`."""

import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from dateutil.parser import UnknownTimezoneWarning
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.openf1 import dates
from api.openf1.catalogue import find_collection
from api.openf1.differences import DIFFERENCES
from api.tables.columns import Column
from mirror.feeds import registry

OPERATORS = ["=", ">=", "<=", ">", "<"]
REFUSED = "refused"  # here, with a 400
SEVERAL_CARS = ("car_data", "location")


class Term(NamedTuple):
    """One comparison of a question, and how it is sent."""

    column: Column
    op: str
    written: str
    spelling: str  # "plain", "encoded" or "in the name"

    @property
    def text(self) -> str:
        """The value as it arrives: an unescaped plus in a date is a space."""
        return self.written.replace("+", " ") if self.spelling == "plain" and self.column.is_datetime else self.written

    @property
    def meant(self) -> str:
        """The operator as it arrives: a name that ends in `>` and the `=` of the parameter are `>=`."""
        return f"{self.op}=" if self.spelling == "in the name" and self.op in "<>" and self.text else self.op

    def sent(self) -> str:
        name = self.column.name
        if self.spelling == "in the name":
            return f"{quote(name + self.op)}={quote(self.written)}"
        if self.spelling == "encoded":
            return f"{quote(name + self.op, safe='=' if self.op == '=' else '')}{quote(self.written)}"
        return f"{name}{self.op}{quote(self.written, safe='/:,+' if self.column.is_datetime else '/:,')}"


# Spellings of values


def spellings_of(value: Any) -> st.SearchStrategy[str]:
    """Ways to write a value, values near it, and the value of another kind."""
    if isinstance(value, bool):
        return st.sampled_from(["true", "false", "True", "FALSE", "1"])
    if isinstance(value, int | float):
        return st.sampled_from(
            [str(value), repr(float(value)), f"{value:+}", f"0{value}", f"{value:e}", str(value + 1), str(value - 0.5)]
        )
    if isinstance(value, list):
        return st.sampled_from([str(item) for item in value if item is not None] or ["2049"])
    text = str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return st.sampled_from([text, text.lower(), text[:1], text + "z"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return st.sampled_from([*date_spellings(moment), *date_spellings(moment + timedelta(seconds=1))])


def date_spellings(moment: datetime) -> list[str]:
    local = moment + timedelta(hours=2)
    formats = [
        "%Y-%m-%d",
        "%m/%d/%Y",
        "%m-%d-%Y",
        "%d %B %Y",
        "%b %d, %Y",
        "%a %b %d %H:%M:%S %Y",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%dT%H:%M:%SZ",
    ]
    formats += [
        "%Y-%m-%dT%H:%M:%S.%fZ",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y-%m-%d %H:%M:%S EST",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m",
        "%Y",
        "%Y%m%d",
    ]
    formats += ["%Y-%m-%d %H:%M", "%B", "%B %Y"]
    local_formats = ["%Y-%m-%dT%H:%M:%S+02:00", "%Y-%m-%dT%H:%M:%S.%f+0200", "%Y-%m-%d %H:%M:%S+02:00"]
    return [moment.strftime(f) for f in formats] + [local.strftime(f) for f in local_formats]


WORDS = ["VER", "MON", "SAT", "April", "true", "+1 LAP", "a>=b"]
ODD = [*WORDS, "1-2-3", "10:30", "1", "2023", "1e2", "inf", "nan", "1,3", "007", "1_0"]


@st.composite
def questions(draw, store) -> tuple[str, list[Term]]:
    """(collection, comparisons), most about values that there are."""
    collection = find_collection(draw(st.sampled_from([*registry()])))
    assert collection
    rows = store.load(collection.name)
    row = draw(st.sampled_from(rows)) if rows else {}
    terms = []
    names = draw(st.lists(st.sampled_from([*collection.columns]), min_size=1, max_size=3, unique=True))
    if "session_key" in collection.columns and draw(st.booleans()):
        names = ["session_key", *(name for name in names if name != "session_key")]
    for name in names:
        column = collection.columns[name]
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 4]))):
            known = row.get(name) if draw(st.integers(0, 9)) else None
            if name in ("session_key", "meeting_key") and not draw(st.integers(0, 9)):
                text = "latest"
            elif known is None:
                text = draw(st.sampled_from(ODD))
            else:
                text = draw(spellings_of(known))
            operator = draw(st.sampled_from(["=", *OPERATORS]))
            spellings = ["plain", "encoded"] if operator == "=" else ["plain", "encoded", "in the name"]
            terms.append(Term(column, operator, text, draw(st.sampled_from(spellings))))
            row = draw(st.sampled_from(rows)) if rows and draw(st.booleans()) else row
    return collection.name, terms


# What OpenF1 would have to be asked for the same


def upstreams(both, term: Term) -> list[tuple[str, Any]]:
    if set(term.text) & set("<>="):  # taken apart elsewhere
        return [(term.meant, term.text)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownTimezoneWarning)
        return both.module.parse_query(f"{term.column.name}{quote(term.meant)}{quote(term.text)}", both.store)[term.column.name]


def dated(term: Term) -> Any:
    try:
        return dates.bounds(term.meant, dates.parse_date(term.text, now=timezone.now()))
    except ValueError:
        return REFUSED


def truth(term: Term) -> list[tuple[str, bool]]:
    return [(term.meant, term.text == "1")]


class Deviation(NamedTuple):
    name: str  # in DIFFERENCES
    concerns: Callable[[Term, Any], Any]  # (comparison, the value that OpenF1 reads)
    means: Callable[[Term], Any]  # what is meant here, in OpenF1's terms, or REFUSED


def unusable(term: Term, read: Any) -> bool:
    """A value of another kind than the field's."""
    column = term.column
    if column.type is bool:
        return not isinstance(read, bool) and term.text not in ("0", "1")
    if column.type in (int, float):
        return isinstance(read, bool | str | datetime) or (isinstance(read, float) and isnan(read))
    if column.is_datetime:
        return (not isinstance(read, datetime) and not term.text.isdecimal() and " " not in term.text) or term.text in (
            "007",
            "1",
        )
    return False


def text_elsewhere_cast(term: Term, read: Any) -> bool:
    """A text that OpenF1 takes for something else; fields of numbers and texts take numbers for numbers."""
    return (term.column.type is str and not isinstance(read, str)) or (term.column.is_json and isinstance(read, bool | datetime))


def respelt(term: Term, read: Any = None) -> list[tuple[str, Any]]:
    """What a text of a closed set means; empty where it is spelt as rows are."""
    text = term.column.normalise(term.text) if term.column.normalise and term.meant == "=" else term.text
    return [] if text == term.text else [(term.meant, text)]


DEVIATIONS = [
    Deviation("spelling", respelt, respelt),
    Deviation("space in a date", lambda t, read: t.column.is_datetime and " " in t.text and ":" in t.text, dated),
    Deviation("unusable value", unusable, lambda t: REFUSED),
    Deviation("truth as a number", lambda t, read: t.column.type is bool and not isinstance(read, bool), truth),
    Deviation("text stays text", text_elsewhere_cast, lambda t: [(t.meant, t.text)]),
    Deviation("year or number as a date", lambda t, read: t.column.is_datetime and not isinstance(read, datetime), dated),
    Deviation("part of a date", lambda t, read: t.column.is_datetime and sum(c.isdigit() for c in t.text) < 7, dated),
]


def meant(both, term: Term) -> Any:
    read = upstreams(both, term)
    found = next((deviation for deviation in DEVIATIONS if deviation.concerns(term, read[0][1])), None)
    return found.means(term) if found else read


def is_mixture(comparisons: list[tuple[str, Any]]) -> bool:
    """Bounds that OpenF1 cannot sort, and two at one value, which the replay pairs in another order than OpenF1's server does."""
    bounds = {(op, value) for op, value in comparisons if op != "="}
    at_one_value = len({(op[0], value) for op, value in bounds}) < len(bounds)
    return at_one_value or len({isinstance(value, str | bool | datetime) and type(value) for _, value in bounds}) > 1


# Answers


def comparable(row: dict[str, Any], columns: dict[str, Column]) -> list[Any]:
    """A row's fields by name, what is missing as null, moments as such."""
    values = []
    for name, column in columns.items():
        value = row.get(name)
        if column.is_datetime and value is not None:
            value = datetime.fromisoformat(value)
            value = value if value.tzinfo else value.replace(tzinfo=UTC)
        values.append(value)
    return values


def expected(both, collection: str, terms: list[Term]) -> Any:
    """The rows by the rules of OpenF1; REFUSED for what this site refuses; None for what OpenF1 cannot be asked."""
    params: dict[str, list[tuple[str, Any]]] = {}
    for term in terms:
        comparisons = meant(both, term)
        if comparisons is REFUSED:
            return REFUSED
        params.setdefault(term.column.name, []).extend(comparisons)
    if any(is_mixture(comparisons) for comparisons in params.values()):
        return None
    rows = both.module.public(both.module.select(both.store, collection, params))
    if collection in SEVERAL_CARS:
        rows.sort(key=lambda row: (row["session_key"], row["date"], row["driver_number"]))
    return rows


asked: list[str] = []


@pytest.mark.django_db
def test_generated_questions_have_the_answers_of_openf1(both, client: Client):
    outcomes = {200: 0, 400: 0, 404: 0}

    @settings(
        max_examples=400,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(questions(both.store))
    def ask(question: tuple[str, list[Term]]) -> None:
        collection, terms = question
        url = f"/v1/{collection}?" + "&".join(term.sent() for term in terms)
        rows = expected(both, collection, terms)
        if rows is None:
            return
        answer = client.get(url)
        body = json.loads(answer.getvalue())
        outcomes[answer.status_code] += 1
        if rows is REFUSED:
            assert answer.status_code == 400, url
        elif not rows:
            assert (answer.status_code, body) == (404, {"detail": "No results found."}), url
        else:
            columns = find_collection(collection).columns  # type: ignore[union-attr]
            assert answer.status_code == 200, (url, body)
            assert [comparable(row, columns) for row in body] == [comparable(row, columns) for row in rows], url

    ask()
    assert sum(outcomes.values()) >= 300
    assert min(outcomes.values()) >= 30, outcomes


def test_every_deviation_that_the_test_allows_is_listed():
    assert {deviation.name for deviation in DEVIATIONS} <= DIFFERENCES.keys()
