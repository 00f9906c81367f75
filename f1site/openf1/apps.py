from django.apps import AppConfig


class OpenF1Config(AppConfig):
    name = "f1site.openf1"
    label = "openf1"
    verbose_name = "OpenF1 sync"
