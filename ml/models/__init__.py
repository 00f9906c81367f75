"""What the laboratory keeps: datasets with a fingerprint, experiments, and runs with all that came of them."""

from ml.models.datasets import Dataset
from ml.models.experiments import Experiment
from ml.models.runs import Artifact, Metric, Param, Run

__all__ = ["Artifact", "Dataset", "Experiment", "Metric", "Param", "Run"]
