"""The demo season, loaded once for all tests of pages."""

import pytest
from django.core.management import call_command

from races.models import Session


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The demo season's first two weekends, with what the checks find in them."""
    with django_db_blocker.unblock():
        call_command("load_demo", "--races", "2", "--seed", "1", verbosity=0)
        call_command("check_data", verbosity=0)


@pytest.fixture
def race(db):
    """A race of the demo season."""
    return Session.objects.select_related("race").filter(session_name="Race").earliest("date_start")
