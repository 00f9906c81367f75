"""Other people's trackers: MLflow's own client writes to this site, and reads from it."""

import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest

from ml import comparison, recording
from ml.models import Dataset, Experiment, Run

pytestmark = pytest.mark.django_db
API = "/api/2.0/mlflow"
SHA = "ab" * 32


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def send(stranger):
    """POST a call of the protocol as somebody with a token; gives (status, body)."""

    def send(call, client=stranger, **message):
        answer = client.post(f"{API}/{call}", json.dumps(message), content_type="application/json")
        return answer.status_code, answer.json()

    return send


@pytest.fixture
def experiment(send):
    return send("experiments/create", name="Notebook-Laps")[1]["experiment_id"]


@pytest.fixture
def run(send, experiment):
    return send("runs/create", experiment_id=experiment, run_name="ridge")[1]["run"]["info"]["run_id"]


@pytest.fixture
def dataset(db):
    return Dataset.objects.create(name="laps", rules_version="1", rows=1, sha256=SHA, file="x")


def get(client, call, **query):
    answer = client.get(f"{API}/{call}", query)
    return answer.status_code, answer.json()


def test_an_experiment_that_is_missing_is_made(api, send):
    status, body = get(api, "experiments/get-by-name", experiment_name="Notebook-Laps")
    assert (status, body["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    key = send("experiments/create", name="Notebook-Laps")[1]["experiment_id"]
    assert send("experiments/create", name="notebook-laps")[1]["error_code"] == "RESOURCE_ALREADY_EXISTS"
    for call, query in (("get-by-name", {"experiment_name": "NOTEBOOK-LAPS"}), ("get", {"experiment_id": key})):
        shown = get(api, f"experiments/{call}", **query)[1]["experiment"]
        assert (shown["experiment_id"], shown["name"], shown["lifecycle_stage"]) == (key, "notebook-laps", "active")
    assert Experiment.objects.get().owner == "stranger"
    names = [row["name"] for row in send("experiments/search", client=api, filter="name LIKE 'note%'")[1]["experiments"]]
    assert names == ["notebook-laps"]
    assert send("experiments/search", filter="name = 'x'")[1] == {"experiments": []}


def test_what_a_run_logs_is_read_back(api, send, run):
    batch = {
        "metrics": [{"key": "mae", "value": value, "step": step, "timestamp": 1} for step, value in enumerate((0.5, 0.4))],
        "params": [{"key": "alpha", "value": "0.1"}],
        "tags": [{"key": "estimator_name", "value": "Ridge"}],
    }
    assert send("runs/log-batch", run_id=run, **batch) == (200, {})
    assert send("runs/log-metric", run_uuid=run, key="mae", value=0.3, step=2)[0] == 200
    assert send("runs/log-parameter", run_id=run, key="depth", value="3")[0] == 200
    assert send("runs/set-tag", run_id=run, key="note", value="first try")[0] == 200
    assert send("runs/update", run_id=run, status="FINISHED", end_time=1)[1]["run_info"]["status"] == "FINISHED"
    shown = get(api, "runs/get", run_id=run)[1]["run"]
    values = {group: {each["key"]: each["value"] for each in shown["data"][group]} for group in ("metrics", "params", "tags")}
    assert values["metrics"] == {"mae": 0.3}
    assert values["params"] == {"alpha": "0.1", "depth": "3"}
    assert values["tags"]["note"] == "first try"
    assert values["tags"]["measured_elsewhere"] == "true"
    history = get(api, "metrics/get-history", run_id=run, metric_key="mae")[1]["metrics"]
    assert [(each["step"], each["value"]) for each in history] == [(0, 0.5), (1, 0.4), (2, 0.3)]
    row = Run.objects.get()
    assert (row.model, row.status, row.owner) == ("Ridge", "completed", "stranger")


def test_what_has_ended_stays_as_it_is(send, run):
    send("runs/update", run_id=run, status="KILLED")
    for call, message in (
        ("log-metric", {"key": "mae", "value": 1}),
        ("log-parameter", {"key": "a", "value": "1"}),
        ("set-tag", {"key": "a", "value": "1"}),
        ("update", {"status": "FINISHED"}),
    ):
        status, body = send(f"runs/{call}", run_id=run, **message)
        assert (status, body["error_code"]) == (400, "INVALID_STATE"), call
    assert Run.objects.get().status == "failed"


def test_runs_are_searched(api, send, experiment):
    for name, mae in (("a", 0.5), ("b", 0.3), ("c", 0.4)):
        run = send("runs/create", experiment_id=experiment, run_name=name)[1]["run"]["info"]["run_id"]
        send("runs/log-batch", run_id=run, metrics=[{"key": "mae", "value": mae}], params=[{"key": "kind", "value": name}])

    def search(**message):
        body = send("runs/search", client=api, experiment_ids=[experiment], **message)[1]
        return [row["info"]["run_name"] for row in body["runs"]], body.get("next_page_token")

    assert search(order_by=["metrics.mae ASC"])[0] == ["b", "c", "a"]
    assert search(filter="metrics.mae < 0.45 and params.kind != 'c'")[0] == ["b"]
    assert search(filter="attributes.status = 'RUNNING' AND tags.`mlflow.runName` LIKE 'a%'")[0] == ["a"]
    first, token = search(order_by=["metrics.mae DESC"], max_results=2)
    assert (first, search(order_by=["metrics.mae DESC"], max_results=2, page_token=token)) == (["a", "c"], (["b"], None))
    for wrong in ({"filter": "metrics.mae <"}, {"filter": "metrics.mae < x"}, {"filter": "moods.a = 1"}, {"order_by": ["a b c"]}):
        assert send("runs/search", experiment_ids=[experiment], **wrong)[1]["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_run_counts_as_measured_here_if_its_dataset_and_split_are_known(send, run, dataset):
    assert Run.objects.get().elsewhere
    send("runs/set-tag", run_id=run, key="dataset_sha256", value=SHA)
    assert Run.objects.get().elsewhere
    send("runs/log-parameter", run_id=run, key="split", value="by_race")
    row = Run.objects.get()
    assert (row.elsewhere, row.dataset, row.leaky) == (False, dataset, False)
    send("runs/set-tag", run_id=run, key="split", value="random")
    assert Run.objects.get().leaky


def test_what_was_measured_elsewhere_stands_beside_ours_and_is_never_the_best(send, api, run, experiment):
    send("runs/log-metric", run_id=run, key="mae", value=0.01)
    automatic = send("runs/create", experiment_id=experiment, run_name="automatic")[1]["run"]["info"]["run_id"]
    send("runs/log-metric", run_id=automatic, key="training_mean_absolute_error", value=0.02)
    send("runs/log-metric", run_id=automatic, key="training_r2_score", value=0.9)
    send("runs/update", run_id=run, status="FINISHED")
    ours = recording.start_run(experiment=Experiment.objects.get(), model="ridge", split="by_race", dataset_sha256=SHA)
    recording.log_metrics(run=ours, metrics={"mae": 0.3})
    recording.end_run(run=ours)
    key = Experiment.objects.get().pk
    assert comparison.best_runs([key])[key]["id"] == ours.pk
    compared = api.get(f"/api/v1/experiments/{key}/compare/").json()
    assert {each["id"]: each["elsewhere"] for each in compared["runs"]} == {
        str(ours.pk): False,
        str(row_of(run).pk): True,
        str(row_of(automatic).pk): True,
    }
    assert {row["metric"]: row["best"] for row in compared["metrics"]}["mae"] is None
    page = api.get(f"/api/v1/experiments/{key}/compare/", headers={"Accept": "text/html"}).content.decode()
    assert page.count('<span class="tag">measured elsewhere</span>') == 2
    assert '<th scope="col">training_mean_absolute_error</th>' in page
    assert '<th scope="col">training_r2_score</th>' not in page
    with pytest.raises(ValueError, match="measured here"):
        recording.promote(row_of(run))


def row_of(run):
    return Run.objects.get(pk=run)


def test_files_lie_in_folders_and_are_never_shown_as_pages(send, stranger, api, run, experiment):
    base = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts"
    for name in ("note.txt", "model/MLmodel", "model/data/model.pkl"):
        assert stranger.put(f"{base}/{name}", name.encode(), content_type="text/html").status_code == 200
    answer = api.get(f"{base}/model/MLmodel")
    assert (answer.content, answer["Content-Type"]) == (b"model/MLmodel", "application/octet-stream")
    assert answer["Content-Disposition"] == "attachment"
    listed = get(api, "artifacts/list", run_id=run, path="model")[1]["files"]
    assert listed == [
        {"path": "model/MLmodel", "is_dir": False, "file_size": 13},
        {"path": "model/data", "is_dir": True},
    ]
    url = "/api/2.0/mlflow-artifacts/artifacts"
    below = api.get(url, {"path": f"{experiment}/{run}/artifacts/model"}).json()["files"]
    assert [each["path"] for each in below] == ["MLmodel", "data"]
    assert api.get(f"/api/v1/runs/{run}/artifacts/model/data/model.pkl/").content == b"model/data/model.pkl"
    for name in ("../x", ".hidden", "a/../b", "a//b"):
        assert stranger.put(f"{base}/{name}", b"x", content_type="text/plain").status_code in (400, 404)
    assert api.get(f"{base}/nosuch").status_code == 404
    assert api.put(f"{base}/note.txt", b"x", content_type="text/plain").status_code == 401


def test_a_logged_model_is_a_folder_of_its_run(send, stranger, api, run, experiment):
    """What autologging does with models: it lost its figures where the protocol ended here."""
    named = {"experiment_id": experiment, "name": "my model/1", "source_run_id": run}
    info = send("logged-models", **named)[1]["model"]["info"]
    assert (info["name"], info["status"], info["source_run_id"]) == ("my-model-1", "LOGGED_MODEL_PENDING", run)
    address = f"{API}/logged-models/{info['model_id']}"
    assert send(f"logged-models/{info['model_id']}/params", params=[{"key": "alpha", "value": "1"}]) == (200, {})
    folder = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    stored = stranger.put(f"/api/2.0/mlflow-artifacts/artifacts/{folder}/MLmodel", b"x", content_type="text/plain")
    assert stored.status_code == 200
    ended = stranger.patch(address, {"status": "LOGGED_MODEL_READY"}, content_type="application/json")
    assert ended.json() == api.get(address).json()
    assert ended.json()["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    assert send("runs/outputs", run_id=run, models=[{"model_id": info["model_id"]}]) == (200, {})
    assert get(api, "artifacts/list", run_id=run)[1]["files"] == [{"path": "my-model-1", "is_dir": True}]


def test_a_model_belongs_to_a_run_and_to_its_owner(send, api, run, experiment):
    assert send("logged-models", experiment_id=experiment, name="x")[1]["error_code"] == "INVALID_PARAMETER_VALUE"
    assert send("logged-models", client=api, name="x", source_run_id=run)[0] == 401
    assert get(api, f"logged-models/m-{'0' * 32}-x")[1]["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert get(api, "logged-models/nonsense")[1]["error_code"] == "ENDPOINT_NOT_FOUND"


def test_only_the_owner_writes_and_deletes(send, editor, api, run, experiment):
    from django.contrib.auth.models import User

    from conftest import client_of

    other = client_of(User.objects.create_user("other"))
    assert send("runs/log-metric", client=other, run_id=run, key="mae", value=1)[1]["error_code"] == "PERMISSION_DENIED"
    assert send("runs/create", client=other, experiment_id=experiment)[0] == 403
    assert send("runs/create", client=api, experiment_id=experiment)[1]["error_code"] == "UNAUTHENTICATED"
    assert send("runs/delete", run_id=run) == (200, {})
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("runs/log-metric", {"key": "mae", "value": "NaN"}),
        ("runs/log-metric", {"key": "mae", "value": 1, "step": 2**40}),
        ("runs/log-metric", {"value": 1}),
        ("runs/log-batch", {"metrics": "all"}),
        ("runs/update", {"status": "HAPPY"}),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(send, run, call, message):
    status, body = send(call, run_id=run, **message)
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not Run.objects.get().metrics.exists()


def test_other_errors_are_mlflows_too(send, api, stranger):
    assert send("experiments/create", name="no blanks please")[1]["error_code"] == "INVALID_PARAMETER_VALUE"
    assert send("registered-models/create", name="x")[1]["error_code"] == "ENDPOINT_NOT_FOUND"
    assert get(api, "runs/get", run_id="nosuch") == (
        404,
        {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "There is no run 'nosuch'."},
    )
    assert (
        stranger.post(f"{API}/runs/create", b"{", content_type="application/json").json()["error_code"]
        == "INVALID_PARAMETER_VALUE"
    )
    assert send("logged-models/search") == (200, {"models": []})
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    assert stranger.post(f"{API}/runs/create", deep, content_type="application/json").status_code == 400


NOTEBOOK = dedent("""
    import json
    import mlflow, numpy as np
    from pathlib import Path
    from sklearn.linear_model import Ridge

    mlflow.set_experiment("lap-times")
    with mlflow.start_run(run_name="by hand") as run:
        mlflow.log_param("alpha", 0.5)
        for step in range(3):
            mlflow.log_metric("mae", 0.5 - step / 10, step=step)
        Path("note.txt").write_text("soft tyres")
        mlflow.log_artifact("note.txt", artifact_path="notes")
    client = mlflow.MlflowClient()
    mlflow.sklearn.autolog(log_models=False)
    laps = np.random.default_rng(0).normal(size=(50, 2))
    with mlflow.start_run(run_name="automatic") as automatic:
        Ridge(alpha=0.5).fit(laps, laps @ [1, 2] + 90)
    found = client.get_run(run.info.run_id)
    print(json.dumps({
        "status": found.info.status,
        "metrics": found.data.metrics,
        "history": [each.value for each in client.get_metric_history(run.info.run_id, "mae")],
        "files": [file.path for file in client.list_artifacts(run.info.run_id, "notes")],
        "note": Path(client.download_artifacts(run.info.run_id, "notes/note.txt", ".")).read_text(),
        "found": [each.info.run_name for each in client.search_runs([run.info.experiment_id], "metrics.mae < 0.4")],
        "automatic": client.get_run(automatic.info.run_id).data.params["alpha"],
        "figures": sorted(client.get_run(automatic.info.run_id).data.metrics),
    }))
""")


@pytest.mark.django_db(transaction=True)
def test_mlflows_own_client_and_its_autologging_write_here(live_server, stranger, tmp_path):
    pytest.importorskip("mlflow")
    token = stranger._credentials["HTTP_AUTHORIZATION"].removeprefix("Token ")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    env |= {"MLFLOW_TRACKING_URI": live_server.url, "MLFLOW_TRACKING_TOKEN": token, "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-c", NOTEBOOK]
    run = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    read = json.loads(run.stdout.splitlines()[-1])
    assert read["status"] == "FINISHED"
    assert read["metrics"] == {"mae": 0.3}
    assert read["history"] == [0.5, 0.4, 0.3]
    assert (read["files"], read["note"]) == (["notes/note.txt"], "soft tyres")
    assert read["found"] == ["by hand"]
    assert read["automatic"] == "0.5"
    assert "training_mean_absolute_error" in read["figures"]
    rows = {row.model: row for row in Run.objects.all()}
    assert rows.keys() == {"by hand", "Ridge"}
    assert all(row.elsewhere and row.status == "completed" for row in rows.values())
