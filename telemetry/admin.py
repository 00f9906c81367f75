"""Admin pages of laps, stints, pit stops, positions, intervals, overtakes, team radio and samples."""

from typing import Any, ClassVar

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeNumericFilter

from drivers.admin import CarRowAdmin, clock_time
from mirror.admin import KnownValuesFilter, LogAdmin, badge, dot
from races.admin import SessionRowAdmin
from telemetry.fastf1.admin import FastF1ComparisonAdmin
from telemetry.models import DeltaCalibration, Interval, Lap, Overtake, Pit, Position, SampleFile, Stint, TeamRadio, Telemetry
from telemetry.quality.admin import SessionQualityAdmin

__all__ = ["FastF1ComparisonAdmin", "SessionQualityAdmin"]  # registered by their import

# The colours of the markings on the tyres' sidewalls.
COMPOUNDS = {"SOFT": "da291c", "MEDIUM": "ffd12e", "HARD": "f0f0ec", "INTERMEDIATE": "43b02a", "WET": "0067ad"}


def sector_time(seconds: float | None) -> str | None:
    """29.65 -> "29.650"."""
    return None if seconds is None else f"{seconds:.3f}"


def percent(share: float | None) -> str | None:
    """0.485 -> "48 %"."""
    return None if share is None else f"{share * 100:.0f} %"


@admin.register(Lap)
class LapAdmin(CarRowAdmin):
    icon = "route"
    list_display = (
        "lap",
        "car",
        "driver",
        "time",
        "sector_1",
        "sector_2",
        "sector_3",
        "st_speed",
        "out_lap",
        "race",
        "session_label",
        "source",
    )
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
    def lap(self, lap: Any) -> Any:
        return lap.lap_number

    @admin.display(description="lap time", ordering="lap_duration")
    def time(self, lap: Any) -> Any:
        return clock_time(lap.lap_duration)

    @admin.display(description="out-lap", ordering="is_pit_out_lap")
    def out_lap(self, lap: Any) -> Any:
        return badge("out", "info") if lap.is_pit_out_lap else ""

    @admin.display(description="S1", ordering="duration_sector_1")
    def sector_1(self, lap: Any) -> Any:
        return sector_time(lap.duration_sector_1)

    @admin.display(description="S2", ordering="duration_sector_2")
    def sector_2(self, lap: Any) -> Any:
        return sector_time(lap.duration_sector_2)

    @admin.display(description="S3", ordering="duration_sector_3")
    def sector_3(self, lap: Any) -> Any:
        return sector_time(lap.duration_sector_3)


@admin.register(Stint)
class StintAdmin(CarRowAdmin):
    icon = "tire_repair"
    list_display = (
        "stint",
        "car",
        "driver",
        "compound",
        "lap_start",
        "lap_end",
        "tyre_age_at_start",
        "race",
        "session_label",
        "source",
    )
    list_filter = (*CarRowAdmin.list_filter, ("tyre_compound", KnownValuesFilter))
    ordering = ("-session_id", "driver_number", "stint_number")

    @admin.display(description="stint", ordering="stint_number")
    def stint(self, stint: Any) -> Any:
        return stint.stint_number

    @admin.display(description="compound", ordering="tyre_compound")
    def compound(self, stint: Any) -> Any:
        return dot(COMPOUNDS.get(stint.tyre_compound), stint.tyre_compound)


@admin.register(Pit)
class PitAdmin(CarRowAdmin):
    icon = "car_repair"
    list_display = ("date", "lap_number", "car", "driver", "lane_duration", "stop_duration", "race", "session_label", "source")
    list_filter = (*CarRowAdmin.list_filter, ("lane_duration", RangeNumericFilter))
    ordering = ("-session_id", "-date", "-pit_id")


@admin.register(Position)
class PositionAdmin(CarRowAdmin):
    icon = "format_list_numbered"
    list_display = ("date", "position", "car", "driver", "race", "session_label", "source")
    ordering = ("-session_id", "-date", "-driver_number", "-position")


@admin.register(Interval)
class IntervalAdmin(CarRowAdmin):
    icon = "straighten"
    list_display = ("date", "car", "driver", "gap_to_leader", "interval", "race", "session_label", "source")
    list_display_links = ("date", "car")
    ordering = ("-session_id", "-date", "-driver_number", "-repeat")


@admin.register(Overtake)
class OvertakeAdmin(SessionRowAdmin):
    icon = "swap_vert"
    readonly_fields: ClassVar[tuple[str, ...]] = (*SessionRowAdmin.readonly_fields, "overtaking_driver", "overtaken_driver")
    list_display = ("date", "overtaking_driver", "overtaken_driver", "position", "race", "session_label", "source")
    list_filter = (
        *SessionRowAdmin.list_filter,
        ("overtaking_driver", AutocompleteSelectFilter),
        ("overtaken_driver", AutocompleteSelectFilter),
    )
    list_prefetch_related = ("session__race", "overtaking_driver", "overtaken_driver")
    ordering = ("-session_id", "-date", "-overtake_id")
    search_fields = (*SessionRowAdmin.search_fields, "overtaking_driver__full_name", "overtaken_driver__full_name")


@admin.register(TeamRadio)
class TeamRadioAdmin(CarRowAdmin):
    icon = "headset_mic"
    list_display = ("date", "car", "driver", "race", "session_label", "source")
    ordering = ("-session_id", "-date", "-team_radio_id")


@admin.register(SampleFile)
class SampleFileAdmin(LogAdmin, CarRowAdmin):
    """A read-only list: syncs create, replace and delete these files."""

    icon = "folder_data"
    list_display = ("name", "collection", "car", "driver", "rows", "megabytes", "race", "session_label", "source")
    list_filter = (*CarRowAdmin.list_filter, ("collection", KnownValuesFilter))
    ordering = ("-session_id", "driver_number", "collection")

    @admin.display(description="MB", ordering="size")
    def megabytes(self, file: Any) -> Any:
        return f"{file.size / 1_000_000:.1f}"


@admin.register(DeltaCalibration)
class DeltaCalibrationAdmin(LogAdmin):
    icon = "straighten"
    list_display = ("session", "laps", "with_positions", "computed_at")
    list_filter = ("with_positions", "session__year")
    list_select_related = ("session",)
    ordering = ("-session_id",)
    search_fields = SessionRowAdmin.search_fields
    fields = ("session", ("laps", "with_positions", "computed_at"), "lines", "factors", "quality", "scales")


@admin.register(Telemetry)
class TelemetryAdmin(CarRowAdmin):
    icon = "speed"
    list_display = (
        "lap_number",
        "car",
        "driver",
        "mean",
        "top",
        "flat_out",
        "braking",
        "drs",
        "race",
        "session_label",
        "source",
    )
    ordering = ("-session_id", "driver_number", "lap_number")

    @admin.display(description="mean km/h", ordering="avg_speed")
    def mean(self, lap: Any) -> Any:
        return None if lap.avg_speed is None else f"{lap.avg_speed:.1f}"

    @admin.display(description="top km/h", ordering="max_speed")
    def top(self, lap: Any) -> Any:
        return None if lap.max_speed is None else f"{lap.max_speed:.0f}"

    @admin.display(description="full throttle", ordering="full_throttle")
    def flat_out(self, lap: Any) -> Any:
        return percent(lap.full_throttle)

    @admin.display(description="brake", ordering="brake_usage")
    def braking(self, lap: Any) -> Any:
        return percent(lap.brake_usage)

    @admin.display(description="DRS", ordering="drs_usage")
    def drs(self, lap: Any) -> Any:
        return percent(lap.drs_usage)
