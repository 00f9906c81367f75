"""What the live process leaves for the web processes: the frames that viewers see, and how it is."""

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
