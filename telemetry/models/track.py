"""What happened on track: pit stops, positions, intervals, overtakes and team radio."""

from django.db import models

from drivers.models import CarRow, Driver
from mirror.fields import JSONText
from mirror.limits import LAPS, SECONDS, moment, shaped, within, written
from mirror.models import Mirrored
from races.models import Session


class Pit(CarRow):
    """A visit to the pit lane. One over 300 s is time in the garage or a red flag, not a stop."""

    pit_id = models.BigAutoField("pit ID", primary_key=True)
    date = models.DateTimeField(null=True, blank=True, **moment("When the car left the pit lane (UTC)."))
    lap_number = models.PositiveIntegerField(null=True, blank=True, **within(0, 999, "Lap on which the car came in.", hard=LAPS))
    pit_duration = models.FloatField(
        null=True, blank=True, **within(0, 100_000, "Seconds in the pit lane (OpenF1's older name).", hard=SECONDS)
    )
    lane_duration = models.FloatField(null=True, blank=True, **within(0, 100_000, "Seconds in the pit lane.", hard=SECONDS))
    stop_duration = models.FloatField(
        null=True, blank=True, **within(0, 100_000, "Seconds at a standstill; from Austin 2024 on.", hard=SECONDS)
    )
    digest = models.BigIntegerField(editable=False, help_text="Stands for the moment of the visit, in the key.")

    class Meta:
        verbose_name = "pit stop"
        ordering = ["session_id", "date", "pit_id"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number", "digest"], name="pit_key")]

    @property
    def seconds(self) -> float | None:
        """In the pit lane, by whichever name upstream gave it."""
        return self.lane_duration if self.pit_duration is None else self.pit_duration

    def __str__(self) -> str:
        return f"car {self.driver_number} in the pits on lap {self.lap_number or '?'}"


class Position(CarRow):
    """The place a car has taken, from this moment on."""

    position_id = models.BigAutoField("position ID", primary_key=True)
    date = models.DateTimeField(**moment("When the car got there (UTC)."))
    position = models.PositiveSmallIntegerField(**within(1, 60, "1 leads."))

    class Meta:
        ordering = ["session_id", "date", "driver_number", "position"]
        # Upstream sometimes sends two places of one car for one moment, so the place is part of the key.
        constraints = [models.UniqueConstraint(fields=["session", "date", "driver_number", "position"], name="position_key")]

    def __str__(self) -> str:
        return f"car {self.driver_number} in P{self.position}"


class Interval(CarRow):
    """How far a car is behind the leader and behind the car ahead, at one moment of a race."""

    interval_id = models.BigAutoField("interval ID", primary_key=True)
    date = models.DateTimeField(**moment("When it was measured (UTC)."))
    gap_to_leader = JSONText(null=True, blank=True, **shaped("gaps", 'Seconds, or "+1 LAP"; the leader has 0.', 0, 100_000))
    gap_to_leader_seconds = models.FloatField(
        null=True, blank=True, editable=False, **within(0, 100_000, "The gap as a number; empty for lapped cars.")
    )
    interval = JSONText(
        null=True, blank=True, **shaped("gaps", 'Seconds to the car ahead, or "+1 LAP"; the leader has 0.', 0, 100_000)
    )
    interval_seconds = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        **within(0, 100_000, "The interval as a number; empty behind a car a lap ahead."),
    )
    repeat = models.PositiveSmallIntegerField(
        default=0, editable=False, **within(0, 1_000, "0; 1, 2, … for further measurements of the same car and moment.")
    )

    class Meta:
        ordering = ["session_id", "date", "driver_number", "repeat"]
        constraints = [models.UniqueConstraint(fields=["session", "date", "driver_number", "repeat"], name="interval_key")]

    def __str__(self) -> str:
        return f"car {self.driver_number}: gap {self.gap_to_leader}"


class Overtake(Mirrored):
    """One car getting past another, in the pits and by penalties included; upstream's list is not complete."""

    overtake_id = models.BigAutoField("overtake ID", primary_key=True)
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="overtakes", db_index=False
    )  # the key begins with it
    date = models.DateTimeField(**moment("When it happened (UTC)."))
    overtaking_driver_number = models.PositiveIntegerField(**within(0, 999, "Number of the car that got past."))
    overtaken_driver_number = models.PositiveIntegerField(**within(0, 999, "Number of the car that lost the place."))
    position = models.PositiveSmallIntegerField(null=True, blank=True, **within(1, 60, "Place of the overtaking car afterwards."))
    overtaking_driver = models.ForeignKey(
        Driver,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="overtakes",
        help_text="The person who got past, as the session's entries say.",
    )
    overtaken_driver = models.ForeignKey(
        Driver,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="places_lost",
        help_text="The person who lost the place, as the session's entries say.",
    )

    class Meta:
        ordering = ["session_id", "date", "overtaking_driver_number", "overtaken_driver_number"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "date", "overtaking_driver_number", "overtaken_driver_number"], name="overtake_key"
            )
        ]

    def __str__(self) -> str:
        return f"car {self.overtaking_driver_number} past car {self.overtaken_driver_number}"


class TeamRadio(CarRow):
    """A recorded exchange between a driver and the team."""

    team_radio_id = models.BigAutoField("team radio ID", primary_key=True)
    date = models.DateTimeField(null=True, blank=True, **moment("When it was said (UTC)."))
    recording_url = models.CharField("recording URL", max_length=500, **written("address", "The recording (MP3)."))

    class Meta:
        verbose_name_plural = "team radio"
        ordering = ["session_id", "date", "team_radio_id"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number", "recording_url"], name="team_radio_key")]

    def __str__(self) -> str:
        return f"radio of car {self.driver_number}"
