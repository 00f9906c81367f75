"""What checks found in a session's rows."""

from django.db import models

from races.models import Session
from telemetry.models.laps import Lap


class SessionQualityQuerySet(models.QuerySet):
    def with_holes(self) -> set[int]:
        """IDs of the sessions of which upstream should have more than is stored here."""
        holed = self.filter(grade__in=(SessionQuality.Grade.PARTIAL, SessionQuality.Grade.MISSING))
        return set(holed.values_list("session_id", flat=True))


class SessionQuality(models.Model):
    """How far a session can be trusted: what checks found in its rows, and how complete each collection is."""

    class Grade(models.TextChoices):
        COMPLETE = "complete"
        PARTIAL = "partial"
        MISSING = "missing"
        NOT_PROVIDED = "not provided", "not provided by upstream"
        NOT_YET = "not yet"

    quality_id = models.BigAutoField("quality ID", primary_key=True)
    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="quality")
    checked_at = models.DateTimeField(help_text="When the checks ran (UTC).")
    grade = models.CharField(max_length=12, choices=Grade, db_index=True, help_text="Of all collections that upstream provides.")
    errors = models.PositiveIntegerField(help_text="Findings that mislead: rows contradict each other or themselves.")
    warnings = models.PositiveIntegerField(help_text="Findings that can distort: something is missing or unlikely.")
    notes = models.PositiveIntegerField(help_text="Findings that are usual, and worth knowing.")
    grades = models.JSONField(help_text="Of each collection: grade, rows stored, and what is lacking.")
    findings = models.JSONField(help_text="The findings, the gravest first; the counts are exact where the list is cut short.")
    spoilt_laps = models.ManyToManyField(
        Lap, related_name="spoilt_by", blank=True, help_text="Laps whose time is not to be trusted, as a finding says."
    )

    objects = SessionQualityQuerySet.as_manager()

    class Meta:
        verbose_name = "data quality"
        verbose_name_plural = "data quality"
        ordering = ["session_id"]

    def __str__(self) -> str:
        return f"quality of session {self.session_id}"
