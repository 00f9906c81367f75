"""Keys in the addresses of admin pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse


def with_possible_key(view: Callable[..., HttpResponse], key: models.Field) -> Callable[..., HttpResponse]:
    """An admin view that is asked only about keys that a row can have; others are 404.

    Django's own views find that out, but unfold asks for permissions by the key before them.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "object_id" in kwargs:
            try:
                key.clean(key.to_python(unquote(str(kwargs["object_id"]))), None)
            except ValidationError as error:
                raise Http404(f"{kwargs['object_id']!r} is no {key.verbose_name}.") from error
        return view(request, *args, **kwargs)

    return wrapper
