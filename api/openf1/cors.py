"""CORS headers that let pages of any site read the data, as OpenF1 does: it is the same for everybody."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"  # what OpenF1 sends; methods that are not served get a 405

View = Callable[..., HttpResponseBase]


def allow_all_origins(view: View) -> View:
    """Decorate a view to answer CORS preflights, and to let every origin read its responses."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        origin = request.headers.get("Origin")
        preflight = request.method == "OPTIONS" and origin and "Access-Control-Request-Method" in request.headers
        response = HttpResponse("OK", content_type="text/plain") if preflight else view(request, *args, **kwargs)
        if origin:
            response.headers["Access-Control-Allow-Origin"] = origin if preflight or request.COOKIES else "*"
            response.headers["Access-Control-Allow-Credentials"] = "true"
            patch_vary_headers(response, ["Origin"])
        if preflight:
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
            response.headers["Access-Control-Max-Age"] = "600"
        elif origin:
            response.headers["Access-Control-Expose-Headers"] = "ETag, Last-Modified"
        return response

    return wrapper
