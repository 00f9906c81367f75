"""The Celery app: `celery -A f1site worker` and `celery -A f1site beat`, on as many machines as share the database and broker."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "f1site.settings")
app = Celery("f1site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["jobs"])


def make_broker_folder(**event) -> None:
    """Make the folders that stand in for a broker; nothing to do where there is a real one."""
    from django.conf import settings  # here, for it is not configured yet when this module is read

    if settings.CELERY_BROKER_FOLDER:
        (settings.CELERY_BROKER_FOLDER / "control").mkdir(parents=True, exist_ok=True)


celeryd_init.connect(make_broker_folder)
beat_init.connect(make_broker_folder)
