"""How PostgreSQL answers the main questions: by an index, never by reading a big table from its first row to its last."""

import json

import pytest
from django.db import connection, models, transaction
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from drivers.models import Driver
from mirror.fields import JSONText
from races.models import Race, RaceControl, Session, Weather
from telemetry.models import Interval, Lap, Overtake, Pit, Position, Stint, TeamRadio, Telemetry

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="these are PostgreSQL's plans"),
]

BIG = (Lap, Stint, Pit, Position, Interval, Overtake, TeamRadio, Telemetry, Weather, RaceControl)
SESSIONS, ROWS, CARS = 100, 200, 20  # each session has so many rows of each big table
CAR = f"n * {CARS} / {ROWS + 1} + 1"  # one after the other, as upstream sends most rows

REST = [
    "laps/?session_id={session}",
    "laps/?session_id={session}&driver_number={car}",
    "laps/?session_id={session}&ordering=lap_duration&page_size=10",
    "laps/?session_id={session}&lap_duration__lte=95",
    "laps/?session_id__in={session},{other}&page_size=1000",
    "laps/?race_id={race}",
    "laps/?driver_id={driver}&session_id={session}",
    "laps/{lap}/",
    "sessions/{session}/laps/",
    "drivers/{driver}/laps/",
    "stints/?session_id={session}",
    "pit/?session_id={session}",
    "position/?session_id={session}",
    "position/?session_id={session}&driver_number={car}",
    "position/?race_id={race}",
    "intervals/?session_id={session}",
    "intervals/?session_id={session}&driver_number={car}",
    "intervals/?session_id={session}&date__gte={date}",
    "overtakes/?session_id={session}",
    "team-radio/?session_id={session}",
    "weather/?session_id={session}",
    "race-control/?session_id={session}",
    "telemetry/?session_id={session}&driver_number={car}",
]
OPENF1 = [
    "laps?session_key={session}",
    "laps?session_key=latest",
    "laps?session_key={session}&driver_number={car}",
    "laps?session_key={session}&lap_duration<=95",
    "laps?meeting_key={race}",
    "laps?session_key={session}&order_by=lap_duration&limit=10",
    "laps?order_by=-lap_duration&limit=50",
    "laps?order_by=lap_duration&limit=50",
    "stints?session_key={session}",
    "pit?session_key={session}",
    "position?session_key={session}",
    "position?meeting_key={race}&driver_number={car}",
    "intervals?session_key={session}",
    "intervals?session_key={session}&driver_number={car}",
    "intervals?session_key={session}&date>={date}",
    "intervals?session_key={session}&interval<5",
    "overtakes?session_key={session}",
    "team_radio?session_key={session}",
    "weather?meeting_key={race}",
    "race_control?session_key={session}&lap_number<50",
]
QUESTIONS = [f"/api/v1/{path}" for path in REST] + [f"/v1/{path}" for path in OPENF1]


@pytest.fixture(scope="module")
def stored(django_db_setup, django_db_blocker):
    """Many sessions with many rows, of which the planner knows, and what to ask about; all goes again after this module."""
    with django_db_blocker.unblock(), transaction.atomic():
        for model in (Race, Session, Driver):
            fill(model, f"generate_series(1, {SESSIONS}) AS n")
        for model in BIG:
            fill(model, f"races_session AS s, generate_series(1, {ROWS}) AS n ORDER BY s.session_id, n")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # once, instead of after every test
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("ANALYZE")
        session, other = Session.objects.order_by("pk")[7:9]
        lap = Lap.objects.filter(session=session).order_by("pk")[100]
        yield {
            "session": session.pk,
            "other": other.pk,
            "race": session.race_id,
            "lap": lap.pk,
            "car": lap.driver_number,
            "driver": lap.driver_id,
            "date": f"{lap.date_start:%Y-%m-%dT%H:%M:%S}",
        }
        transaction.set_rollback(True)


def fill(model, source):
    """Insert a row of the model for each of `source`, made from its number `n` and, where there is one, the session `s`."""
    columns = {
        field.column: expression(field) for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {source}"  # noqa: S608 - of this test's own
        )


def expression(field):
    """What a column holds in row `n`."""
    sql = f"left('{field.name}_' || n, {field.max_length or 100})"
    match field.name, field:
        case "session", _:
            sql = "s.session_id"
        case (("driver_number" | "overtaken_driver_number"), _):
            sql = CAR
        case _, models.ForeignKey() if field.related_model is Driver:
            sql = f"'driver_id_' || {CAR}"
        case _, JSONText():
            sql = "'[1]'"
        case "listed", _:
            sql = "true"  # `latest` is the newest session that upstream lists
        case _, models.BooleanField():
            sql = "false"
        case _, models.DateTimeField():
            sql = "timestamptz '2023-03-05 15:00:00Z' + n * interval '1 second'"
        case "lap_duration", _:
            sql = "80 + n % 97"
        case _, models.IntegerField() | models.FloatField() | models.ForeignKey():
            sql = "n"
    return sql


def scans(plan):
    """The tables that a plan reads from their first row to their last."""
    found = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return found + [name for part in plan.get("Plans", ()) for name in scans(part)]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_main_question_is_answered_by_an_index(stored, question):
    with CaptureQueriesContext(connection) as asked:
        answer = Browser().get(question.format(**stored))
        assert answer.status_code == 200, question.format(**stored)
        assert b"".join(answer) if answer.streaming else answer.content
    big = {model._meta.db_table for model in BIG}
    selects = [query["sql"] for query in asked if any(f'FROM "{table}"' in query["sql"] for table in big)]
    assert selects
    for select in selects:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {select}")
            [[plan]] = cursor.fetchone()
        read = big.intersection(scans(plan["Plan"]))
        assert not read, f"{read} read whole for {select}:\n{json.dumps(plan, indent=1)}"
