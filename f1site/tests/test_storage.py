"""Files in object storage instead of a folder. The store is moto's: what it holds was put there by Amazon's own client."""

import io
import os
import runpy
import socket
import subprocess
import sys
import time

import boto3
import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from moto import mock_aws

from f1site.object_storage import ObjectStorage
from jobs import running
from jobs.models import Job
from mirror import simulator
from mirror.errors import NotStored
from mirror.models import SyncRun
from ml import building, recording
from telemetry.models import Lap, SampleFile, SessionQuality
from telemetry.samples import files
from telemetry.samples.storage import tables

pytestmark = [pytest.mark.django_db, pytest.mark.once]
OPTIONS = {"bucket_name": "f1-stats", "location": "files", "file_overwrite": False, "querystring_auth": False}
BACKEND = "f1site.object_storage.ObjectStorage"


@pytest.fixture
def credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def bucket(settings, credentials):
    with mock_aws():
        bucket = boto3.resource("s3").create_bucket(Bucket="f1-stats")
        settings.STORAGES = {**django_settings.STORAGES, "default": {"BACKEND": BACKEND, "OPTIONS": OPTIONS}}
        yield bucket


@pytest.fixture
def season(settings, tmp_path):
    """The demo season, checked, with its files in a folder."""
    settings.MEDIA_ROOT = tmp_path
    call_command("load_demo", "--races", "1", stdout=io.StringIO())
    call_command("check_data", stdout=io.StringIO())


