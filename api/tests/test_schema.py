"""The OpenAPI description, and the page that shows it."""

import re
from contextlib import closing
from io import StringIO
from urllib.parse import urljoin, urlsplit

import jsonschema
import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

READING = {"/api/v1/predict/"}  # by POST, for a question has a body
FOR_ALL = {*READING, "/api/v1/token/"}  # without a login


@pytest.fixture(scope="module")
def described() -> dict:
    return SchemaGenerator().get_schema(public=True)


def operations(described):
    return [(path, method, operation) for path, item in described["paths"].items() for method, operation in item.items()]


def test_the_description_is_valid_and_made_without_a_warning(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"), stderr=StringIO())


def test_the_prefixed_routes_and_openf1_s_are_described(described):
    assert all(path.startswith(("/api/v1/", "/v1/")) for path in described["paths"])
    laps = described["paths"]["/v1/laps"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert laps["items"]["properties"]["lap_duration"] == {"type": "number", "nullable": True}
    assert "meeting_key" in laps["items"]["properties"]
    assert "/api/v1/laps/{lap_id}/" in described["paths"]


def test_every_operation_is_told_to_persons(described):
    for path, method, operation in operations(described):
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        for reference in operation.get("parameters", []):
            parameter = described["components"]["parameters"][reference["$ref"].split("/")[-1]]
            assert parameter.get("description") or parameter["name"] == "format", (path, method, parameter)


def test_every_failure_is_described(described):
    expected = {
        "get": {"400", "401", "429", "503"},
        "post": {"400", "401", "403", "503"},
        "put": {"400", "401", "403", "404", "409", "413", "415", "503"},
        "patch": {"400", "401", "403", "404", "409", "413", "415", "503"},
        "delete": {"400", "401", "403", "404", "503"},
    }
    for path, method, operation in operations(described):
        wanted = expected[method] | ({"404"} if "{" in path else set())
        wanted -= {"401"} if path.startswith("/v1/") else set()  # upstream's token is taken and ignored
        wanted |= {"404", "502"} if operation["operationId"].endswith(("sync_race", "sync_all")) else set()
        wanted |= {"409", "201"} if operation["operationId"].endswith("_create") and path not in READING else set()
        assert wanted <= operation["responses"].keys(), (path, method)
        assert {"200", "201", "202"} & operation["responses"].keys(), (path, method)


@pytest.mark.django_db
def test_nested_errors_are_described(described, editor):
    path = editor.post("/api/v1/experiments/", {"name": "pace", "owner": "ada", "task": "next_lap"}).json()["url"]
    answer = editor.post(f"{path}runs/", {"metrics": [{"key": "mae"}, {"key": ["a"], "value": "nan"}, 3]})
    assert (answer.status_code, list(answer.json()["metrics"])) == (400, ["0", "1", "2"])
    schema = {"$ref": "#/components/schemas/Invalid", "components": described["components"]}
    jsonschema.validate(answer.json(), schema)
    deep = {"name": [{"inner": [{"field": ["reason"]}, "reason"]}]}
    jsonschema.validate(deep, schema)
    for wrong in ({}, {"name": 1}, {"name": [{"inner": [1]}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_anybody_may_read_and_writing_needs_a_login(described):
    for path, method, operation in operations(described):
        assert ({} in operation["security"]) is (method == "get" or (path in FOR_ALL and method == "post"))


def test_help_texts_carry_the_units(described):
    lap = described["components"]["schemas"]["Lap"]["properties"]
    assert lap["lap_duration"]["description"].startswith("Lap time in seconds. Between 1 and 14,400")
    assert lap["driver_url"]["nullable"] is True


@pytest.mark.django_db
def test_the_documentation_page_asks_no_other_host(client):
    page = client.get("/api/docs/").content.decode()
    sources = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert sources
    for source in sources:
        url = urljoin("http://testserver/api/docs/", source)
        assert urlsplit(url).netloc == "testserver", source
        with closing(client.get(urlsplit(url).path)) as answer:
            assert answer.status_code == 200, source
    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
