"""What the admin shows of experiments and runs."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from jobs.models import Job
from ml import recording
from ml.models import Artifact, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    experiment = recording.experiment(name="pace", owner="ada")
    run = recording.start_run(experiment=experiment, model="ridge", split="by_race", dataset_sha256="a" * 64)
    recording.log_metrics(run=run, metrics={"mae": 0.3456})
    recording.store_artifact(run=run, name="error_by_race.png", content=b"png", content_type="image/png")
    recording.store_artifact(run=run, name="model_card.md", content=b"# ridge", content_type="text/markdown")
    return recording.end_run(run=run)


def test_a_run_shows_its_figures_pictures_and_files(admin_client, run):
    page = admin_client.get(f"/admin/ml/run/{run.pk}/change/").content.decode()
    assert "mae 0.3456" in page
    for name, tag in (("error_by_race.png", "img src"), ("model_card.md", "href")):
        address = f"/api/v1/runs/{run.pk}/artifacts/{name}/"
        assert f'{tag}="{address}"' in page
        assert admin_client.get(address).status_code == 200
    assert 'alt="error_by_race.png"' in page


def test_an_experiment_leads_to_the_comparison_of_its_runs(admin_client, run):
    page = admin_client.get(f"/admin/ml/experiment/{run.experiment_id}/change/").content.decode()
    address = f"/api/v1/experiments/{run.experiment_id}/compare/"
    assert f'href="{address}"' in page
    assert b"ridge" in admin_client.get(address, headers={"Accept": "text/html"}).content


def test_a_mark_against_a_run_has_a_colour_and_a_good_one_is_no_cross(admin_client, run):
    def shown():
        return admin_client.get("/admin/ml/run/").content.decode()

    assert ">here<" in "".join(shown().split())
    Run.objects.update(elsewhere=True)
    assert ">elsewhere<" in "".join(shown().split())
    Run.objects.update(leaky=True)
    assert ">leaky<" in "".join(shown().split())


def test_a_run_with_a_model_can_be_promoted_once(admin_client, admin_user, run):
    url = f"/admin/ml/run/{run.pk}/"
    assert "/promote/" not in admin_client.get(f"{url}change/").content.decode()
    assert admin_client.post(f"{url}promote/", {"_form_submitted": "on"}).status_code == 403  # it has no model
    Artifact.objects.create(run=run, name=recording.MODEL_FILE, file="x", size=1, sha256="a" * 64)
    assert f"{url}promote/" in admin_client.get(f"{url}change/").content.decode()
    assert admin_client.post(f"{url}promote/", {"_form_submitted": "on"}).status_code == 302
    run.refresh_from_db()
    assert run.champion
    assert LogEntry.objects.get().change_message == "Promoted."
    assert "/promote/" not in admin_client.get(f"{url}change/").content.decode()


@pytest.mark.parametrize("fault", ["leaky", "elsewhere"])
def test_what_cannot_be_compared_cannot_be_promoted(admin_client, run, fault):
    Artifact.objects.create(run=run, name=recording.MODEL_FILE, file="x", size=1, sha256="a" * 64)
    Run.objects.update(**{fault: True})
    assert admin_client.post(f"/admin/ml/run/{run.pk}/promote/", {"_form_submitted": "on"}).status_code == 403


def test_training_has_a_page_of_its_own_beside_the_dialog(admin_client, client, db):
    url = "/admin/ml/run/train/"
    page = admin_client.get(url).content.decode()
    assert "<html" in page
    assert 'name="model"' in page
    assert "<html" not in admin_client.get(url, headers={"HX-Request": "true"}).content.decode()
    wrong = {"model": "ridge", "task": "next_lap", "split": "", "_form_submitted": "on"}
    assert "This field is required" in admin_client.post(url, wrong).content.decode()
    answer = admin_client.post(url, wrong | {"split": "by_race"})
    job = Job.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/jobs/job/{job.pk}/change/")
    assert job.parameters == {"model": "ridge", "task": "next_lap", "split": "by_race"}
    client.force_login(User.objects.create(username="looker", is_staff=True))
    assert client.get(url).status_code == 403


def test_the_fingerprint_of_the_dataset_does_not_push_the_parameters_away(admin_client, run):
    other = recording.start_run(
        experiment=run.experiment, model="ridge", split="by_race", dataset_sha256="b" * 64, params={"zeal": 1}
    )
    page = admin_client.get(f"/api/v1/experiments/{run.experiment_id}/compare/", headers={"Accept": "text/html"}).content.decode()
    assert page.index('class="param">zeal') < page.index('class="param">dataset_sha256')
    assert "b" * 8 + "…" in page
    assert other.dataset_sha256 not in page
