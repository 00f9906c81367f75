"""Admin pages of laps and stints."""

from django.contrib import admin
from unfold.contrib.filters.admin import RangeNumericFilter

from drivers.admin import CarRowAdmin
from f1site.openf1.admin import badge, dot
from telemetry.models import Lap, Stint

# As on the tyres' sidewalls.
COMPOUNDS = {"SOFT": "da291c", "MEDIUM": "ffd12e", "HARD": "f0f0ec", "INTERMEDIATE": "43b02a", "WET": "0067ad"}


def lap_time(seconds: float | None) -> str | None:
    """83.456 -> "1:23.456"."""
    if seconds is None:
        return None
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    return f"{minutes}:{thousandths // 1000:02}.{thousandths % 1000:03}"


def sector_time(seconds: float | None) -> str | None:
    """29.65 -> "29.650"."""
    return None if seconds is None else f"{seconds:.3f}"


@admin.register(Lap)
class LapAdmin(CarRowAdmin):
    icon = "route"
    list_display = (
        "lap", "car", "driver", "time", "sector_1", "sector_2", "sector_3", "st_speed",
        "out_lap", "race", "outing", "source",
    )  # fmt: skip
    list_filter = (*CarRowAdmin.list_filter, "is_pit_out_lap", ("lap_duration", RangeNumericFilter))
    ordering = ("-session_id", "driver_number", "lap_number")
    fieldsets = (
        (
            None,
            {"fields": ("session", ("driver_number", "lap_number", "driver"), ("date_start", "lap_duration"), "is_pit_out_lap")},
        ),
        ("Sectors", {"fields": (("duration_sector_1", "duration_sector_2", "duration_sector_3"),)}),
        ("Speeds", {"fields": (("i1_speed", "i2_speed", "st_speed"),)}),
        ("Mini-sectors", {"fields": ("segments_sector_1", "segments_sector_2", "segments_sector_3")}),
        ("From FastF1", {"fields": (("pit_in_time", "pit_out_time", "track_status"),)}),
    )

    @admin.display(description="lap", ordering="lap_number")
    def lap(self, lap):
        return lap.lap_number

    @admin.display(description="lap time", ordering="lap_duration")
    def time(self, lap):
        return lap_time(lap.lap_duration)

    @admin.display(description="out-lap", ordering="is_pit_out_lap")
    def out_lap(self, lap):
        return badge("out", "info") if lap.is_pit_out_lap else ""

    @admin.display(description="S1", ordering="duration_sector_1")
    def sector_1(self, lap):
        return sector_time(lap.duration_sector_1)

    @admin.display(description="S2", ordering="duration_sector_2")
    def sector_2(self, lap):
        return sector_time(lap.duration_sector_2)

    @admin.display(description="S3", ordering="duration_sector_3")
    def sector_3(self, lap):
        return sector_time(lap.duration_sector_3)


@admin.register(Stint)
class StintAdmin(CarRowAdmin):
    icon = "tire_repair"
    list_display = (
        "stint", "car", "driver", "compound", "lap_start", "lap_end", "tyre_age_at_start",
        "race", "outing", "source",
    )  # fmt: skip
    list_filter = (*CarRowAdmin.list_filter, "tyre_compound")
    ordering = ("-session_id", "driver_number", "stint_number")

    @admin.display(description="stint", ordering="stint_number")
    def stint(self, stint):
        return stint.stint_number

    @admin.display(description="compound", ordering="tyre_compound")
    def compound(self, stint):
        return dot(COMPOUNDS.get(stint.tyre_compound), stint.tyre_compound)
