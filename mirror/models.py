"""The fields that all mirrored rows share, the log of syncs, and corrections."""

from typing import Any

from django.conf import settings
from django.db import models

from mirror.fields import JSONText


class Source(models.TextChoices):
    OPENF1 = "openf1", "OpenF1"
    DEMO = "demo", "demo season"
    MANUAL = "manual", "made by hand"


class Mirrored(models.Model):
    """A row that can come from upstream: it says where it came from and when it last changed here."""

    source = models.CharField(
        max_length=8, choices=Source, default=Source.MANUAL, editable=False, help_text="Where the row came from."
    )
    changed_at = models.DateTimeField(auto_now=True, help_text="When a sync or a person last changed the row (UTC).")

    class Meta:
        abstract = True


class Counts(models.Model):
    """Counts of a sync's rows by outcome."""

    created = models.PositiveIntegerField(default=0, help_text="Rows that were new.")
    updated = models.PositiveIntegerField(default=0, help_text="Rows that upstream had changed.")
    unchanged = models.PositiveIntegerField(default=0, help_text="Rows that were the same, and rows made by hand.")
    vanished = models.PositiveIntegerField(default=0, help_text="Rows stored here that upstream no longer sends.")
    pruned = models.PositiveIntegerField(default=0, help_text="Vanished rows that were deleted (--prune).")
    rejected = models.PositiveIntegerField(default=0, help_text="Rows that failed validation; kept as rejects.")
    folded = models.PositiveIntegerField(default=0, help_text="Rows upstream sent more than once; one of each is kept.")

    NAMES = ("created", "updated", "unchanged", "vanished", "pruned", "rejected", "folded")

    class Meta:
        abstract = True


class SyncRun(Counts):
    """One call of the sync: its scope, outcome and requests."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed", "finished with failed pieces"
        INTERRUPTED = "interrupted"

    class Kind(models.TextChoices):
        SYNC = "sync"
        LIVE = "live", "live session"

    run_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(
        max_length=8, choices=Kind, default=Kind.SYNC, help_text="`sync` asks for rows; `live` gets them while the session runs."
    )
    scope = models.JSONField(help_text="What was asked for: collections, seasons, races, sessions.")
    source = models.CharField(max_length=8, choices=Source, default=Source.OPENF1)
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING, db_index=True)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    requests = models.PositiveIntegerField(default=0, help_text="HTTP requests sent upstream, retries included.")
    error = models.TextField(blank=True, help_text="The last thing that went wrong.")

    class Meta:
        ordering = ["-run_id"]

    def __str__(self) -> str:
        return f"sync {self.run_id} ({self.get_state_display()})"


class SyncPiece(Counts):
    """One collection of one session (or one list of races or sessions) as a sync stored it."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="pieces")
    collection = models.CharField(max_length=24)
    race_id = models.IntegerField(null=True, help_text="OpenF1's meeting_key.")
    session_id = models.IntegerField(null=True, help_text="OpenF1's session_key.")
    driver_number = models.IntegerField(null=True, help_text="The car, where a piece is one car's samples.")
    ok = models.BooleanField(default=True)
    error = models.TextField(blank=True)
    ended_at = models.DateTimeField(auto_now_add=True)
    changes = models.JSONField(default=list, help_text="Changed rows: key, and per field the old and the new value.")

    class Meta:
        ordering = ["run", "pk"]
        indexes = [models.Index(fields=["session_id", "collection"], name="piece_session")]

    def __str__(self) -> str:
        return f"{self.collection} of {self.session_id or self.race_id or 'the season'}"


class Reject(models.Model):
    """A row that upstream sends and that is not stored: it is invalid, belongs to no known session, or a later row has its key.

    It is gone when a sync accepts the row, or when upstream no longer sends it.
    """

    reject_id = models.BigAutoField(primary_key=True)
    collection = models.CharField(max_length=24)
    season = models.IntegerField(null=True, help_text="Season, of a row of a list of races or sessions.")
    race_id = models.IntegerField(null=True, help_text="OpenF1's meeting_key.")
    session_id = models.IntegerField(null=True, help_text="OpenF1's session_key.")
    driver_number = models.IntegerField(null=True, help_text="The car, where the row names one.")
    source = models.CharField(max_length=8, choices=Source, default=Source.OPENF1, help_text="Where the row came from.")
    row = models.JSONField(help_text="The row as upstream sent it.")
    reason = models.TextField(help_text="Why it is not stored.")
    first_seen = models.DateTimeField(help_text="When upstream was first seen to send it (UTC).")
    last_seen = models.DateTimeField(help_text="When upstream was last seen to send it (UTC).")
    run = models.ForeignKey(
        SyncRun, on_delete=models.SET_NULL, null=True, related_name="+", help_text="The last sync that met it."
    )
    digest = models.BigIntegerField(unique=True, editable=False, help_text="Stands for the row and where it belongs.")

    class Meta:
        ordering = ["-last_seen", "-reject_id"]
        indexes = [models.Index(fields=["session_id", "collection"], name="reject_session")]

    def __str__(self) -> str:
        return self.reason


