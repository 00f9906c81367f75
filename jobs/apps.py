from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "jobs"
    label = "jobs"
    verbose_name = "Background work"

    def ready(self) -> None:
        autodiscover_modules("jobs")  # each app registers its kinds of jobs in its own `jobs.py`
