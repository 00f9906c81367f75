"""Stints: runs of laps on one set of tyres."""

from django.db import models

from drivers.models import CarRow


class Stint(CarRow):
    """A run of laps of one car on one set of tyres."""

    stint_id = models.BigAutoField("stint ID", primary_key=True)
    stint_number = models.PositiveIntegerField(help_text="1 is the first stint.")
    lap_start = models.PositiveIntegerField(null=True, blank=True, help_text="First lap of the stint.")
    lap_end = models.PositiveIntegerField(null=True, blank=True, help_text="Last lap; can also be the next stint's first.")
    tyre_compound = models.CharField(max_length=20, null=True, blank=True, help_text="SOFT, MEDIUM, HARD, INTERMEDIATE, WET, …")
    tyre_age_at_start = models.PositiveIntegerField(null=True, blank=True, help_text="Laps the tyres had done before.")

    class Meta:
        ordering = ["session_id", "driver_number", "stint_number"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number", "stint_number"], name="stint_key")]

    def __str__(self) -> str:
        return f"stint {self.stint_number} of car {self.driver_number}"
