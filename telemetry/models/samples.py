"""Samples of cars and positions, which live in Parquet files, and what is computed from them lap by lap."""

from django.db import models

from drivers.models import CarRow
from mirror.limits import moment, within


class CarSample(models.Model):
    """What a car's electronics say, about four times a second. A row of a file, not of a table."""

    date = models.DateTimeField(**moment("When Formula 1's feed stamped the sample (UTC)."))
    rpm = models.IntegerField(null=True, **within(0, 20_000, "Engine revolutions per minute."))
    speed = models.SmallIntegerField(null=True, **within(0, 450, "km/h."))
    n_gear = models.SmallIntegerField(null=True, **within(0, 15, "Gear, 0 for neutral."))
    throttle = models.SmallIntegerField(null=True, **within(0, 104, "Throttle pedal in per cent; 104 means no data."))
    brake = models.SmallIntegerField(null=True, **within(0, 104, "0 or 100; 104 means no data."))
    drs = models.SmallIntegerField(null=True, **within(0, 15, "0, 1 closed; 8 eligible; 10, 12, 14 open."))

    class Meta:
        abstract = True


class LocationSample(models.Model):
    """Where a car was, about four times a second. A row of a file, not of a table."""

    date = models.DateTimeField(**moment("When Formula 1's feed stamped the sample (UTC)."))
    x = models.IntegerField(
        null=True, **within(-1_000_000, 1_000_000, "Tenths of a metre from an arbitrary origin; 0, 0, 0 before the car moves.")
    )
    y = models.IntegerField(null=True, **within(-1_000_000, 1_000_000, "Tenths of a metre."))
    z = models.IntegerField(null=True, **within(-100_000, 100_000, "Tenths of a metre, upwards."))

    class Meta:
        abstract = True


class SampleFile(CarRow):
    """The samples of one car in one session: a Parquet file, and what it holds."""

    file_id = models.BigAutoField("file ID", primary_key=True)
    collection = models.CharField(max_length=24, help_text="car_data or location.")
    name = models.CharField(max_length=200, help_text="Where the file is in the storage.")
    rows = models.PositiveIntegerField(**within(0, 10_000_000, "Samples in the file."))
    first_date = models.DateTimeField(null=True, **moment("Moment of the first sample (UTC)."))
    last_date = models.DateTimeField(null=True, **moment("Moment of the last sample (UTC)."))
    size = models.PositiveBigIntegerField(**within(0, 10_000_000_000, "Bytes."))
    sha256 = models.CharField(max_length=64, help_text="SHA-256 of the file.")

    class Meta:
        ordering = ["session_id", "driver_number", "collection"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number", "collection"], name="sample_file_key")]

    def __str__(self) -> str:
        return self.name


class Telemetry(CarRow):
    """One lap of one car in figures, computed from its samples."""

    telemetry_id = models.BigAutoField("telemetry ID", primary_key=True)
    lap_number = models.PositiveIntegerField(**within(1, 999, "1 is the first lap."))
    avg_speed = models.FloatField(null=True, blank=True, **within(0, 450, "Mean speed of the samples in km/h."))
    max_speed = models.FloatField(null=True, blank=True, **within(0, 450, "Highest speed in km/h."))
    mean_rpm = models.FloatField(null=True, blank=True, **within(0, 20_000, "Mean engine revolutions per minute."))
    median_gear = models.FloatField(null=True, blank=True, **within(0, 15, "Median gear of the samples."))
    gear_changes = models.PositiveIntegerField(
        null=True, blank=True, **within(0, 100_000, "Samples in another gear than the one before.")
    )
    throttle_usage = models.FloatField(null=True, blank=True, **within(0, 1, "Share of samples with throttle above 0."))
    full_throttle = models.FloatField(null=True, blank=True, **within(0, 1, "Share of samples with throttle at 99 or more."))
    brake_usage = models.FloatField(null=True, blank=True, **within(0, 1, "Share of samples with the brake on."))
    drs_usage = models.FloatField(null=True, blank=True, **within(0, 1, "Share of samples with DRS open (10, 12, 14)."))
    samples = models.PositiveIntegerField(default=0, **within(0, 1_000_000, "Samples the figures were computed from."))

    class Meta:
        verbose_name_plural = "telemetry"
        ordering = ["session_id", "driver_number", "lap_number"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number", "lap_number"], name="telemetry_key")]

    def __str__(self) -> str:
        return f"telemetry of lap {self.lap_number} of car {self.driver_number}"
