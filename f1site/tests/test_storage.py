"""Files in object storage instead of a folder. The store is moto's: what it holds was put there by Amazon's own client."""

import io
import os
import subprocess
import sys

import boto3
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from moto import mock_aws

from ml import building, recording
from telemetry.models import SampleFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(settings, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        bucket = boto3.resource("s3").create_bucket(Bucket="f1-stats")
        options = {"bucket_name": "f1-stats", "location": "files", "file_overwrite": False, "querystring_auth": False}
        settings.STORAGES = {
            **django_settings.STORAGES,
            "default": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options},
        }
        yield bucket


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


@pytest.mark.parametrize(
    ("url", "words"),
    [("s3://f1/stats", "S3Storage f1 stats"), ("", "FileSystemStorage"), ("ftp://x", "s3://bucket/folder is wanted")],
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
