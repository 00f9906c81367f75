"""What the laps of a session say about comparing them."""

from django.db import models

from races.models import Session


class DeltaCalibration(models.Model):
    """How far deltas between laps of a session can be trusted, and what timing its laps needs; see docs/delta.md."""

    calibration_id = models.BigAutoField("calibration ID", primary_key=True)
    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="delta_calibration")
    with_positions = models.BooleanField(help_text="Whether positions were used, or speeds alone.")
    lines = models.JSONField(help_text="m of start, sector 1, sector 2 and finish along the centre line.")
    scales = models.JSONField(help_text="Of integrated speeds by car number; under 0 the median.")
    factors = models.JSONField(help_text="Of the filter's deviations at sector line 1 and 2, by level in %.")
    quality = models.JSONField(
        null=True,
        help_text="At each left-out sector line: error, half-width (ms), coverage.",
    )
    laps = models.PositiveIntegerField(help_text="Laps that it rests on.")
    inputs = models.CharField(max_length=64, help_text="SHA-256 over the versions of laps, samples and circuit.")
    computed_at = models.DateTimeField(auto_now=True, help_text="When it was computed (UTC).")

    class Meta:
        ordering = ["session_id"]

    def __str__(self) -> str:
        return f"calibration of session {self.session_id}"
