"""The schedules the site comes with; from then on they are the administrator's."""

import json

from django.db import migrations

DAILY = [("Sync what is due", "f1site.jobs.schedule", {"kind": "sync_stale"}, "20", "4"), ("Delete old jobs", "f1site.jobs.prune", {"days": 30}, "50", "3")]


def deliver(apps, schema_editor):
    Task, Crontab, Interval = (apps.get_model("django_celery_beat", name) for name in ("PeriodicTask", "CrontabSchedule", "IntervalSchedule"))
    for name, task, kwargs, minute, hour in DAILY:
        crontab, _ = Crontab.objects.get_or_create(minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC")
        Task.objects.get_or_create(name=name, defaults={"task": task, "kwargs": json.dumps(kwargs), "crontab": crontab})
    hourly, _ = Crontab.objects.get_or_create(minute="35", hour="*", day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC")
    weekends = {"kind": "sync_stale", "only_on_race_weekends": True}
    Task.objects.get_or_create(name="Sync what is due, hourly on race weekends", defaults={"task": "f1site.jobs.schedule", "kwargs": json.dumps(weekends), "crontab": hourly})
    minute, _ = Interval.objects.get_or_create(every=20, period="seconds")
    Task.objects.get_or_create(name="Take up what dead workers left", defaults={"task": "f1site.jobs.take_up", "interval": minute})


def take_back(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(task__startswith="jobs.").delete()


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [migrations.RunPython(deliver, take_back)]
