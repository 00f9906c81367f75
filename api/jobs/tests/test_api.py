"""Jobs over HTTP: queueing, looking, cancelling, and whose business they are."""

import io
import json

import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import Permission, User

from jobs.models import Job
from mirror.models import SyncRun

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs/"


def allowed(name):
    user = User.objects.get(username=name)
    user.user_permissions.add(Permission.objects.get(codename="add_job"))
    return user


def test_a_job_is_queued_and_its_url_tells_how_it_goes(stranger):
    me = allowed("stranger")
    body = {"kind": "sync", "description": "laps of Monaco", "parameters": {"races": [1229], "collections": ["laps"]}}
    answer = stranger.post(JOBS, body)
    assert answer.status_code == 202
    shown = answer.json()
    assert answer["Location"] == shown["url"] == f"http://testserver{JOBS}{shown['job_id']}/"
    assert {name: shown[name] for name in body} == body
    assert (shown["state"], shown["owner"], shown["total"], shown["result"]) == ("queued", "stranger", None, None)
    assert stranger.get(shown["url"]).json() == shown
    assert Job.objects.get().owner == me


def test_jobs_of_a_kind_that_there_is_not_are_refused(stranger):
    for kind in ("SYNC", "manual"):
        assert stranger.get(f"{JOBS}?kind={kind}").json()["count"] == 0
    refused = stranger.get(f"{JOBS}?kind=sink")
    assert refused.status_code == 400
    assert refused.json()["kind"][0].startswith("There is no kind 'sink'. There are: ")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"kind": "nosuch"},
        {"kind": "manual"},
        {"kind": "sync", "owner": 1},
        {"kind": "sync", "parameters": []},
        {"kind": "sync", "parameters": {"nosuch": 1}},
        {"kind": "sync", "parameters": {"seasons": 2024}},
        {"kind": "sync", "parameters": {"seasons": ["x"]}},
        {"kind": "sync", "parameters": {"collections": ["nosuch"]}},
        {"kind": "dump", "parameters": {"format": "exe"}},
        {"kind": "dump", "parameters": {"output": "/etc"}},
        {"kind": "sync_stale", "parameters": {"races": [1]}},
    ],
)
def test_what_is_not_understood_is_refused(editor, body):
    answer = editor.post(JOBS, body)
    assert answer.status_code == 400, answer.json()
    assert not Job.objects.exists()


def test_to_queue_takes_the_permission_and_to_look_a_login(api, stranger):
    assert api.post(JOBS, {"kind": "check_data"}).status_code == api.get(JOBS).status_code == 401
    assert stranger.post(JOBS, {"kind": "check_data"}).status_code == 403
    assert stranger.get(JOBS).json()["count"] == 0


def test_the_jobs_of_others_are_the_staffs_business_only(stranger, editor):
    mine = Job.objects.create(kind="sync", owner=User.objects.get(username="stranger"))
    theirs = Job.objects.create(kind="sync", owner=User.objects.get(username="editor"))
    nobodys = Job.objects.create(kind="sync_stale")
    assert [row["job_id"] for row in stranger.get(JOBS).json()["results"]] == [mine.pk]
    for job in (theirs, nobodys):
        assert stranger.get(f"{JOBS}{job.pk}/").status_code == stranger.delete(f"{JOBS}{job.pk}/").status_code == 404
    refusals = [stranger.get(JOBS, {"owner": name}).json()["owner"][0] for name in ("editor", "nobody")]
    assert refusals == [f"No row has the username {name!r}. There is: stranger." for name in ("editor", "nobody")]
    assert stranger.get(JOBS, {"owner": "Stranger"}).json()["count"] == 1
    assert [row["job_id"] for row in editor.get(JOBS).json()["results"]] == [nobodys.pk, theirs.pk, mine.pk]
    assert editor.delete(f"{JOBS}{mine.pk}/").status_code == 200


def test_jobs_are_found_by_state_kind_and_owner(editor):
    owner = User.objects.get(username="editor")
    one = Job.objects.create(kind="sync", state="running", owner=owner)
    Job.objects.create(kind="dump", state="failed")
    for query in ({"state": "running"}, {"kind": "sync"}, {"owner": "editor"}, {"owner_id": owner.pk}):
        assert [row["job_id"] for row in editor.get(JOBS, query).json()["results"]] == [one.pk], query
    assert editor.get(JOBS, {"state": "nosuch"}).status_code in (200, 400)
    assert editor.get(JOBS, {"nosuch": 1}).status_code == 400


def test_cancelling_ends_what_waits_and_stops_what_runs(stranger):
    me = User.objects.get(username="stranger")
    waits, runs = (Job.objects.create(kind="sync", state=state, owner=me) for state in ("queued", "running"))
    ended = stranger.delete(f"{JOBS}{waits.pk}/")
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
    asked = stranger.delete(f"{JOBS}{runs.pk}/").json()
    assert (asked["state"], asked["cancel_requested"]) == ("running", True)
    assert stranger.delete(f"{JOBS}{waits.pk}/").status_code == 409
    assert stranger.put(f"{JOBS}{waits.pk}/", {}).status_code == 405


@pytest.mark.parametrize("path", [JOBS, "/api/v1/sync-runs/"])
def test_objects_in_files_are_json_text(editor, path):
    Job.objects.create(kind="sync", parameters={"races": [1]}, result={"ok": True})
    SyncRun.objects.create(scope={"filters": [{"year": 2024}]})
    rows = pq.read_table(io.BytesIO(editor.get(path, {"format": "parquet"}).getvalue())).to_pylist()
    [shown] = editor.get(path).json()["results"]
    for name in {"parameters", "result", "scope"} & shown.keys():
        assert [json.loads(row[name]) for row in rows] == [shown[name]]
    assert editor.get(path, {"format": "csv"}).getvalue().count(b"\n") == 2


def test_a_browser_gets_pages(editor):
    job = Job.objects.create(kind="sync")
    for path in (JOBS, f"{JOBS}{job.pk}/", f"{JOBS}times/"):
        answer = editor.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
