"""What MLflow's clients send; see https://mlflow.org/docs/latest/api_reference/rest-api.html for the names."""

import msgspec


class Pair(msgspec.Struct):
    """A parameter or a tag."""

    key: str
    value: str = ""


class Figure(msgspec.Struct):
    """A metric; its `timestamp` is not kept."""

    key: str
    value: float | str
    step: int = 0


class Anything(msgspec.Struct):
    """A message of which nothing is needed."""


class NewModel(msgspec.Struct):
    name: str = ""
    source_run_id: str = ""


class ExperimentName(msgspec.Struct):
    experiment_name: str


class ExperimentId(msgspec.Struct):
    experiment_id: str


class NewExperiment(msgspec.Struct):
    name: str
    tags: list[Pair] = []


class ExperimentSearch(msgspec.Struct):
    filter: str = ""
    max_results: int = 1000
    page_token: str = ""


class NewRun(msgspec.Struct):
    experiment_id: str
    run_name: str = ""
    tags: list[Pair] = []


class RunId(msgspec.Struct):
    run_id: str = ""
    run_uuid: str = ""

    @property
    def run(self) -> str:
        return self.run_id or self.run_uuid


class RunUpdate(RunId):
    status: str = ""
    run_name: str = ""


class RunSearch(msgspec.Struct):
    experiment_ids: list[str] = []
    filter: str = ""
    max_results: int = 1000
    order_by: list[str] = []
    page_token: str = ""


class Batch(RunId):
    metrics: list[Figure] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class OneMetric(RunId, kw_only=True):
    key: str
    value: float | str
    step: int = 0


class OnePair(RunId, kw_only=True):
    key: str
    value: str = ""


class History(RunId, kw_only=True):
    metric_key: str


class Files(RunId):
    path: str = ""


class DatasetUse(msgspec.Struct):
    """A dataset that a run used, with MLflow's own digest, which is no SHA-256."""

    dataset: dict[str, str]
    tags: list[Pair] = []


class Inputs(RunId):
    datasets: list[DatasetUse] = []
