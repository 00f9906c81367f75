"""How admin pages write values, addresses and coloured labels."""

import re
from typing import Any

import msgspec
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from mirror.feeds import Feed

EMPTY = "–"


def labels(feed: Feed | None) -> dict[str, str]:
    """{field: verbose name} of a feed's model, in the model's order; {} without a feed."""
    return {field.attname: str(field.verbose_name) for field in feed.model._meta.concrete_fields} if feed else {}


def list_url(model: type[models.Model], **lookups: Any) -> str:
    """The URL of the admin's list of a model, filtered by the lookups."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(lookups)}" if lookups else url


def page_url(obj: models.Model) -> str:
    """The URL of the admin's page of a row."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def display_value(value: Any, *, indent: int = -1) -> str:
    """Format a field's value: texts as they are, None as a dash, all else as JSON, in lines if an indent is given."""
    if value is None:
        return EMPTY
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()
    except RecursionError:  # of a version that did not limit the nesting of JSON
        return "nested too deeply to be shown"


def badge(text: str, kind: str) -> str:
    """The HTML of a coloured label; `kind` is success, info, warning, danger or empty."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def duration_text(seconds: float) -> str:
    """A duration as "12.3 s" or "4 min 5 s"."""
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.1f} s"


def dot(colour: str | None, text: object) -> str:
    """The HTML of a text after a dot in a colour of six hexadecimal digits; without the dot when the colour is not valid."""
    if text is None or not re.fullmatch(r"[0-9a-fA-F]{6}", colour or ""):
        return EMPTY if text is None else str(text)
    style = "display:inline-block;width:.7rem;height:.7rem;border-radius:50%;border:1px solid #8886;margin-right:.45rem;"
    return format_html('<span style="{}background:#{}"></span>{}', style, colour, text)
