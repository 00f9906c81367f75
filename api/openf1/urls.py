"""OpenF1's addresses: collections under /v1 in any case, without a slash at the end, and the login beside them."""

from django.urls import path, re_path

from api.openf1.token import token
from api.openf1.views import collection, collections, not_found

urlpatterns = [
    re_path(r"^[vV]1/(?P<name>\w+)$", collection, name="openf1"),
    re_path(r"^[vV]1/$", collections, name="openf1-root"),
    re_path(r"^[vV]1(?P<rest>/.*)?$", not_found),
    path("token", token, name="openf1-token"),
]
