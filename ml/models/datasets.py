"""Rows that models are trained on, with what they were made of."""

from django.db import models

from mirror.models import SyncRun


class Dataset(models.Model):
    """A Parquet file of laps: what was asked for, by which rules it was cleaned, and the fingerprint of its content."""

    dataset_id = models.BigAutoField("dataset ID", primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    query = models.JSONField(default=dict, help_text="What was asked for: seasons, races, session names.")
    sync_run = models.ForeignKey(
        SyncRun,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="datasets",
        help_text="The latest sync before it was built.",
    )
    rules_version = models.CharField(max_length=40, help_text="Version of the rules that say which laps are clean.")
    rules = models.JSONField(default=dict, help_text="Those rules.")
    rows = models.PositiveIntegerField(help_text="Rows of the file.")
    excluded = models.JSONField(default=dict, help_text="Rows left out, per reason.")
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True, help_text="SHA-256 of the content.")
    file = models.CharField(max_length=255, help_text="Name of the file in the default storage.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-dataset_id"]

    def __str__(self) -> str:
        return self.name
