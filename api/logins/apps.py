from django.apps import AppConfig


class LoginsConfig(AppConfig):
    name = "api.logins"
    label = "logins"
    verbose_name = "logins"
