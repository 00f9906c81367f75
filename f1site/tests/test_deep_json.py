"""JSON nested as deeply as earlier versions stored it: pages show the rest of the row."""

import pytest

from jobs.models import Job
from ml.models import Experiment, Param, Run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("levels", [500, 850])
def test_the_admin_and_rest_show_rows_with_json_of_many_levels(admin_client, levels):
    deep = 1
    for _ in range(levels):
        deep = [deep]
    job = Job.objects.create(kind="train", parameters={"settings": deep}, result=deep)
    experiment = Experiment.objects.create(name="x", owner="o")
    run = Run.objects.create(experiment=experiment, model="m", split="s", dataset_sha256="0" * 64, owner="o")
    param = Param.objects.create(run=run, key="a", value=deep)
    for path in (
        "/admin/jobs/job/",
        f"/admin/jobs/job/{job.pk}/change/",
        "/admin/ml/param/",
        f"/admin/ml/param/{param.pk}/change/",
        f"/admin/ml/run/{run.pk}/change/",
        "/api/v1/jobs/",
        f"/api/v1/jobs/{job.pk}/",
        f"/api/v1/runs/{run.pk}/",
        f"/api/v1/experiments/{experiment.pk}/compare/",
    ):
        assert admin_client.get(path).status_code == 200, path
