"""Jobs that workers run in the background, work that people log by hand, and leases."""

from django.conf import settings
from django.db import models

MANUAL = "manual"  # the kind of work that people log by hand; no worker runs it


class Job(models.Model):
    """A piece of work: its kind and parameters, its owner, its progress and its result."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    time_spent: float  # seconds on a day, set by `times.jobs_on_day`
    UNFINISHED = (State.QUEUED, State.RUNNING)

    job_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=24, db_index=True, help_text=f"What is done; `{MANUAL}` is work that a person logs.")
    description = models.CharField(max_length=500, blank=True, help_text="What it is about, in words.")
    parameters = models.JSONField(default=dict, help_text="What exactly is to be done; depends on the kind.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="jobs",
        help_text="Whose work it is; nobody's where a schedule asked for it.",
    )
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED, db_index=True)
    done = models.PositiveIntegerField(default=0, help_text="Steps that are done.")
    total = models.PositiveIntegerField(null=True, help_text="Steps there are, as soon as that is known.")
    message = models.TextField(blank=True, help_text="What is being done at the moment.")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True, help_text="When its worker last gave a sign of life.")
    sent_at = models.DateTimeField(null=True, help_text="When workers were last told of it.")
    request_id = models.CharField(
        max_length=64,
        blank=True,
        help_text="The X-Request-ID of whoever asked for it over HTTP; its lines in the log say it too.",
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker has begun it.")
    cancel_requested = models.BooleanField(default=False, help_text="It ends at its next step.")
    error = models.TextField(blank=True, help_text="Why it failed.")
    result = models.JSONField(null=True, help_text="What came of it; depends on the kind.")

    class Meta:
        ordering = ["-job_id"]
        indexes = [models.Index(fields=["owner", "started_at"], name="job_owner_started")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Lease(models.Model):
    """A lock that one process holds until it releases it or stops renewing it; see `leases`."""

    name = models.CharField(max_length=120, primary_key=True)
    holder = models.CharField(max_length=32, help_text="A random name, another each time.")
    expires_at = models.DateTimeField()

    class Meta:
        app_label = "openf1"  # where the table was created

    def __str__(self) -> str:
        return self.name
