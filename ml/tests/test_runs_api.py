"""Runs over HTTP: what train_model wrote, and what programs elsewhere write."""

import uuid

import pytest
from django.core.files.storage import default_storage

from api.tests.factories import make
from ml import recording
from ml.models import CircuitFact, Dataset, Experiment, Run
from races.models import Race, Session

pytestmark = pytest.mark.django_db
EXPERIMENTS = "/api/v1/experiments/"
NEW = {"model": "lstm", "split": "by_race", "dataset_sha256": "ab" * 32}


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def experiment(stranger):
    return stranger.post(EXPERIMENTS, {"name": "pace", "owner": "ada", "task": "next_lap"}).json()


def start(client, experiment, **more):
    answer = client.post(f"{experiment['url']}runs/", NEW | more)
    assert answer.status_code == 201, answer.json()
    return answer.json()


def finished(experiment, model, races=None, **metrics):
    """A completed run with these figures."""
    run = recording.start_run(
        experiment=Experiment.objects.get(pk=experiment["id"]),
        model=model,
        split=metrics.pop("split", "by_race"),
        dataset_sha256="a" * 64,
        leaky=metrics.pop("leaky", False),
        params=metrics.pop("params", None),
    )
    recording.log_metrics(run=run, metrics=metrics)
    for race, mae in (races or {}).items():
        recording.log_metrics(run=run, metrics={"mae": mae}, context=f"race={race}")
    return recording.end_run(run=run)


def test_runs_are_found_by_the_races_that_they_were_asked_about(api, experiment):
    for number, (year, name) in enumerate([(2023, "Monaco"), (2024, "Monaco"), (2024, "Spa")], start=1):
        names = dict.fromkeys(("race_name", "circuit_name", "location", "country_name"), name)
        race = make(Race, number, race_id=number, year=year, slug=name.lower(), **names)
        make(Session, number, race=race, year=year)
        CircuitFact.objects.update_or_create(circuit_name=name, fact="passing", defaults={"value": 0.5})
    ridge, boosting = finished(experiment, "ridge", {1: 0.3, 2: 0.4}), finished(experiment, "lstm", {3: 0.4})
    expected = {"race=monaco": {ridge}, "race=monaco&year=2024": {ridge}, "race=spa": {boosting}, "year=2024": {ridge, boosting}}
    for query, runs in expected.items():
        assert {row["id"] for row in api.get(f"/api/v1/runs/?{query}").json()["results"]} == {str(run.pk) for run in runs}
    assert api.get("/api/v1/experiments/?race=spa&year=2024").json()["count"] == 1
    assert api.get("/api/v1/experiments/?race=spa&task=in_lap").json()["count"] == 0
    assert [row["circuit_name"] for row in api.get("/api/v1/circuit-facts/?race=spa").json()["results"]] == ["Spa"]


def test_only_a_split_that_there_is_can_be_compared(stranger, experiment):
    """A run on a dataset of this site, which alone makes it no run that was measured elsewhere."""
    make(Dataset, sha256=NEW["dataset_sha256"])
    assert not start(stranger, experiment, split="before:2024-02-29")["elsewhere"]
    assert start(stranger, experiment, split="before:2024-13-45")["elsewhere"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("runs/?task=nonsense", "There is no task 'nonsense'. There are: "),
        ("runs/?model=forest", "There is no model 'forest'. There are: "),
        ("experiments/?task=nonsense", "There is no task 'nonsense'. There are: "),
    ],
)
def test_a_task_or_model_that_neither_the_site_nor_a_run_has_is_refused(api, experiment, query, message):
    refused = api.get(f"/api/v1/{query}")
    assert refused.status_code == 400
    [[text]] = refused.json().values()
    assert text.startswith(message)
    finished(experiment, "lstm")
    assert api.get("/api/v1/runs/?model=LSTM").json()["count"] == 1


def test_a_program_elsewhere_writes_a_run_down(stranger, api, experiment):
    run = start(stranger, experiment, params={"layers": 3}, seed=7, libraries={"torch": "2.9.0"})
    assert (run["git_commit"], run["libraries"]) == ("", {"torch": "2.9.0"})  # not those of this server
    assert (run["status"], run["experiment_id"], run["task"], run["owner"]) == ("running", experiment["id"], "next_lap", "ada")
    log = {"metrics": [{"key": "mae", "value": 0.4, "step": 1}, {"key": "mae", "value": 0.3, "step": 2}], "params": {"rate": 0.1}}
    assert stranger.patch(run["url"], log).status_code == 200
    sent = stranger.post(f"{run['url']}artifacts/notes.txt/", b"it went well", content_type="text/plain")
    assert sent.status_code == 201, sent.content
    assert stranger.patch(run["url"], {"status": "completed"}).status_code == 200
    shown = api.get(run["url"]).json()
    assert (shown["status"], shown["params"], shown["metrics"]) == ("completed", {"layers": 3, "rate": 0.1}, {"mae": 0.3})
    assert [(part["value"], part["step"]) for part in shown["figures"]] == [(0.4, 1), (0.3, 2)]
    file = api.get(shown["artifacts"][0]["url"])
    assert (file.content, file["X-SHA256"]) == (b"it went well", shown["artifacts"][0]["sha256"])
    assert api.get(experiment["url"]).json()["status"] == "completed"


