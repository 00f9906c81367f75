"""What FastF1 says of a session's laps, beside OpenF1."""

from django.db import models

from races.models import Session


class FastF1Comparison(models.Model):
    """How far FastF1's laps of a session agree with OpenF1's; corrections made here do not count."""

    comparison_id = models.BigAutoField("comparison ID", primary_key=True)
    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="fastf1_comparison")
    compared_at = models.DateTimeField(help_text="When this was found; finding the same again leaves it as it is (UTC).")
    origin = models.CharField(max_length=200, help_text="The file, or the release of FastF1, that the laps are from.")
    openf1_laps = models.PositiveIntegerField(help_text="Laps that OpenF1 has.")
    fastf1_laps = models.PositiveIntegerField(help_text="Laps that FastF1 has.")
    matched = models.PositiveIntegerField(help_text="Laps that both have, by car and lap number.")
    openf1_match_rate = models.FloatField(null=True, blank=True, help_text="Share of OpenF1's laps that FastF1 has, 0 to 1.")
    fastf1_match_rate = models.FloatField(null=True, blank=True, help_text="Share of FastF1's laps that OpenF1 has, 0 to 1.")
    equal = models.PositiveIntegerField(help_text="Lap times that are equal to the millisecond.")
    different = models.PositiveIntegerField(help_text="Lap times that differ.")
    untimed_openf1 = models.PositiveIntegerField(help_text="Matched laps to which only FastF1 gives a time.")
    untimed_fastf1 = models.PositiveIntegerField(help_text="Matched laps to which only OpenF1 gives a time.")
    untimed_both = models.PositiveIntegerField(help_text="Matched laps to which neither gives a time.")
    compounds_equal = models.PositiveIntegerField(help_text="Matched laps on whose tyre compound both agree.")
    compounds_different = models.PositiveIntegerField(help_text="Matched laps of which they name different compounds.")
    differences = models.JSONField(help_text="The lap times that differ: driver_number, lap_number, openf1, fastf1 (seconds).")
    proposals = models.JSONField(help_text="Lap times that OpenF1 lacks, as FastF1 has them: driver_number, lap_number, fastf1.")
    unmatched = models.JSONField(help_text="Laps of one source only: driver_number, lap_number, source (openf1 or fastf1).")

    class Meta:
        verbose_name = "comparison with FastF1"
        verbose_name_plural = "comparisons with FastF1"
        ordering = ["session_id"]

    def __str__(self) -> str:
        return f"FastF1 on session {self.session_id}"
