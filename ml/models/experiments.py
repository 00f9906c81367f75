"""Questions that runs answer."""

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

VALID_NAME = RegexValidator(r"\A[A-Za-z0-9_-]{1,100}\Z", "Use 1 to 100 letters, digits, _ and -.")


class Experiment(models.Model):
    """A question, and the runs that try to answer it."""

    class Status(models.TextChoices):
        CREATED = "created"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"

    # Where each state may lead: what has ended may be taken up again, but nothing becomes new again.
    NEXT = {
        Status.CREATED: {Status.RUNNING, Status.COMPLETED, Status.FAILED},
        Status.RUNNING: {Status.COMPLETED, Status.FAILED},
        Status.COMPLETED: {Status.RUNNING},
        Status.FAILED: {Status.RUNNING},
    }

    id = models.UUIDField("ID", primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True, validators=[VALID_NAME], help_text="Kept in lower case.")
    owner = models.CharField(max_length=50, help_text="Who answers for it, in words.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="experiments",
        help_text="Whose login made it: they and the staff may change it.",
    )
    description = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.CREATED, db_index=True)
    tags = models.JSONField(default=list, blank=True, help_text="Words to find it by.")
    task = models.CharField(max_length=40, blank=True, help_text="What is predicted.")
    primary_metric = models.CharField(max_length=100, default="mae", help_text="The metric that runs are compared by.")
    baseline_run = models.ForeignKey(
        "ml.Run",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The run that others are measured against.",
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "pk"]

    def __str__(self) -> str:
        return self.name
