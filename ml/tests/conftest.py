"""Laps of a demo season, loaded once for all tests of this folder, and gone before others run."""

import os

import pytest
from django.core.management import call_command
from django.test import override_settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a few thousand laps: threads cost more than they save


@pytest.fixture(scope="package")
def laps(django_db_setup, django_db_blocker, tmp_path_factory):
    """Race laps of four invented races, as `datasets.load` gives them."""
    import io

    from ml import datasets

    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        call_command("load_demo", "--races", "4", stdout=io.StringIO())
        yield datasets.load(datasets.sessions())
        call_command("load_demo", "--remove", stdout=io.StringIO())


@pytest.fixture(scope="package")
def table(laps):
    """Their features."""
    from ml import features

    return features.build(laps)


@pytest.fixture(scope="package")
def two_years(laps, table):
    """(laps, features) of the four races, and of the first one again: a year later, and 0.4 s a lap faster."""
    import pandas as pd

    again = laps["session_id"] == laps.loc[laps["session_date"].idxmin(), "session_id"]
    year = pd.Timedelta(days=364)
    later = laps[again].assign(
        session_id=1, season=laps["season"] + 1, session_date=laps["session_date"] + year, lap_duration=laps["lap_duration"] - 0.4
    )
    return tuple(pd.concat(pair, ignore_index=True) for pair in ((laps, later), (table, table[again])))


@pytest.fixture(autouse=True)
def nothing_kept():
    """The answers to earlier tests, which had the same rows, are forgotten."""
    from api.kept import kept

    kept.clear()
