from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "f1site.jobs"
    label = "jobs"
    verbose_name = "Background work"
