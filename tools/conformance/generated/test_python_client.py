"""A client that openapi-python-client has generated from the site's schema: its answers are those of a plain request."""

import json
import os
import subprocess
import sys
import urllib.request
from datetime import datetime
from importlib import import_module
from pathlib import Path
from urllib.parse import urlencode

import pytest

SITE = os.environ["SITE"]
SESSION = int(os.environ["SESSIONS"].split(",")[0])
LOGIN = {"username": os.environ["SITE_USER"], "password": os.environ["SITE_PASSWORD"]}
OF_SESSION = {"page_size": 5, "session_id": SESSION}  # in the order of the schema, as the address of the next page repeats it
LISTS = {
    ("races", "races_list"): {"page_size": 2},
    ("sessions", "sessions_list"): {"page_size": 3},
    ("drivers", "drivers_list"): {"page_size": 4},
    ("laps", "laps_list"): OF_SESSION | {"lap_number": 3},
    ("entries", "entries_list"): OF_SESSION,
    ("stints", "stints_list"): OF_SESSION,
    ("pit", "pit_list"): OF_SESSION,
    ("position", "position_list"): OF_SESSION,
    ("intervals", "intervals_list"): OF_SESSION,
    ("overtakes", "overtakes_list"): OF_SESSION,
    ("race_control", "race_control_list"): OF_SESSION,
    ("weather", "weather_list"): OF_SESSION,
    ("session_result", "session_result_list"): OF_SESSION,
    ("starting_grid", "starting_grid_list"): {"page_size": 5},
    ("team_radio", "team_radio_list"): OF_SESSION,
    ("neutralisations", "neutralisations_list"): OF_SESSION,
    ("sample_files", "sample_files_list"): OF_SESSION,
}


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The generated package, on the path of imports."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "schema.json").write_bytes(fetch_bytes("/api/schema/?format=json"))
    (folder / "settings.yaml").write_text("post_hooks: []\npackage_name_override: f1_client\n")
    options = ["--path", "schema.json", "--config", "settings.yaml", "--meta", "none", "--output-path", "f1_client"]
    subprocess.run([sys.executable, "-m", "openapi_python_client", "generate", *options], cwd=folder, check=True)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def client(package: Path):
    with import_module("f1_client").Client(base_url=SITE) as client:
        yield client


def fetch_bytes(path: str) -> bytes:
    with urllib.request.urlopen(f"{SITE}{path}") as answer:
        return answer.read()


def call(tag: str, operation: str, *args, **options):
    return import_module(f"f1_client.api.{tag}.{operation}").sync_detailed(*args, **options)


def comparable(value):
    """A value in which moments are moments: a client may write them in another way than the site."""
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [comparable(each) for each in value]
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else value
    except ValueError:
        return value


def agrees(answer, path: str) -> None:
    assert answer.status_code == 200
    assert comparable(answer.parsed.to_dict()) == comparable(json.loads(fetch_bytes(path)))


@pytest.mark.parametrize(("tag", "operation"), LISTS)
def test_lists(client, tag, operation):
    query = LISTS[tag, operation]
    path = f"/api/v1/{tag.replace('_', '-')}/?{urlencode(query)}"
    assert json.loads(fetch_bytes(path))["results"], "there is nothing to compare"
    agrees(call(tag, operation, client=client, **query), path)


def test_a_row(client):
    agrees(call("sessions", "sessions_retrieve", SESSION, client=client), f"/api/v1/sessions/{SESSION}/")


def test_rows_of_v1(client):
    answer = call("v_1_open_f1", "openf1_laps", client=client, session_key=str(SESSION), limit=3)
    expected = json.loads(fetch_bytes(f"/v1/laps?session_key={SESSION}&limit=3"))
    assert comparable([row.to_dict() for row in answer.parsed]) == comparable(expected)


def test_a_refusal_says_what_is_wrong(client):
    answer = call("laps", "laps_list", client=client, session="nonsense", race="monza", page_size=1)
    assert answer.status_code == 400
    assert "nonsense" in json.dumps(answer.parsed.to_dict()) or "monza" in json.dumps(answer.parsed.to_dict())


def test_a_token_lets_it_write(client):
    package = import_module("f1_client")
    models = import_module("f1_client.models")
    token = call("token", "token_create", client=client, body=models.LoginRequest(**LOGIN)).parsed.token
    entry = call("entries", "entries_list", client=client, session_id=SESSION, page_size=1).parsed.results[0]
    with package.AuthenticatedClient(base_url=SITE, token=token) as editor:
        body = models.PatchedEntryRequest(headshot_url="https://example.org/photo.jpg")
        answer = call("entries", "entries_partial_update", entry.entry_id, client=editor, body=body)
        assert answer.status_code == 200
        assert answer.parsed.headshot_url == "https://example.org/photo.jpg"
    assert call("entries", "entries_partial_update", entry.entry_id, client=client, body=body).status_code in (401, 403)
