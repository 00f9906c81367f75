"""Laps: the timing of a session."""

from django.db import models

from drivers.models import CarRow
from mirror.fields import JSONText
from mirror.limits import LAPS, POSITIVE_SECONDS, moment, shaped, within, written
from telemetry.models.best_laps import ADDED_SECTORS
from telemetry.models.clean_laps import LapQuerySet


class Lap(CarRow):
    """One lap of one car: its time, its sectors, its speeds."""

    lap_id = models.BigAutoField("lap ID", primary_key=True)
    lap_number = models.PositiveIntegerField(**within(1, 999, "1 is the first lap.", hard=LAPS))
    date_start = models.DateTimeField(null=True, blank=True, **moment("When the lap began (UTC, approximate)."))
    lap_duration = models.FloatField(null=True, blank=True, **within(1, 14_400, "Lap time in seconds.", hard=POSITIVE_SECONDS))
    duration_sector_1 = models.FloatField(null=True, blank=True, **within(0.1, 14_400, "Seconds.", hard=POSITIVE_SECONDS))
    duration_sector_2 = models.FloatField(null=True, blank=True, **within(0.1, 14_400, "Seconds.", hard=POSITIVE_SECONDS))
    duration_sector_3 = models.FloatField(null=True, blank=True, **within(0.1, 14_400, "Seconds.", hard=POSITIVE_SECONDS))
    i1_speed = models.PositiveIntegerField(null=True, blank=True, **within(0, 450, "km/h at the first intermediate point."))
    i2_speed = models.PositiveIntegerField(null=True, blank=True, **within(0, 450, "km/h at the second intermediate point."))
    st_speed = models.PositiveIntegerField(null=True, blank=True, **within(0, 450, "km/h at the speed trap."))
    is_pit_out_lap = models.BooleanField(default=False, help_text="The lap began in the pit lane.")
    segments_sector_1 = JSONText(
        null=True,
        blank=True,
        **shaped("mini-sectors", "Mini-sector codes; 2048 yellow, 2049 green, 2051 purple, 2064 pit lane.", 0, 9_999),
    )
    segments_sector_2 = JSONText(null=True, blank=True, **shaped("mini-sectors", "Codes as in sector 1.", 0, 9_999))
    segments_sector_3 = JSONText(null=True, blank=True, **shaped("mini-sectors", "Codes as in sector 1.", 0, 9_999))
    pit_in_time = models.FloatField(null=True, blank=True, **within(0, 100_000, "Seconds from session start, from FastF1."))
    pit_out_time = models.FloatField(null=True, blank=True, **within(0, 100_000, "Seconds from session start, from FastF1."))
    track_status = models.CharField(max_length=10, null=True, blank=True, **written("track states", "Track status, from FastF1."))
    deleted = models.BooleanField(
        default=False, editable=False, help_text="Race control deleted the lap time, which no longer counts; from its messages."
    )
    deletion_reason = models.CharField(
        max_length=200, null=True, blank=True, editable=False, help_text="Why it was deleted, e.g. TRACK LIMITS AT TURN 4."
    )

    objects = LapQuerySet.as_manager()

    class Meta:
        ordering = ["session_id", "driver_number", "lap_number"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number", "lap_number"], name="lap_key")]
        indexes = [  # the best laps of a session, and of all
            models.Index(fields=["session", "lap_duration"], name="lap_best"),
            models.Index("session", ADDED_SECTORS, name="lap_best_sectors"),
            models.Index(fields=["lap_duration"], name="lap_time"),
        ]

    def __str__(self) -> str:
        return f"lap {self.lap_number} of car {self.driver_number}"
