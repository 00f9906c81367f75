"""Who changed what, and when: REST writes to the log that the admin shows as a row's history."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import models


def added(user: Any, row: models.Model) -> None:
    record(user, row, ADDITION, [{"added": {}}])


def changed(user: Any, row: models.Model, names: Iterable[str]) -> None:
    """`names` are the model fields that have a new value."""
    fields = [str(row._meta.get_field(name).verbose_name).capitalize() for name in names]  # type: ignore[union-attr]
    record(user, row, CHANGE, [{"changed": {"fields": fields}}] if fields else [])


def deleted(user: Any, row: models.Model) -> None:
    """To be called while the row still has its key."""
    record(user, row, DELETION, [])


def record(user: Any, row: models.Model, action: int, message: list[dict[str, Any]]) -> None:
    LogEntry.objects.log_actions(user.pk, [row], action, change_message=message, single_object=True)
