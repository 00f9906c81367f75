"""URLs whose views fail."""

from django.core.exceptions import PermissionDenied
from django.urls import path

from f1site.urls import handler400, handler403, handler404, handler500  # noqa: F401


def crash(request):
    raise ZeroDivisionError


def forbidden(request):
    raise PermissionDenied


urlpatterns = [path("crash/", crash), path("forbidden/", forbidden)]
