"""Stints: runs of laps on one set of tyres."""

from django.db import models

from drivers.models import CarRow
from mirror.limits import LAPS, ClosedText, join_known, within

COMPOUNDS = ("SOFT", "MEDIUM", "HARD", "INTERMEDIATE", "WET", "UNKNOWN", "TEST_UNKNOWN")
OTHER_COMPOUNDS = {
    **{"S": "SOFT", "M": "MEDIUM", "H": "HARD", "I": "INTERMEDIATE", "W": "WET"},
    **{"INTER": "INTERMEDIATE", "INTERS": "INTERMEDIATE", "FULL WET": "WET"},
}


class Stint(CarRow):
    """A run of laps of one car on one set of tyres."""

    stint_id = models.BigAutoField("stint ID", primary_key=True)
    stint_number = models.PositiveIntegerField(**within(1, 100, "1 is the first stint."))
    lap_start = models.PositiveIntegerField(null=True, blank=True, **within(1, 999, "First lap of the stint.", hard=LAPS))
    lap_end = models.PositiveIntegerField(
        null=True, blank=True, **within(1, 999, "Last lap; can also be the next stint's first.", hard=LAPS)
    )
    tyre_compound = ClosedText(
        max_length=20, null=True, blank=True, known=COMPOUNDS, synonyms=OTHER_COMPOUNDS, help_text=f"{join_known(COMPOUNDS)}."
    )
    tyre_age_at_start = models.PositiveIntegerField(null=True, blank=True, **within(0, 150, "Laps the tyres had done before."))

    class Meta:
        ordering = ["session_id", "driver_number", "stint_number"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number", "stint_number"], name="stint_key")]

    def __str__(self) -> str:
        return f"stint {self.stint_number} of car {self.driver_number}"
