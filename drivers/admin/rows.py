"""Admin pages of rows about cars: entries, results, grids, standings."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from drivers.models import ChampionshipDriver, ChampionshipTeam, Entry, SessionResult, StartingGrid, Team
from mirror.admin import RowInline, badge, dot
from races.admin import SessionAdmin, SessionRowAdmin

IDENTITY = (
    "full_name",
    ("first_name", "last_name"),
    ("broadcast_name", "name_acronym", "country_code"),
    ("team_name", "team_colour"),
    "headshot_url",
)


@admin.register(Entry)
class EntryAdmin(SessionRowAdmin):
    """The driver of an entry is not editable: it follows from the names, the aliases and the merges of drivers."""

    icon = "badge"
    readonly_fields: ClassVar[tuple[str, ...]] = (*SessionRowAdmin.readonly_fields, "driver")
    list_display = ("car", "name_in_session", "acronym", "driver", "team", "session", "race", "source")
    list_display_links = ("car", "name_in_session")
    list_filter = (*SessionRowAdmin.list_filter, ("driver", AutocompleteSelectFilter), ("driver", admin.EmptyFieldListFilter))
    list_prefetch_related = ("session__race", "driver")
    ordering = ("-session_id", "driver_number")
    search_fields = (*SessionRowAdmin.search_fields, "full_name", "name_acronym", "team_name", "driver_number__exact")
    fieldsets = ((None, {"fields": (("session", "driver_number", "driver"), *IDENTITY)}),)

    @admin.display(description="car", ordering="driver_number")
    def car(self, entry: Entry) -> int:
        return entry.driver_number

    @admin.display(description="acronym", ordering="name_acronym")
    def acronym(self, entry: Entry) -> str | None:
        return entry.name_acronym

    @admin.display(description="name in the session", ordering="full_name")
    def name_in_session(self, entry: Entry) -> str | None:
        return entry.full_name

    @admin.display(description="team", ordering="team_name")
    def team(self, entry: Entry) -> str:
        return dot(entry.team_colour, entry.team_name)


@SessionAdmin.register_inline
class EntryInline(RowInline):
    model = Entry
    fields = ("driver_number", "full_name", "name_acronym", "team_name", "team_colour", "driver")
    readonly_fields = ("driver",)
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).select_related("driver")


class TeamFilter(admin.SimpleListFilter):
    """Rows of the cars that a team entered."""

    title = "team"
    parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in Team.objects.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset
        entries = Entry.objects.filter(session=OuterRef("session"), driver_number=OuterRef("driver_number"))
        return queryset.filter(Exists(entries.filter(team_name=self.value())))


def clock_time(seconds: float | None) -> str | None:
    """83.456 -> "1:23.456"; 6052.554 -> "1:40:52.554"."""
    if seconds is None:
        return None
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{clock}:{thousandths // 1000:02}.{thousandths % 1000:03}"


def times_text(value: Any, write: Callable[[float], str | None]) -> str | None:
    """A number of seconds, a text, or a list with a number for each phase of a qualifying."""
    if isinstance(value, list):
        return " · ".join(times_text(each, write) or "–" for each in value)
    return write(value) if isinstance(value, int | float) else value


class CarRowAdmin(SessionRowAdmin):
    """Rows about one car in one session; the driver is that of the session's entry with the car's number."""

    readonly_fields: ClassVar[tuple[str, ...]] = (*SessionRowAdmin.readonly_fields, "driver")
    list_prefetch_related = ("session__race", "driver")
    list_filter = (*SessionRowAdmin.list_filter, ("driver", AutocompleteSelectFilter), TeamFilter)
    search_fields = (*SessionRowAdmin.search_fields, "driver__full_name", "driver__name_acronym", "driver_number__exact")

    @admin.display(description="car", ordering="driver_number")
    def car(self, row: Any) -> int:
        return row.driver_number


@admin.register(SessionResult)
class SessionResultAdmin(CarRowAdmin):
    icon = "emoji_events"
    list_display = (
        "position",
        "car",
        "driver",
        "race",
        "session_label",
        "number_of_laps",
        "time",
        "gap",
        "points",
        "outcome",
        "source",
    )
    list_display_links = ("position", "car")
    list_filter = (*CarRowAdmin.list_filter, "dnf", "dns", "dsq")
    ordering = ("-session_id", F("position").asc(nulls_last=True), "session_result_id")

    @admin.display(description="time", ordering="duration_seconds")
    def time(self, result: SessionResult) -> str | None:
        return times_text(result.duration, clock_time)

    @admin.display(description="gap to the leader", ordering="gap_to_leader_seconds")
    def gap(self, result: SessionResult) -> str | None:
        return times_text(result.gap_to_leader, "+{:.3f}".format)

    @admin.display(description="")
    def outcome(self, result: SessionResult) -> str:
        return next((badge(name.upper(), "warning") for name in ("dsq", "dns", "dnf") if getattr(result, name)), "")


@admin.register(StartingGrid)
class StartingGridAdmin(CarRowAdmin):
    icon = "grid_view"
    list_display = ("position", "car", "driver", "lap_time", "race", "session_label", "source")
    list_display_links = ("position", "car")
    ordering = ("-session_id", F("position").asc(nulls_last=True), "starting_grid_id")

    @admin.display(description="qualifying lap", ordering="lap_duration")
    def lap_time(self, row: StartingGrid) -> str | None:
        return clock_time(row.lap_duration)


@admin.register(ChampionshipDriver)
class ChampionshipDriverAdmin(CarRowAdmin):
    icon = "military_tech"
    title = "Drivers' championship"
    list_display = ("position_current", "car", "driver", "points_current", "position_start", "points_start", "race", "source")
    list_display_links = ("position_current", "car")
    ordering = ("-session_id", F("position_current").asc(nulls_last=True), "championship_driver_id")


@admin.register(ChampionshipTeam)
class ChampionshipTeamAdmin(SessionRowAdmin):
    icon = "groups"
    title = "Teams' championship"
    list_display = ("position_current", "team_name", "points_current", "position_start", "points_start", "race", "source")
    list_display_links = ("position_current", "team_name")
    list_filter = (*SessionRowAdmin.list_filter, "team_name")
    ordering = ("-session_id", F("position_current").asc(nulls_last=True), "championship_team_id")
    search_fields = (*SessionRowAdmin.search_fields, "team_name")