@pytest.fixture
def silent_store(season, settings, credentials, monkeypatch):
    """The store does not answer any more: it accepts connections, as a kernel does whose program hangs."""
    monkeypatch.setattr(ObjectStorage, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(ObjectStorage, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        options = OPTIONS | {"endpoint_url": f"http://127.0.0.1:{server.getsockname()[1]}"}
        settings.STORAGES = {**django_settings.STORAGES, "default": {"BACKEND": BACKEND, "OPTIONS": options}}
        tables.clear()  # what other tests have read from a store that answered
        began = time.monotonic()
        yield server
        assert time.monotonic() - began < 20, "no wait without a bound"


def test_samples_are_kept_and_read_in_a_bucket(bucket, api):
    call_command("load_demo", "--races", "1", stdout=io.StringIO())
    keys = {item.key for item in bucket.objects.all()}
    assert len(keys) == SampleFile.objects.count() > 30
    assert all(key.startswith("files/") and not key.endswith(".part") for key in keys)
    file = SampleFile.objects.filter(collection="car_data").first()
    query = {"session_id": file.session_id, "driver_number": file.driver_number}
    page = api.get("/api/v1/car-data/", query | {"speed__gte": 250, "page_size": 5}).json()
    assert len(page["results"]) == 5
    assert all(row["speed"] >= 250 for row in page["results"])
    assert len(api.get("/v1/car_data", {"session_key": file.session_id, "driver_number": file.driver_number}).getvalue()) > 10_000
    call_command("load_demo", "--races", "1", stdout=io.StringIO())
    assert {item.key for item in bucket.objects.all()} == keys
    call_command("load_demo", "--remove", stdout=io.StringIO())
    assert not list(bucket.objects.all())


def test_files_of_runs_are_replaced_and_go_with_them(bucket, django_capture_on_commit_callbacks):
    experiment = recording.experiment(name="pace", owner="ada")
    run = recording.start_run(experiment=experiment, model="ridge", split="by_race", dataset_sha256="a" * 64)
    for content in (b"first", b"second"):
        with django_capture_on_commit_callbacks(execute=True):
            artifact = recording.store_artifact(run=run, name="notes.txt", content=content)
    assert recording.read_artifact(artifact) == b"second"
    assert len(list(bucket.objects.all())) == 1
    with django_capture_on_commit_callbacks(execute=True):
        recording.delete_experiment(experiment)
    assert not list(bucket.objects.all())


def test_a_dataset_comes_back_from_a_bucket(bucket):
    call_command("load_demo", "--races", "2", stdout=io.StringIO())
    row = building.build_dataset(name="demo")
    assert building.read_dataset("demo").sha256 == row.sha256
    call_command("load_demo", "--remove", stdout=io.StringIO())


def test_a_file_is_replaced_in_one_request_so_that_readers_on_other_machines_always_find_it(bucket):
    files.store("car_data/session_id=1/driver_number=1.parquet", b"old")
    requests = []
    events = default_storage.connection.meta.client.meta.events
    events.register("before-call.s3", lambda model, **options: requests.append(model.name))
    files.store("car_data/session_id=1/driver_number=1.parquet", b"new")
    assert requests == ["PutObject"]
    [item] = bucket.objects.all()
    assert (item.key, item.get()["Body"].read()) == ("files/car_data/session_id=1/driver_number=1.parquet", b"new")


def test_what_the_bucket_refuses_is_told_with_its_reason(bucket):
    assert not default_storage.exists("nosuch")
    with pytest.raises(FileNotFoundError, match="nosuch"):
        default_storage.open("nosuch")
    bucket.delete()
    with pytest.raises(NotStored, match="cannot be written: the store answers NoSuchBucket"):
        files.store("car_data/session_id=1/driver_number=1.parquet", b"new")


@pytest.mark.usefixtures("silent_store")
def test_samples_are_answered_503_while_the_store_does_not_answer(api, client):
    file = SampleFile.objects.filter(collection="car_data").first()
    lap = Lap.objects.filter(session_id=file.session_id, driver_number=file.driver_number, lap_number=3).get()
    for path in (
        f"/v1/car_data?session_key={file.session_id}&driver_number={file.driver_number}",
        f"/v1/car_data?session_key={file.session_id}",
        f"/api/v1/car-data/?session_id={file.session_id}&driver_number={file.driver_number}",
        f"/api/v1/laps/{lap.pk}/telemetry/",
    ):
        answer = api.get(path)
        assert (answer.status_code, "storage of files" in answer.json()["detail"]) == (503, True), path
    ready = client.get("/readyz/")
    assert (ready.status_code, ready.json()["parts"]["storage"]) == (503, "StorageUnavailable")


@pytest.mark.usefixtures("silent_store")
def test_a_job_that_loses_the_store_is_queued_again_and_goes_on_where_it_stopped(settings, monkeypatch):
    file = SampleFile.objects.filter(collection="car_data").first()
    before = SampleFile.objects.get(pk=file.pk)
    parameters = {"sessions": [file.session_id], "collections": ["car_data"], "force": True}
    monkeypatch.setattr("mirror.jobs.from_settings", demo_client)
    job = Job.objects.create(kind="sync", parameters=parameters)
    running.run(job.pk)
    job.refresh_from_db()
    assert (job.state, "storage of files" in job.message) == ("queued", True)
    assert SyncRun.objects.latest("pk").state == SyncRun.State.INTERRUPTED
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    running.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("succeeded", 2)
    assert SampleFile.objects.get(pk=file.pk).sha256 == before.sha256


def demo_client(**options):
    return simulator.client(simulator.Season(races=1))


@pytest.mark.usefixtures("silent_store")
def test_commands_and_pages_say_that_the_store_cannot_be_reached(monkeypatch, admin_client):
    file = SampleFile.objects.filter(collection="car_data").first()

    def execute(arguments):  # Django's own would close the connection, and with it the transaction of the test
        call_command("check_data", session=[file.session_id])

    monkeypatch.setattr("django.core.management.execute_from_command_line", execute)
    monkeypatch.setattr("signal.signal", lambda *arguments: None)
    with pytest.raises(SystemExit, match="storage of files cannot be reached"):
        runpy.run_path(str(django_settings.BASE_DIR / "manage.py"), run_name="__main__")
    quality = SessionQuality.objects.get(session_id=file.session_id)
    page = admin_client.get(f"/admin/telemetry/sessionquality/{quality.pk}/check-again/")
    assert (page.status_code, b"storage of files" in page.content) == (503, True)


@pytest.mark.parametrize(
    ("url", "words"),
    [("s3://f1/stats", "ObjectStorage f1 stats"), ("", "FileSystemStorage"), ("ftp://x", "s3://bucket/folder is wanted")],
)
def test_the_storage_is_chosen_by_a_setting(url, words):
    code = (
        "import django; django.setup(); from django.core.files.storage import storages; one = storages['default'];"
        "print(type(one).__name__, getattr(one, 'bucket_name', ''), getattr(one, 'location', ''))"
    )
    environment = os.environ | {
        "STORAGE_URL": url,
        "DJANGO_SETTINGS_MODULE": "f1site.settings",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=django_settings.BASE_DIR, capture_output=True, text=True, env=environment
    )
    assert words in done.stdout + done.stderr
