"""The site under test: its address, its sessions, and its answers without any client."""

import json
import os
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel, ValidationError

SITE = os.environ["SITE"]
SESSIONS = [int(key) for key in os.environ["SESSIONS"].split(",")]
LOGIN = (os.environ["SITE_USER"], os.environ["SITE_PASSWORD"])


def rows_of(path: str) -> list[dict]:
    with urllib.request.urlopen(f"{SITE}/v1/{quote(path, safe='/?&=<>:%')}") as answer:
        return json.load(answer)


def refusals(model: type[BaseModel], row: dict) -> list[Any]:
    """Return the values of a row that a client's model does not accept."""
    try:
        model.model_validate(row)
    except ValidationError as error:
        return [part["input"] for part in error.errors()]
    return []


def agree(call: Callable[[], list], model: type[BaseModel], rows: list[dict]) -> None:
    """Check that the client returns what the site sends, row by row.

    Some models know nothing of values that OpenF1 sends as well (nulls, and texts or lists in place of a number): the client
    then refuses them from either server, and here it is only seen to that it is these.
    """
    refused = [value for row in rows for value in refusals(model, row)]
    if not refused:
        assert call() == [model.model_validate(row) for row in rows]
        return
    assert all(value is None or isinstance(value, str | list) for value in refused)
    with pytest.raises(ValidationError):
        call()
