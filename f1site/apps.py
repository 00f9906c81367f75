from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "f1site"
    verbose_name = "F1 Stats"

    def ready(self) -> None:
        import f1site.celery  # noqa: F401 - makes the Celery app current, through which `jobs` sends messages
