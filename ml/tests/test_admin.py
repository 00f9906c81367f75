"""What the admin shows of experiments and runs."""

import pytest

from ml import recording

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


def test_an_experiment_leads_to_the_comparison_of_its_runs(admin_client, run):
    page = admin_client.get(f"/admin/ml/experiment/{run.experiment_id}/change/").content.decode()
    address = f"/api/v1/experiments/{run.experiment_id}/compare/"
    assert f'href="{address}"' in page
    assert b"ridge" in admin_client.get(address, headers={"Accept": "text/html"}).content
