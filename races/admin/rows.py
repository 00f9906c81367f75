"""Admin pages of what belongs to a session: weather, race control, neutralisations; and the base of all such pages."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from mirror.admin import (
    KnownValuesFilter,
    LogAdmin,
    MirroredAdmin,
    badge,
    dot,
)
from mirror.admin.searching import search_condition
from races.models import Neutralisation, Race, RaceControl, Weather

FLAG_COLOURS = {
    "GREEN": "43b02a",
    "YELLOW": "ffd12e",
    "DOUBLE YELLOW": "ffd12e",
    "RED": "da291c",
    "BLUE": "0067ad",
    "CLEAR": "43b02a",
}


class SessionRowAdmin(MirroredAdmin):
    """Rows that belong to a session: up to millions, so that there is no date hierarchy, which would read them all."""

    list_select_related = ()
    list_prefetch_related: tuple[str, ...] = ("session__race",)
    list_filter: tuple = (
        ("session", AutocompleteSelectFilter),
        ("session__race", AutocompleteSelectFilter),
        "session__year",
        "session__session_name",
        "source",
    )
    autocomplete_fields = ("session",)
    search_fields: tuple[str, ...] = ("session__race__race_name", "session__location", "session__session_name")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return queryset.filter(search_condition(self.model, self.get_search_fields(request), search_term)), False

    @admin.display(description="race", ordering="session__date_start")
    def race(self, row: Any) -> str:
        return short_name(row.session.race)

    @admin.display(description="session", ordering="session")
    def session_label(self, row: Any) -> str:
        return row.session.session_name


@admin.register(Weather)
class WeatherAdmin(SessionRowAdmin):
    icon = "partly_cloudy_day"
    list_display = (
        "date",
        "race",
        "session_label",
        "air_temperature",
        "track_temperature",
        "humidity",
        "rain",
        "wind_speed",
        "source",
    )
    list_filter = (*SessionRowAdmin.list_filter, ("rainfall", KnownValuesFilter))
    ordering = ("-session_id", "-date")

    @admin.display(description="rain", ordering="rainfall")
    def rain(self, weather: Weather) -> str:
        return badge("rain", "info") if weather.rainfall else ""


@admin.register(RaceControl)
class RaceControlAdmin(SessionRowAdmin):
    icon = "campaign"
    title = "Race control"
    list_display = (
        "date",
        "lap_number",
        "flag_colour",
        "message",
        "driver_number",
        "category",
        "race",
        "session_label",
        "source",
    )
    list_display_links = ("date", "message")
    list_filter = (*SessionRowAdmin.list_filter, *((name, KnownValuesFilter) for name in ("category", "flag", "scope")))
    ordering = ("-session_id", "-date", "-race_control_id")
    search_fields = (*SessionRowAdmin.search_fields, "message", "driver_number__exact")

    @admin.display(description="flag", ordering="flag")
    def flag_colour(self, message: RaceControl) -> str:
        return dot(FLAG_COLOURS.get(message.flag or ""), message.flag)


@admin.register(Neutralisation)
class NeutralisationAdmin(LogAdmin):
    icon = "emergency"
    title = "Neutralisations"
    list_display = ("date_start", "date_end", "inferred", "state", "sector", "race", "session_label")
    list_filter = (("session", AutocompleteSelectFilter), "session__year", "session__session_name", "state", "inferred")
    list_select_related = ("session__race",)
    date_hierarchy = "date_start"
    ordering = ("-date_start", "-pk")
    search_fields = SessionRowAdmin.search_fields
    fields = ("session", ("state", "sector"), ("date_start", "date_end", "inferred"))

    @admin.display(description="race", ordering="session__date_start")
    def race(self, window: Neutralisation) -> str:
        return short_name(window.session.race)

    @admin.display(description="session", ordering="session")
    def session_label(self, window: Neutralisation) -> str:
        return window.session.session_name


def short_name(race: Race) -> str:
    """A race's name for narrow columns: "2024 Monaco GP"."""
    return f"{race.year} {race.race_name.replace('Grand Prix', 'GP')}"
