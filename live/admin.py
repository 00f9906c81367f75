"""The admin of the live feed: how it is."""

from django.contrib import admin

from live.models import LiveState
from mirror.admin.pages import LogAdmin


@admin.register(LiveState)
class LiveStateAdmin(LogAdmin):
    icon = "sensors"
    list_display = ("condition", "healthy", "session_id", "messages", "per_second", "connected_at", "changed_at", "process")
    fields = (
        ("condition", "healthy"),
        ("session_id", "process"),
        ("messages", "per_second"),
        ("connected_at", "changed_at"),
        "topics",
        "holes",
    )