def test_what_has_ended_stays_as_it_is(stranger, experiment):
    run = start(stranger, experiment)
    stranger.patch(run["url"], {"status": "failed", "error": "out of memory"})
    for change in ({"params": {"a": 1}}, {"metrics": [{"key": "mae", "value": 1}]}, {"status": "completed"}):
        assert stranger.patch(run["url"], change).status_code == 409
    assert stranger.post(f"{run['url']}artifacts/late.txt/", b"x", content_type="text/plain").status_code == 409
    assert Run.objects.get().error == "out of memory"


def test_a_change_that_is_partly_wrong_changes_nothing(stranger, experiment):
    run = start(stranger, experiment)
    wrong = {"params": {"a": 1}, "metrics": [{"key": "mae", "value": "NaN"}]}
    answer = stranger.patch(run["url"], wrong)
    assert (answer.status_code, list(answer.json())) == (400, ["metrics"])
    assert not Run.objects.get().params.exists()


@pytest.mark.parametrize("left_out", ["model", "split", "dataset_sha256"])
def test_a_run_needs_its_split_and_its_fingerprint(stranger, experiment, left_out):
    answer = stranger.post(f"{experiment['url']}runs/", {name: value for name, value in NEW.items() if name != left_out})
    assert (answer.status_code, list(answer.json())) == (400, [left_out])


def test_only_the_owner_writes(stranger, editor, api, experiment):
    run = start(stranger, experiment)
    other = editor.post(EXPERIMENTS, {"name": "mine", "owner": "eve"}).json()
    assert stranger.post(f"{other['url']}runs/", NEW).status_code == 403
    assert api.patch(run["url"], {"status": "failed"}).status_code == 401
    assert api.post(f"{run['url']}artifacts/a.txt/", b"x", content_type="text/plain").status_code == 401


def test_a_random_split_is_leaky_whatever_is_said_and_never_the_best(stranger, api, experiment):
    assert start(stranger, experiment, split="random", leaky=False)["leaky"]
    finished(experiment, "told", mae=0.1, leaky=True, split="random")
    best = finished(experiment, "honest", mae=0.3)
    finished(experiment, "worse", mae=0.4)
    row = api.get(EXPERIMENTS).json()["results"][0]
    assert row["run_count"] == 4
    assert row["best_run"] == {"id": str(best.pk), "model": "honest", "metric": "mae", "value": 0.3}


def test_best_is_what_the_primary_metric_says(stranger, api, experiment):
    stranger.patch(experiment["url"], {"primary_metric": "skill"})
    finished(experiment, "low", skill=0.1, mae=0.1)
    high = finished(experiment, "high", skill=0.2, mae=0.2)
    assert api.get(experiment["url"]).json()["best_run"]["id"] == str(high.pk)


def test_an_experiment_shows_its_runs_with_their_figures(api, experiment):
    for model in ("linear", "ridge"):
        finished(experiment, model, mae=0.4, skill=0.1, laps=100)
    runs = api.get(experiment["url"]).json()["runs"]
    assert [(run["model"], run["status"], run["metrics"]) for run in runs] == [
        ("ridge", "completed", {"mae": 0.4, "skill": 0.1}),
        ("linear", "completed", {"mae": 0.4, "skill": 0.1}),
    ]
    listed = api.get(f"{experiment['url']}runs/", {"model": "linear"}).json()
    assert (listed["count"], listed["page_size"], listed["results"][0]["model"]) == (1, 20, "linear")


def test_runs_are_compared_with_the_baseline(stranger, api, experiment):
    first = finished(experiment, "linear", mae=0.4, params={"alpha": 1, "same": True}, races={"1": 0.5})
    second = finished(experiment, "ridge", mae=0.3, params={"alpha": 2, "same": True}, races={"1": 0.2, "2": 0.4})
    told = api.get(f"{experiment['url']}compare/", {"runs": f"{first.pk},{second.pk}"}).json()
    a, b = str(first.pk), str(second.pk)
    assert told["baseline"] == a
    assert told["params"] == {"alpha": {a: 1, b: 2}, "model": {a: "linear", b: "ridge"}}
    (mae,) = told["metrics"]
    assert (mae["values"], mae["best"]) == ({a: 0.4, b: 0.3}, b)
    assert mae["difference"] == {a: 0.0, b: pytest.approx(-0.1)}
    assert [(race["race_id"], race["mae"]) for race in told["races"]] == [("1", {a: 0.5, b: 0.2}), ("2", {a: None, b: 0.4})]
    assert stranger.patch(experiment["url"], {"baseline_run_id": b}).status_code == 200
    assert api.get(f"{experiment['url']}compare/", {"runs": a}).json()["metrics"][0]["difference"] == {a: pytest.approx(0.1)}


