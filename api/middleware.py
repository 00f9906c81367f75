"""Request handling that concerns every URL."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.urls import is_valid_path


class TrailingSlashMiddleware:
    """Serve `/laps` as `/laps/`, for every method; a redirect would lose the body of a POST."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (
            not request.path_info.endswith("/")
            and request.path_info[:4].lower() != "/v1/"  # where any path is one, which takes longer to find out
            and not is_valid_path(request.path_info)
            and is_valid_path(request.path_info + "/")
        ):
            request.path_info += "/"
            request.path += "/"
        return self.get_response(request)


class CompressionMiddleware(GZipMiddleware):
    """Compress answers with gzip, except Parquet, which is compressed already, and `/v1`, which compresses its own answers."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        parquet = response.get("Content-Type") == "application/vnd.apache.parquet"
        if parquet or request.path_info[:4].lower() == "/v1/":
            return response
        return super().process_response(request, response)


class ErrorMiddleware:
    """Answer the errors that views outside the REST API share with it: of database and files, of too many wrong passwords."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        from api import errors  # imports REST framework, which reads the settings

        return errors.known_error(request, exception)
