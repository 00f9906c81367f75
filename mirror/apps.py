from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string


class OpenF1Config(AppConfig):
    name = "mirror"
    label = "openf1"
    verbose_name = "OpenF1 sync"

    def ready(self) -> None:
        import_string(settings.OPENF1_FEEDS)  # importing the feeds fills Feed.by_model
