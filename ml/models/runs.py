"""Trainings, and all that came of them."""

import uuid

from django.conf import settings
from django.db import models

from ml.models.datasets import Dataset
from ml.models.experiments import Experiment


class Run(models.Model):
    """One training of one model on one dataset, tested on one split."""

    class Status(models.TextChoices):
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"

    id = models.UUIDField("ID", primary_key=True, default=uuid.uuid4, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="runs")
    status = models.CharField(max_length=9, choices=Status, default=Status.RUNNING, db_index=True)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=50, help_text="Who answers for it, in words.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="ml_runs"
    )
    task = models.CharField(max_length=40, help_text="What is predicted.")
    model = models.CharField(max_length=60, help_text="What predicts it.")
    seed = models.BigIntegerField(default=0)
    dataset = models.ForeignKey(Dataset, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs")
    dataset_sha256 = models.CharField("dataset's SHA-256", max_length=64, help_text="Fingerprint of what it was trained on.")
    split = models.CharField(max_length=60, help_text="How training and test rows were told apart.")
    leaky = models.BooleanField(default=False, help_text="The split lets the test rows be known; never chosen as best.")
    elsewhere = models.BooleanField(
        "measured elsewhere",
        default=False,
        help_text="Another program measured it, on a dataset or by a split that is not known here; never chosen as best.",
    )
    champion = models.BooleanField(default=False, help_text="It answers the predictions of its task.")
    git_commit = models.CharField(max_length=40, blank=True)
    libraries = models.JSONField(default=dict, help_text="Versions of the libraries it was trained with.")
    tags = models.JSONField(default=dict, blank=True, help_text="What a client of MLflow noted.")
    error = models.TextField(blank=True, help_text="Why it failed.")

    class Meta:
        ordering = ["-started_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["task"], condition=models.Q(champion=True), name="one_champion_per_task"),
            models.CheckConstraint(condition=~models.Q(dataset_sha256=""), name="run_has_a_fingerprint"),
            models.CheckConstraint(condition=~models.Q(split=""), name="run_has_a_split"),
        ]
        indexes = [models.Index(fields=["experiment", "-started_at"], name="run_experiment")]

    def __str__(self) -> str:
        return f"{self.model} {str(self.pk)[:8]}"


class Param(models.Model):
    """What a run was told."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="params")
    key = models.CharField(max_length=100)
    value = models.JSONField(null=True)

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="one_param_per_key")]

    def __str__(self) -> str:
        return self.key


class Metric(models.Model):
    """A figure of a run: of all of it, or of the race, season or compound that `context` names."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    key = models.CharField(max_length=100)
    value = models.FloatField()
    step = models.IntegerField(default=0)
    context = models.CharField(max_length=100, blank=True, help_text="“race=1229”, “compound=SOFT”; empty: all of it.")

    class Meta:
        ordering = ["key", "context", "step"]
        constraints = [models.UniqueConstraint(fields=["run", "key", "context", "step"], name="one_metric_per_step")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Artifact(models.Model):
    """A file that a run left: its model, plots, model card."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=100)
    file = models.CharField(max_length=255, help_text="Name of the file in the default storage.")
    content_type = models.CharField(max_length=100, default="application/octet-stream")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField("SHA-256", max_length=64)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_artifact_per_name")]

    def __str__(self) -> str:
        return self.name


def no_champion(task: str) -> str:
    """What to do where no run of a task has been promoted."""
    return (
        f"No model has been promoted for {task} yet: `manage.py train_model MODEL --task {task}` trains one, "
        "`manage.py promote_model RUN` lets it answer."
    )