def test_no_run_is_measured_against_a_leaky_one_unless_it_is_chosen(stranger, api, experiment):
    fair, leaky = finished(experiment, "ridge", mae=0.4), finished(experiment, "ridge", leaky=True, mae=0.3)
    url = f"{experiment['url']}compare/"
    assert api.get(url).json()["baseline"] == api.get(url, {"runs": f"{leaky.pk},{fair.pk}"}).json()["baseline"] == str(fair.pk)
    assert api.get(url, {"runs": leaky.pk}).json()["baseline"] == str(leaky.pk)
    assert stranger.patch(experiment["url"], {"baseline_run_id": str(leaky.pk)}).status_code == 200
    assert api.get(url).json()["baseline"] == str(leaky.pk)


def test_the_page_says_what_figures_mean_and_which_runs_were_asked_alike(client, experiment):
    def page():
        return client.get(f"{experiment['url']}compare/", headers={"Accept": "text/html"}).content.decode()

    finished(experiment, "ridge", mae=0.4, races={"1": 0.5})
    finished(experiment, "ridge", mae=0.3, races={"1": 0.4})
    assert "<b>mae</b>: how far off it is on average, in seconds." in page()
    assert page().count("<small>by_race<br>") == 2  # two columns of one model
    assert "different laps" not in page()
    finished(experiment, "ridge", split="rolling", mae=0.2)
    assert "different laps" in page()


def test_the_baseline_is_a_run_of_the_experiment(stranger, experiment):
    foreign = stranger.post(EXPERIMENTS, {"name": "other", "owner": "ada"}).json()
    run = start(stranger, foreign)
    answer = stranger.patch(experiment["url"], {"baseline_run_id": run["id"]})
    assert (answer.status_code, list(answer.json())) == (400, ["baseline_run_id"])


def test_the_comparison_is_a_page_for_a_browser(client, experiment):
    finished(experiment, "linear", mae=0.4, skill=0.05, races={"1": 0.5})
    finished(experiment, "ridge", mae=0.3, skill=0.2, races={"1": 0.2})
    page = client.get(f"{experiment['url']}compare/", {"columns": "skill"}, headers={"Accept": "text/html"}).content.decode()
    assert page.count('<th scope="col">skill</th>') == 1
    assert '<th scope="col">mae</th>' not in page
    assert 'class="winner">0.2000' in page
    assert 'class="s10">0.500' in page
    assert 'class="s0">0.200' in page


@pytest.mark.parametrize("name", ["compare", "runs"])
def test_what_is_not_there_is_404(api, experiment, name):
    for key in (uuid.uuid4(), "nosuch"):
        assert api.get(f"{EXPERIMENTS}{key}/{name}/").status_code == 404
        assert api.get(f"/api/v1/runs/{key}/artifacts/a.txt").status_code == 404
    assert api.get(f"{experiment['url']}compare/", {"runs": str(uuid.uuid4())}).status_code == 404


def test_bad_keys_in_filters_are_400(api):
    for query in ("id=nosuch", "experiment_id=1", "id__in=a,b"):
        assert api.get(f"/api/v1/runs/?{query}").status_code == 400


def test_a_file_that_was_changed_behind_the_sites_back_is_not_served(stranger, api, experiment):
    run = start(stranger, experiment)
    stranger.post(f"{run['url']}artifacts/model.bin/", b"right", content_type="application/octet-stream")
    with default_storage.open(Run.objects.get().artifacts.get().file, "wb") as file:
        file.write(b"wrong")
    answer = api.get(f"{run['url']}artifacts/model.bin/")
    assert (answer.status_code, "altered" in answer.json()["detail"]) == (409, True)


def test_an_uploaded_page_is_never_shown_as_one_of_this_site(stranger, api, experiment):
    run = start(stranger, experiment)
    stranger.post(f"{run['url']}artifacts/page.html/", b"<script>alert(1)</script>", content_type="text/html")
    answer = api.get(f"{run['url']}artifacts/page.html/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fdb", ".hidden", "a" * 101])
def test_a_file_has_a_plain_name(stranger, experiment, name):
    run = start(stranger, experiment)
    answer = stranger.post(f"{run['url']}artifacts/{name}/", b"x", content_type="text/plain")
    assert answer.status_code in (400, 404)
    assert not Run.objects.get().artifacts.exists()


def test_lists_take_as_many_queries_for_any_number_of_runs(api, experiment, django_assert_num_queries):
    for number in range(5):
        finished(experiment, "ridge", mae=number)
    with django_assert_num_queries(3):
        assert api.get("/api/v1/runs/").json()["count"] == 5
