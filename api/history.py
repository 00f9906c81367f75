"""Entries for Django's admin log, so that a row's history in the admin includes changes over REST."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import models


def log_addition(user: Any, row: models.Model) -> None:
    log_action(user, row, ADDITION, [{"added": {}}])


def log_change(user: Any, row: models.Model, names: Iterable[str]) -> None:
    """Log a change; `names` are the model fields with a new value."""
    fields = [str(row._meta.get_field(name).verbose_name).capitalize() for name in names]  # type: ignore[union-attr]
    log_action(user, row, CHANGE, [{"changed": {"fields": fields}}] if fields else [])


def log_deletion(user: Any, row: models.Model) -> None:
    """Log a deletion; call it before the row is deleted, while it still has its key."""
    log_action(user, row, DELETION, [])


def log_action(user: Any, row: models.Model, action: int, message: list[dict[str, Any]]) -> None:
    LogEntry.objects.log_actions(user.pk, [row], action, change_message=message, single_object=True)
