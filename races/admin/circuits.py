"""The admin pages of circuits: what was computed, and its corners, which people may correct."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from mirror.admin import LogAdmin, RowAdmin, RowInline
from races.models import Circuit, Corner


class CornerInline(RowInline):
    model = Corner
    fields = ("number", "letter", "distance")


@admin.register(Circuit)
class CircuitAdmin(RowAdmin):
    icon = "route"
    list_display = ("circuit_name", "length", "clockwise", "corner_count", "corners_edited", "laps", "sessions", "computed_at")
    list_filter = ("clockwise", "corners_edited", "source")
    search_fields = ("circuit_name", "circuit_id__exact")
    readonly_fields = ("length", "clockwise", "sector_1", "sector_2", "laps", "sessions", "source", "computed_at")
    fields = (
        "circuit_name",
        ("length", "clockwise"),
        ("sector_1", "sector_2"),
        ("laps", "sessions", "source", "computed_at"),
        "corners_edited",
    )
    inlines = (CornerInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Circuits are computed from the positions of cars."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Circuit]:
        return super().get_queryset(request).annotate(corner_count=Count("corners"))

    @admin.display(description="corners", ordering="corner_count")
    def corner_count(self, circuit: Any) -> int:
        return circuit.corner_count

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Store edited corners, and note that a person has edited them."""
        super().save_related(request, form, formsets, change)
        if any(formset.has_changed() for formset in formsets):
            form.instance.corners_edited = True
            form.instance.save()


@admin.register(Corner)
class CornerAdmin(LogAdmin):
    """Corners are edited on the page of their circuit."""

    icon = "turn_right"
    list_display = ("label", "circuit", "distance")
    list_filter = ("circuit",)
    list_select_related = ("circuit",)
    search_fields = ("circuit__circuit_name", "number__exact")
    fields = ("circuit", ("number", "letter"), "distance")
