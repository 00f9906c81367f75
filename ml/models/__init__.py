"""What the laboratory keeps: datasets with a fingerprint, experiments, runs with all that came of them, facts about circuits."""

from ml.models.circuit_facts import CircuitFact
from ml.models.datasets import Dataset
from ml.models.experiments import Experiment
from ml.models.runs import Artifact, Metric, Param, Run

__all__ = ["Artifact", "CircuitFact", "Dataset", "Experiment", "Metric", "Param", "Run"]
