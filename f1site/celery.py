"""The Celery app: `celery -A f1site worker` and `celery -A f1site beat`, on as many machines as share the database and broker."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init

from jobs.broker import make_broker_folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "f1site.settings")
app = Celery("f1site")
app.set_default()  # current in every thread, not only in the one that imports this module
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["jobs"])

celeryd_init.connect(make_broker_folder)
beat_init.connect(make_broker_folder)
