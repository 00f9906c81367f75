"""Trainings in the background: as jobs over HTTP, and by the admin's button."""

import pytest
from django.contrib.auth.models import User

from jobs import running
from jobs.models import Job
from ml import recording
from ml.models import Run

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(autouse=True)
def season(laps, storage, no_plots):
    """Four races to learn from."""


def test_a_training_is_queued_done_and_found_as_a_run(editor):
    body = {
        "kind": "train",
        "parameters": {"model": "ridge", "split": "rolling", "experiment": "Night", "settings": {"alpha": 10}},
    }
    queued = editor.post("/api/v1/jobs/", body)
    assert queued.status_code == 202, queued.json()
    running.run(queued.json()["job_id"])
    job = editor.get(queued.json()["url"]).json()
    assert job["state"] == "succeeded", job["error"]
    run = editor.get(f"/api/v1/runs/{job['result']['run']}/").json()
    assert (run["model"], run["split"], run["owner"], run["params"]) == ("ridge", "rolling", "editor", {"alpha": 10})
    assert run["metrics"]["mae"] == job["result"]["mae"]
    assert job["result"]["experiment"] == "night"


@pytest.mark.parametrize(
    "parameters",
    [
        {"model": "nosuch"},
        {"task": "nosuch"},
        {"split": "before:2024-13-45"},
        {"split": "before:20240101"},
        {"experiment": "a b"},
        {"dataset": "a", "seasons": [2024]},
        {"pickle": "x"},
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(editor, parameters):
    assert editor.post("/api/v1/jobs/", {"kind": "train", "parameters": parameters}).status_code == 400


def test_a_name_in_a_closed_set_ignores_case_and_a_wrong_one_is_told_the_others(editor):
    queued = editor.post("/api/v1/jobs/", {"kind": "Train", "parameters": {"model": "RIDGE"}}).json()
    assert (queued["kind"], queued["parameters"]) == ("train", {"model": "ridge"})
    refused = editor.post("/api/v1/jobs/", {"kind": "train", "parameters": {"model": "forest"}}).json()
    assert refused["parameters"][0].startswith("model: There is no 'forest' here. There are: ")
    assert "gradient_boosting" in refused["parameters"][0]


@pytest.mark.parametrize(("parameters", "reason"), [({"split": "nosuch"}, "no split"), ({"dataset": "nosuch"}, "no dataset")])
def test_what_turns_out_to_be_wrong_fails_with_the_reason(parameters, reason):
    job = Job.objects.create(kind="train", parameters={"model": "linear"} | parameters)
    running.run(job.pk)
    job.refresh_from_db()
    assert (job.state, reason in job.error) == ("failed", True)


def test_the_run_of_a_worker_that_died_fails_when_another_takes_the_job_up():
    experiment = recording.experiment(name="next_lap", owner="ada")
    left = recording.start_run(experiment=experiment, model="linear", split="rolling", dataset_sha256="a" * 64)
    job = Job.objects.create(kind="train", parameters={"model": "linear", "split": "rolling"}, result={"run": str(left.pk)})
    running.run(job.pk)
    left.refresh_from_db()
    job.refresh_from_db()
    assert (left.status, left.error) == ("failed", "Its worker died.")
    assert Run.objects.get(pk=job.result["run"]).status == "completed"


def test_the_admins_button_queues_a_training(admin_client):
    url = "/admin/ml/run/train/"
    assert b"gradient_boosting" in admin_client.get(url).content
    sent = admin_client.post(
        url, {"model": "ridge", "task": "pace_delta", "split": "rolling", "experiment": "", "_form_submitted": "True"}
    )
    job = Job.objects.get()
    assert sent.status_code in (200, 302)
    assert (job.kind, job.parameters) == ("train", {"model": "ridge", "task": "pace_delta", "split": "rolling"})
    assert job.owner == User.objects.get(username="admin")


def test_the_button_is_for_those_who_may_add_jobs(client):
    User.objects.create_user("looker", password="x", is_staff=True)
    client.login(username="looker", password="x")
    client.post("/admin/ml/run/train/", {"model": "ridge", "task": "next_lap", "split": "rolling", "_form_submitted": "True"})
    assert not Job.objects.exists()


def test_the_form_refuses_a_split_that_cannot_be(admin_client):
    body = {"model": "ridge", "task": "next_lap", "split": "before:2024-13-45", "experiment": "", "_form_submitted": "True"}
    assert "needs a date such as before:2024-01-01" in admin_client.post("/admin/ml/run/train/", body).content.decode()
    assert ">Train a model</h1>" in admin_client.get("/admin/ml/run/train/").content.decode()
    assert not Job.objects.exists()
