"""What a page says to a question that makes no sense to it: 400 with a sentence, as a page for browsers, else as text."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pages.state import BadState, refuse_others

Page = Callable[..., HttpResponse]


def explained(page: Page) -> Page:
    """Decorator of a page: what it raises as `BadState` is the answer."""

    @wraps(page)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return page(request, *args, **kwargs)
        except BadState as error:
            return refusal(request, str(error))

    return answer


def takes(*parameters: str) -> Callable[[Page], Page]:
    """Decorator of a page: a parameter that is none of these is refused, and so is what the page raises as `BadState`."""

    def decorate(page: Page) -> Page:
        @wraps(page)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            refuse_others(request.GET, parameters)
            return page(request, *args, **kwargs)

        return explained(answer)

    return decorate


def refusal(request: HttpRequest, reason: str) -> HttpResponse:
    if "text/html" not in request.headers.get("Accept", "") or request.GET.get("format") in ("json", "csv"):
        return HttpResponse(reason, status=400, content_type="text/plain; charset=utf-8", headers={"Vary": "Accept"})
    return render(request, "400.html", {"reason": reason, "path": request.path}, status=400)
