from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "live"

    def ready(self) -> None:
        from live import reviewing  # when all models are loaded

        reviewing.register()
