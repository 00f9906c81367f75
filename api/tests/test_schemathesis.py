"""Requests made up from the OpenAPI description, valid and not: no server error, and no answer that is not described."""

from contextlib import closing, suppress
from importlib import import_module
from itertools import cycle
from unittest import SkipTest

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core import signals
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from api.sync import SyncMixin
from api.tests.factories import make
from f1site.wsgi import application
from telemetry.models import SampleFile

pytestmark = pytest.mark.django_db

REQUESTS = 300  # about, by each of the tests, whatever the number of operations
CONFORMANCE = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def described(settings, monkeypatch):
    """The description as it is served; OpenF1 is a port where nobody listens."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.OPENF1_BASE_URL = "http://127.0.0.1:9/v1"
    settings.OPENF1_REQUESTS_PER_SECOND = settings.OPENF1_REQUESTS_PER_MINUTE = 0
    monkeypatch.setattr(SyncMixin, "attempts", 1)
    ends = (signals.request_started, signals.request_finished)
    for end in ends:  # a request must not close the test's transaction, as with Django's own test client
        end.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/schema/", read_and_closed)
    for end in ends:
        end.connect(close_old_connections)


def read_and_closed(environ, start_response):
    """The site as a server calls it: an answer that is not closed would keep its turn, of which there are few."""
    with closing(application(environ, start_response)) as response:
        return [b"".join(response)]


@pytest.fixture
def stored(db) -> dict[str, object]:
    """Keys of rows that exist, by their names in URLs and bodies: {"lap_id": 1, …}"""
    keys = {}
    for _, viewset, _ in import_module(django_settings.ROOT_URLCONF).router.registry:
        if viewset.queryset.model is SampleFile:
            continue  # a row without its file is rightly answered with 503
        row = make(viewset.queryset.model)
        keys[row._meta.pk.name] = row.pk
    return keys


def about_stored_rows(case, stored) -> None:
    """Turn a request into one about rows that exist."""
    case.path_parameters = {name: stored.get(name, value) for name, value in (case.path_parameters or {}).items()}
    if isinstance(case.body, dict):
        case.body |= {name: stored[name] for name in case.body.keys() & stored.keys() - case.path_parameters.keys()}


@pytest.mark.parametrize(
    ("who", "mode"),
    [("visitor", GenerationMode.POSITIVE), ("editor", GenerationMode.POSITIVE), ("editor", GenerationMode.NEGATIVE)],
)
def test_no_made_up_request_breaks_the_api(described, stored, editor, who, mode):
    headers = {"Accept-Encoding": "identity"}  # the client that reads the answers here does not know gzip
    headers |= {"Authorization": editor._credentials["HTTP_AUTHORIZATION"]} if who == "editor" else {}
    operations = [operation.ok() for operation in described.get_all_operations()]
    examples = settings(
        max_examples=max(3, REQUESTS // len(operations)),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    turns = cycle([True, False])
    for operation in operations:

        @examples
        @given(case=operation.as_strategy(generation_mode=mode))
        def conforms(case):
            if next(turns):
                about_stored_rows(case, stored)
            response = case.call(headers=headers)
            upstream_is_away = response.status_code == 503 and "OpenF1 cannot be reached" in response.text
            case.validate_response(response, checks=CONFORMANCE if upstream_is_away else [not_a_server_error, *CONFORMANCE])

        with suppress(Unsatisfiable, SkipTest):  # a request without parameters cannot be made wrong
            conforms()
