"""Experiments over HTTP: their states, their names, and whose business they are."""

import uuid

import pytest

from ml import recording
from ml.models import Experiment, Run

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiments/"


def test_an_experiment_is_made_changed_and_deleted_with_its_runs(stranger, api):
    made = stranger.post(URL, {"name": "Pace-1", "owner": "ada", "tags": ["wet"]})
    assert made.status_code == 201, made.json()
    shown = made.json()
    assert (shown["name"], shown["status"], shown["tags"]) == ("pace-1", "created", ["wet"])
    assert made["Location"] == shown["url"]
    changed = stranger.patch(shown["url"], {"description": "dry laps"})
    assert (changed.status_code, changed.json()["description"], changed.json()["owner"]) == (200, "dry laps", "ada")
    assert api.get(URL, {"owner": "ada", "status": "created", "search": "pace", "per_page": 1}).json()["count"] == 1
    recording.start_run(experiment=Experiment.objects.get(), model="ridge", split="by_race", dataset_sha256="a" * 64)
    assert stranger.delete(shown["url"]).status_code == 204
    assert not Run.objects.exists()
    assert api.get(shown["url"]).status_code == 404


def test_a_name_is_taken_whatever_its_case(stranger):
    assert stranger.post(URL, {"name": "pace", "owner": "ada"}).status_code == 201
    assert stranger.post(URL, {"name": "PACE", "owner": "bob"}).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [{"name": "two words"}, {"name": "x" * 101}, {"owner": ""}, {"owner": "x" * 51}, {"description": "x" * 501}, {"n": 1}],
)
def test_what_is_wrong_is_said_by_field(stranger, wrong):
    answer = stranger.post(URL, {"name": "pace", "owner": "ada"} | wrong)
    assert (answer.status_code, list(answer.json())) == (400, list(wrong))


def test_a_state_leads_only_where_it_can(stranger):
    url = stranger.post(URL, {"name": "pace", "owner": "ada"}).json()["url"]
    answers = [stranger.patch(url, {"status": name}).status_code for name in ("running", "created", "completed", "failed")]
    assert answers == [200, 409, 200, 409]


def test_only_owner_and_staff_change_an_experiment(stranger, editor, api):
    url = editor.post(URL, {"name": "pace", "owner": "ada"}).json()["url"]
    assert [stranger.patch(url, {"owner": "eve"}).status_code, stranger.delete(url).status_code] == [403, 403]
    assert [api.patch(url, {"owner": "eve"}).status_code, api.post(URL, {}).status_code] == [401, 401]
    url = stranger.post(URL, {"name": "other", "owner": "bob"}).json()["url"]
    assert editor.patch(url, {"owner": "ada"}).status_code == 200


def test_an_unknown_experiment_is_404(api):
    for key in (uuid.uuid4(), "nosuch"):
        assert api.get(f"{URL}{key}/").status_code == 404


@pytest.mark.parametrize("path", ["experiments/?id", "runs/?id", "runs/?experiment_id"])
@pytest.mark.parametrize("text", ["nosuch", "1", "", "9" * 50, "1234-", "\u0661"])
@pytest.mark.parametrize("lookup", ["", "__gt", "__in"])
def test_a_filter_refuses_what_is_no_uuid(api, path, text, lookup):
    path, _, name = path.partition("?")
    answer = api.get(f"/api/v1/{path}", {f"{name}{lookup}": text})
    assert (answer.status_code, list(answer.json())) == (400, [f"{name}{lookup}"])


def test_a_list_is_newest_first_and_takes_as_many_queries_for_any_number_of_runs(api, django_assert_num_queries):
    for name in ("b", "a", "c"):
        one = recording.experiment(name=name, owner="ada")
        for model in ("ridge", "linear"):
            recording.start_run(experiment=one, model=model, split="by_race", dataset_sha256="a" * 64)
    with django_assert_num_queries(4):
        assert [row["name"] for row in api.get(URL).json()["results"]] == ["c", "a", "b"]


@pytest.mark.parametrize(
    "query",
    [
        "id=nosuch",
        "tags__gt=1",
        "ordering=tags",
        "ordering=-name",
        "name__icontains=%00",
        "created_at=x",
        "status=nosuch",
        "nosuch=1",
        "per_page=0",
    ],
)
def test_no_filter_breaks_the_list(api, query):
    assert api.get(f"{URL}?{query}").status_code in (200, 400)


def test_who_asks_again_sees_what_has_changed(api):
    recording.experiment(name="a", owner="ada")
    first = api.get(URL)
    recording.experiment(name="b", owner="ada")
    again = api.get(URL, headers={"If-None-Match": first.get("ETag", "")})
    assert (again.status_code, again.json()["count"]) == (200, 2)
