"""The Postman collection that the site serves."""

import json
import re

import pytest
from django.conf import settings
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from api.postman.collection import build_collection

pytestmark = pytest.mark.once

USED = re.compile(r"\{\{(\w+)\}\}")


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(public=True)


@pytest.fixture(scope="module")
def collection():
    answer = Client().get("/api/postman.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json()


@pytest.fixture(scope="module")
def requests(collection):
    return [item for folder in collection["item"] for item in folder["item"]]


def test_the_collection_can_be_imported_with_its_environment(collection):
    assert collection["info"]["schema"] == "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    environment = json.loads((settings.BASE_DIR / "docs" / "postman_environment.json").read_text())
    assert {each["key"] for each in environment["values"]} == {"base_url", "token", "username", "password"}


def test_a_question_about_a_kind_of_session_is_asked_about_one_of_that_kind(requests):
    addresses = [each["request"]["url"]["raw"] for each in requests]
    assert "{{base_url}}/api/v1/analysis/race-pace/?session_id={{race_session_id}}" in addresses
    assert "{{base_url}}/api/v1/analysis/long-runs/?session_id={{practice_id}}" in addresses


def test_every_route_is_in_the_collection(schema, requests):
    """A key in a path is a variable there, one of its values, or the name of a file."""
    asked = {(each["request"]["method"], each["request"]["url"]["raw"].partition("?")[0]) for each in requests}
    for path, item in schema["paths"].items():
        if path.startswith("/v1/"):
            continue  # OpenF1's own paths are no part of the collection
        pattern = re.compile(r"\{\{base_url\}\}" + re.sub(r"\{\w+\}", "[^/]+", path))
        for method in item:
            assert any(verb == method.upper() and pattern.fullmatch(url) for verb, url in asked), (method, path)


def test_every_body_is_json_once_the_variables_have_values(requests):
    bodies = [each["request"]["body"]["raw"] for each in requests if each["request"].get("body", {}).get("options")]
    assert len(bodies) > 50
    for body in bodies:
        assert json.loads(USED.sub("1", body)), body


def test_every_variable_gets_its_value_before_it_is_used(requests):
    known = {"base_url", "token", "username", "password", "unique"}
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
    schema = {"info": {"title": "", "description": "", "version": ""}, "paths": paths}
    made = build_collection(schema, session_kinds={})
    [request] = [item["request"] for folder in made["item"] if folder["name"] == "forecast" for item in folder["item"]]
    assert (request["method"], request["url"]["raw"]) == ("POST", "{{base_url}}/api/v1/forecast/")
    assert json.loads(request["body"]["raw"].replace("{{session_id}}", "7")) == {"session_id": 7, "laps": 5}