class PieceState(models.Model):
    """Upstream's last answer for a piece: one with the same fingerprint needs no comparison."""

    collection = models.CharField(max_length=24)
    session_id = models.IntegerField(help_text="OpenF1's session_key.")
    driver_number = models.IntegerField(default=0, help_text="The car of a file of samples; 0 for all other pieces.")
    source = models.CharField(max_length=8, choices=Source, default=Source.OPENF1)
    fingerprint = models.CharField(max_length=64, help_text="Digest of upstream's rows and of the fields they are stored in.")
    stored = models.PositiveIntegerField(help_text="Rows stored here after that sync.")
    counts = models.JSONField(default=dict, help_text="What a comparison with the same answer would count.")
    synced_at = models.DateTimeField(help_text="When upstream was last asked.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session_id", "collection", "driver_number", "source"], name="piece_state_key")
        ]

    def __str__(self) -> str:
        return f"{self.collection} of {self.session_id}"


class Correction(models.Model):
    """A person's change to upstream's data: one field of one row, or a deleted row."""

    class State(models.TextChoices):
        HOLDS = "holds", "holds"
        CONFLICT = "conflict", "conflict: upstream has moved to a third value"
        OBSOLETE = "obsolete", "obsolete: upstream now agrees"

    correction_id = models.BigAutoField(primary_key=True)
    collection = models.CharField(max_length=24, help_text="OpenF1's collection, or `people` for drivers as persons.")
    session_id = models.IntegerField(null=True, help_text="Session of the row; empty for races and people.")
    key = JSONText(help_text="What identifies the row, by field.")
    field = models.CharField(max_length=60, blank=True, help_text="The corrected field; empty where the whole row was deleted.")
    upstream = JSONText(null=True, help_text="Upstream's value; of a deleted row all its values.")
    corrected = JSONText(null=True, help_text="The value that a person put in its place.")
    state = models.CharField(max_length=8, choices=State, default=State.HOLDS, db_index=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.OPENF1, help_text="Where the row came from.")
    reason = models.TextField(blank=True, help_text="Why, in the words of whoever corrected it.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="corrections"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at", "-correction_id"]
        constraints = [models.UniqueConstraint(fields=["collection", "key", "field"], name="correction_key")]
        indexes = [models.Index(fields=["collection", "session_id"], name="correction_piece")]

    def __str__(self) -> str:
        key = self.key if isinstance(self.key, dict) else {"key": self.key}  # a damaged row has to be shown, too
        what = ", ".join(f"{name.removesuffix('_id')} {value}" for name, value in key.items())
        return f"{self.collection}: {self.field or 'deleted'} ({what})"

    def set_upstream(self, value: Any) -> bool:
        """Set what upstream now sends, in JSON's types, and the state that follows; False when it is the same as before."""
        if value == self.upstream:
            return False
        self.upstream = value
        self.state = self.State.OBSOLETE if self.field and value == self.corrected else self.State.CONFLICT
        return True


class PieceVersion(models.Model):
    """When the rows of a piece last changed, whoever changed them; see `versions`."""

    collection = models.CharField(max_length=24)
    session_id = models.IntegerField(help_text="OpenF1's session_key; 0 for lists of races and sessions.")
    stamp = models.BigIntegerField(help_text="A random number, another at every change.")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "session_id"], name="piece_version_key")]
        indexes = [models.Index(fields=["session_id"], name="piece_version_session")]  # pages ask for all pieces of a session

    def __str__(self) -> str:
        return f"{self.collection} of {self.session_id or 'all'}"


class UpstreamPace(models.Model):
    """The requests that all processes together sent to one upstream in the last minutes."""

    upstream = models.CharField(max_length=200, primary_key=True, help_text="The address, and who asks.")
    slots = models.JSONField(
        default=dict, help_text="Per request when it left and when it was answered, in seconds of Unix time."
    )

    def __str__(self) -> str:
        return self.upstream
