"""The Postman collection in docs/."""

import json
import re

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from f1site import postman
from f1site.management.commands.postman import FOLDER, files

USED = re.compile(r"\{\{(\w+)\}\}")


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(public=True)


@pytest.fixture(scope="module")
def requests(schema):
    return [item for folder in postman.collection(schema)["item"] for item in folder["item"]]


def test_the_files_are_what_the_description_gives():
    for name, content in files().items():
        assert (FOLDER / name).read_text() == content, f"docs/{name} is not up to date: make postman"
    assert settings.BASE_DIR / "docs" == FOLDER


def test_every_route_is_in_the_collection(schema, requests):
    """A key in a path is a variable there, one of its values, or the name of a file."""
    asked = {(each["request"]["method"], each["request"]["url"]["raw"].partition("?")[0]) for each in requests}
    for path, item in schema["paths"].items():
        pattern = re.compile(r"\{\{base_url\}\}" + re.sub(r"\{\w+\}", "[^/]+", path))
        for method in item:
            assert any(verb == method.upper() and pattern.fullmatch(url) for verb, url in asked), (method, path)


def test_every_body_is_json_once_the_variables_have_values(requests):
    bodies = [each["request"]["body"]["raw"] for each in requests if each["request"].get("body", {}).get("options")]
    assert len(bodies) > 50
    for body in bodies:
        assert json.loads(USED.sub("1", body)), body


def test_every_variable_gets_its_value_before_it_is_used(requests):
    known = {"base_url", "token", "unique"}
    for each in requests:
        request = each["request"]
        used = {*USED.findall(request["url"]["raw"] + request.get("body", {}).get("raw", ""))}
        assert used <= known, (each["name"], used - known)
        known |= {*re.findall(r"Variables\.set\('(\w+)'", json.dumps(each.get("event", [])))}


def test_what_is_changed_or_deleted_was_added_before(requests):
    for each in requests:
        if each["request"]["method"] in ("PUT", "PATCH", "DELETE"):
            assert USED.findall(each["request"]["url"]["raw"])[1].startswith("new_"), each["name"]


def test_a_new_route_is_taken_along_with_its_example_and_the_ids_that_are_known():
    row = {"get": {"operationId": "sessions_retrieve", "tags": ["sessions"], "summary": "Show", "responses": {"200": {}}}}
    content = {
        "schema": {"properties": {"session_id": {"type": "integer"}, "laps": {"type": "integer"}}},
        "examples": {"One": {"value": {"session_id": 9472, "laps": 5}}},
    }
    ask = {
        "operationId": "forecast",
        "tags": ["forecast"],
        "summary": "Ask",
        "responses": {"200": {}},
        "requestBody": {"content": {"application/json": content}},
    }
    paths = {"/api/v1/sessions/{session_id}/": row, "/api/v1/forecast/": {"post": ask}}
    made = postman.collection({"info": {"title": "", "description": "", "version": ""}, "paths": paths})
    [request] = [item["request"] for folder in made["item"] if folder["name"] == "forecast" for item in folder["item"]]
    assert (request["method"], request["url"]["raw"]) == ("POST", "{{base_url}}/api/v1/forecast/")
    assert json.loads(request["body"]["raw"].replace("{{session_id}}", "7")) == {"session_id": 7, "laps": 5}
