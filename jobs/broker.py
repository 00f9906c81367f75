"""The folder that stands in for a message broker, where none is set up."""

from typing import Any

from django.conf import settings


def make_broker_folder(**signal: Any) -> None:
    """Create the folder of messages, if a folder is the broker; the arguments of Celery's signals are ignored."""
    if settings.CELERY_BROKER_FOLDER:
        (settings.CELERY_BROKER_FOLDER / "control").mkdir(parents=True, exist_ok=True)
