"""Limits of values: declared on the models, refused from people, and from upstream either rejected or kept."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.test import RequestFactory

from api.links import detail_prefix
from api.tests.factories import make
from drivers.models import Entry
from mirror import exchange
from mirror.feeds import Feed
from mirror.fields import JSONText
from mirror.limits import ClosedText, Shape, format_of, limits_of, shape_of
from mirror.models import Correction
from races.models import Session
from telemetry.models import Lap, Stint

pytestmark = pytest.mark.django_db

NOT_LIMITED = {"changed_at", "digest"}  # set by this site alone


def measured_fields():
    """Every field with a number or a moment of every mirrored model."""
    for model in Feed.by_model:
        for field in model._meta.concrete_fields:
            kinds = (models.IntegerField, models.FloatField, models.DateTimeField)
            measured = isinstance(field, kinds) and not isinstance(field, models.AutoField | models.BooleanField)
            if measured and field.name not in NOT_LIMITED:
                yield pytest.param(field, id=f"{model.__name__}.{field.name}")


@pytest.mark.parametrize("field", list(measured_fields()))
def test_every_number_and_moment_has_limits_that_its_help_text_tells(field):
    least, most = limits_of(field)
    assert least < most
    assert any(isinstance(validator, MinValueValidator) and validator.limit_value == least for validator in field.validators)
    assert any(isinstance(validator, MaxValueValidator) and validator.limit_value == most for validator in field.validators)
    shown = (least.year, most.year) if isinstance(least, datetime.datetime) else (least, most)
    for limit in shown:
        assert f"{limit:,}" in field.help_text or str(limit) in field.help_text


@pytest.mark.parametrize("model", list(Feed.by_model), ids=lambda model: model.__name__)
def test_every_json_value_has_a_shape(model):
    assert all(shape_of(field) for field in model._meta.concrete_fields if isinstance(field, JSONText))


def formatted_fields():
    """Every text of every mirrored model that is written in one way."""
    for model in Feed.by_model:
        for field in model._meta.concrete_fields:
            if field.name in FORMATTED:
                yield pytest.param(model, field, id=f"{model.__name__}.{field.name}")


FORMATTED = {  # {field: texts of its format, others}
    "team_colour": (["3671C6", "0093cc"], ["#3671C", "red", "3671C", "GGGGGG"]),
    "name_acronym": (["VER"], ["V", "ver", "V1R", "ÄÖÜ"]),
    "country_code": (["NED"], ["NL", "ned", "N D"]),
    "meeting_code": (["BRN"], ["Bahrain", "BR"]),
    "gmt_offset": (["03:00:00", "-04:00:00", "+5:30", "14:00"], ["GMT+3", "3", "24:00:00", "-03:60", "14:30"]),
    "track_status": (["1", "12467"], ["8", "green", "1 2"]),
    **dict.fromkeys(
        ("circuit_image", "circuit_info_url", "country_flag", "headshot_url", "recording_url"),
        (
            ["https://media.formula1.com/a%20b.png", "http://localhost:8000/x"],
            ["javascript:alert(1)", "//example.org/x.png", "ftp://example.org/x", "https://", "https:///x", "https://a/b c"],
        ),
    ),
}


@pytest.mark.parametrize(("model", "field"), list(formatted_fields()))
def test_a_text_of_another_format_is_refused_with_field_value_and_format(model, field, editor, admin_client):
    row = make(model)
    name, url = field.name, f"{detail_prefix(RequestFactory().get('/'), model)}{row.pk}/"
    right, wrong = FORMATTED[name]
    description = format_of(field).kind.description
    for text in right:
        assert editor.patch(url, {name: text}).status_code == 200, text
    for text in wrong:
        answer = editor.patch(url, {name: text})
        assert (answer.status_code, [*answer.json()]) == (400, [name]), text
        if len(text) <= (field.max_length or len(text)):
            assert answer.json()[name] == [f"{text!r} is not {description}."]
    assert description in field.help_text[0].lower() + field.help_text[1:] or description.capitalize() in field.help_text
    page = f"/admin/{model._meta.label_lower.replace('.', '/')}/{row.pk}/change/"
    assert refusals(admin_client, page, {name: wrong[0]}).keys() == {name}


def refusals(admin_client, page, changes):
    """{field: errors} of a form of the admin that is sent back with other values."""
    form = admin_client.get(page).context["adminform"].form
    sent = {name: value for name in form.fields if (value := form[name].value()) is not None} | changes
    return admin_client.post(page, sent).context["adminform"].form.errors


IMPOSSIBLE = [
    ("lap_duration", -5, "1"),
    ("lap_duration", 0, "1"),
    ("lap_duration", 1e9, "14400"),
    ("duration_sector_1", -3, "0.1"),
    ("i1_speed", 99_999, "450"),
    ("i1_speed", -1, "0"),
    ("lap_number", 0, "1"),
    ("lap_number", 5_000, "999"),
    ("driver_number", 100_000, "999"),
    ("segments_sector_1", "abc", "list"),
    ("segments_sector_1", 2048, "list"),
    ("segments_sector_1", [2048, "2049"], "list"),
    ("segments_sector_1", [2048.5], "list"),
    ("segments_sector_1", [-1], "0"),
    ("date_start", "1900-01-01T00:00:00Z", "1950"),
    ("date_start", "2345-01-01T00:00:00Z", "2100"),
]


@pytest.mark.parametrize(("name", "value", "limit"), IMPOSSIBLE)
def test_rest_refuses_an_impossible_value_with_field_value_and_limit(name, value, limit, editor):
    lap = make(Lap)
    answer = editor.patch(f"/api/v1/laps/{lap.pk}/", {name: value})
    assert (answer.status_code, list(answer.json())) == (400, [name])
    text = str(answer.json()[name])
    assert limit in text
    shown = value[0] if isinstance(value, list) and len(value) == 1 else value
    assert str(shown)[:10].strip("[]") in text


@pytest.mark.parametrize(("name", "value", "limit"), IMPOSSIBLE)
def test_the_models_own_validation_which_the_admin_uses_refuses_it_too(name, value, limit):
    lap = make(Lap)
    setattr(lap, name, datetime.datetime.fromisoformat(value) if name == "date_start" else value)
    with pytest.raises(ValidationError) as caught:
        lap.full_clean()
    assert list(caught.value.message_dict) == [name]


def test_the_schema_tells_the_limits(client):
    schema = client.get("/api/schema/?format=json").json()["components"]["schemas"]["Lap"]["properties"]
    assert (schema["i1_speed"]["minimum"], schema["i1_speed"]["maximum"]) == (0, 450)
    assert (schema["lap_duration"]["minimum"], schema["lap_duration"]["maximum"]) == (1, 14_400)


def test_a_row_that_upstream_sent_outside_the_limits_can_be_sent_back_and_edited(editor, admin_client):
    lap = make(Lap, i1_speed=99_999, source="openf1")
    shown = editor.get(f"/api/v1/laps/{lap.pk}/").json()
    assert editor.put(f"/api/v1/laps/{lap.pk}/", shown | {"st_speed": 300}).status_code == 200
    assert editor.patch(f"/api/v1/laps/{lap.pk}/", {"i1_speed": 99_998}).status_code == 400
    page = admin_client.get(f"/admin/telemetry/lap/{lap.pk}/change/")
    form = page.context["adminform"].form
    body = {name: value for name in form.fields if (value := form[name].value()) is not None}
    body |= {"date_start_0": "2023-03-06", "date_start_1": "15:00:00.123", "st_speed": 310}
    assert admin_client.post(f"/admin/telemetry/lap/{lap.pk}/change/", body).status_code == 302
    assert Lap.objects.values_list("i1_speed", "st_speed").get() == (99_999, 310)
    refused = admin_client.post(f"/admin/telemetry/lap/{lap.pk}/change/", body | {"lap_duration": -5})
    assert "-5.0 is too little: the least possible value is 1" in refused.content.decode()


def test_a_text_that_upstream_sent_in_another_format_can_be_sent_back(editor):
    entry = make(Entry, team_colour="red", source="openf1")
    shown = editor.get(f"/api/v1/entries/{entry.pk}/").json()
    assert shown["team_colour"] == "red"
    assert editor.put(f"/api/v1/entries/{entry.pk}/", shown | {"team_name": "Amber"}).status_code == 200
    assert editor.post("/api/v1/entries/", shown | {"driver_number": 2}).json()["team_colour"] == [
        "'red' is not six hexadecimal digits without #."
    ]


def test_an_imported_correction_to_an_impossible_value_is_refused(editor):
    lap = make(Lap, source="openf1")
    key = {"session_id": lap.session_id, "driver_number": lap.driver_number, "lap_number": lap.lap_number}
    shared = exchange.Shared("laps", key, "lap_duration", lap.lap_duration, -5.0)
    counts, problems = exchange.apply([shared], user=None, overwrite=False)
    assert counts == {"refused": 1}
    assert "-5.0 is too little" in problems[0]
    assert not Correction.objects.exists()


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("mini-sectors", [[], [2048, None]], ["abc", 5, [1.5], [True], ["1"], {"a": 1}, [[1]], [10**30], -1]),
        ("times", [90.5, 0, [90.5, None], [None]], ["90.5", True, {"a": 1}, [[1]], ["1"], -1, float("nan"), 1e9]),
        (
            "gaps",
            ["+1 LAP", 0, 5.5, [0.1, None], ["+1 LAP"]],
            [True, {"a": 1}, [[1]], -1, float("inf"), "a\0", "abc", "1 LAP", "+1 lap", ["+1 LAP", "x"]],
        ),
    ],
)
def test_shapes_of_json_values(kind, good, bad):
    shape = Shape(kind, 0, 100_000)
    for value in good:
        shape(value)
    for value in bad:
        with pytest.raises(ValidationError):
            shape(value)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(" soft ", "SOFT"), ("Inter", "INTERMEDIATE"), ("TEST UNKNOWN", "TEST_UNKNOWN"), ("C3", "C3"), ("HYPERSOFT", "HYPERSOFT")],
)
def test_a_person_may_spell_a_compound_in_other_ways(sent, stored, editor):
    stint = make(Stint)
    assert editor.patch(f"/api/v1/stints/{stint.pk}/", {"tyre_compound": sent}).json()["tyre_compound"] == stored


@pytest.mark.parametrize(
    ("sent", "stored"), [("fp1", "Practice 1"), ("RACE", "Race"), ("sprint_qualifying", "Sprint Qualifying")]
)
def test_a_person_may_spell_a_session_in_other_ways(sent, stored, editor):
    session = make(Session)
    assert editor.patch(f"/api/v1/sessions/{session.pk}/", {"session_name": sent}).json()["session_name"] == stored


def test_no_other_spelling_is_one_of_two_known_texts():
    for model in Feed.by_model:
        for field in model._meta.concrete_fields:
            if isinstance(field, ClosedText):
                assert all(field.normalise(text) == text and field.spellings[key] for key, text in field.spellings.items())
                assert {field.normalise(text.lower()) for text in field.known} == set(field.known)
