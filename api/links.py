"""URLs in answers: absolute and under /api/v1/, also when the request had no prefix."""

from django.db import models
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse

NAMESPACE = "v1"


def detail_prefix(request: HttpRequest, model: type[models.Model]) -> str:
    """What precedes the key in the URLs of a model's rows; reversed once instead of for every row."""
    url = reverse(f"{NAMESPACE}:{model._meta.model_name}-detail", args=["0"])
    return request.build_absolute_uri(url.removesuffix("0/"))


def canonical_url(request: HttpRequest) -> str:
    """The URL of a request without its query, with the prefix and the trailing slash that it may lack."""
    root = reverse(f"{NAMESPACE}:root")
    rest = request.path.removeprefix(root).removeprefix(get_script_prefix()).strip("/")
    return request.build_absolute_uri(f"{root}{rest}/" if rest else root)
