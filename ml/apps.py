from django.apps import AppConfig


class LaboratoryConfig(AppConfig):
    name = "ml"
    verbose_name = "Laboratory"
