"""What the live process leaves for the web processes: the frames that viewers see, and how it is."""

import secrets

from django.db import models


class LiveFrame(models.Model):
    """What changed for viewers within a quarter of a second; the last ten minutes of them are kept."""

    number = models.BigAutoField(primary_key=True)
    session_id = models.IntegerField(help_text="OpenF1's session_key.")
    at = models.DateTimeField(db_index=True, help_text="When it was made (UTC); a viewer's delay counts from then.")
    patch = models.TextField(help_text="JSON merge patch from the frame before; empty where the whole board has to be taken.")
    whole = models.TextField(blank=True, help_text="The whole board as JSON; every tenth second.")

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"frame {self.number}"


class LiveState(models.Model):
    """How the process that receives the live feed is; one row."""

    condition = models.CharField(max_length=200, help_text="What it does, in words.")
    healthy = models.BooleanField(default=True, help_text="Whether nothing is wrong with it.")
    session_id = models.IntegerField(null=True, help_text="The session that it receives; empty between sessions.")
    process = models.CharField(max_length=100, blank=True, help_text="Host and number of the process.")
    changed_at = models.DateTimeField(help_text="When it last said so (UTC).")
    connected_at = models.DateTimeField(null=True, help_text="Since when it is connected (UTC).")
    messages = models.PositiveBigIntegerField(default=0, help_text="Messages of this session.")
    per_second = models.FloatField(default=0, help_text="Messages a second, in the last ten seconds.")
    topics = models.JSONField(default=dict, help_text="By collection: messages, and the moment of the last one.")
    holes = models.JSONField(default=list, help_text="Times in which nothing was received: from, to, why.")

    class Meta:
        verbose_name_plural = "live state"

    def __str__(self) -> str:
        return self.condition


class LiveReview(models.Model):
    """How the rows of a live session differed from those that REST gave afterwards."""

    session_id = models.IntegerField(primary_key=True, help_text="OpenF1's session_key.")
    reviewed_at = models.DateTimeField(help_text="When it was compared (UTC).")
    collections = models.JSONField(
        default=dict,
        help_text="By collection: rows that came late, never, live only, rewritten, and the first of them.",
    )

    class Meta:
        ordering = ["-reviewed_at"]

    def __str__(self) -> str:
        return f"review of session {self.session_id}"


class LiveBatch(models.Model):
    """The messages of a quarter of a second, for programs that read them as server-sent events; kept for two minutes."""

    number = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_index=True, help_text="When they came (UTC).")
    messages = models.TextField(help_text="JSON: a list of [topic, payload].")

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"batch {self.number}"


def make_secret() -> str:
    return secrets.token_urlsafe(32)


class AlertRule(models.Model):
    """What a person wants to be alerted of while a session runs: on the live page, and by a webhook if there is an address."""

    class Kind(models.TextChoices):
        PIT = "pit", "a driver pits"
        STOPS = "stops", "a driver is out"
        BEST_LAP = "best_lap", "the best lap is set"
        SAFETY_CAR = "safety_car", "safety car"
        RED_FLAG = "red_flag", "red flag"
        RAIN = "rain", "it begins to rain"
        LEAD = "lead", "the lead changes"
        BEGINS = "begins", "a session begins in 15 minutes"

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=12, choices=Kind)
    driver_number = models.PositiveIntegerField(null=True, blank=True, help_text="Only of this car; empty for all.")
    enabled = models.BooleanField(default=True)
    webhook = models.CharField(
        blank=True, max_length=500, help_text="Where it is posted; a host of LIVE_WEBHOOK_HOSTS. Empty: page only."
    )
    secret = models.CharField(max_length=100, default=make_secret, help_text="Signs what is posted (HMAC-SHA256).")
    last_result = models.CharField(max_length=200, blank=True, editable=False, help_text="What became of the last post.")
    last_at = models.DateTimeField(null=True, editable=False, help_text="When that was (UTC).")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
