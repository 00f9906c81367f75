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


@pytest.fixture
def storage(settings, tmp_path):
    """An empty storage, and no model or race in memory."""
    from ml import champions, prediction

    settings.MEDIA_ROOT = tmp_path
    champions.loaded.clear()
    prediction.load_race.cache_clear()


@pytest.fixture
def no_plots(monkeypatch):
    monkeypatch.setattr("ml.plots.draw_all", lambda result: iter(()))


@pytest.fixture(scope="package")
def trained(laps, table, two_years):
    """{task: what its training gives}, which is the same in every test."""
    from ml import training
    from ml.tests.promoted import TASKS, before_the_last

    data = dict.fromkeys(TASKS, (laps, table)) | {"lap_time": two_years}
    return {
        task: training.train(rows, table=features, model="ridge", task=task, split=before_the_last(rows))
        for task, (rows, features) in data.items()
    }


@pytest.fixture
def results(db, storage, laps, table, trained, no_plots, monkeypatch):
    """{task: what its training predicted}, with the model of each promoted."""
    from ml import recording
    from ml.tests.promoted import learn

    found = {}
    with monkeypatch.context() as patch:
        patch.setattr("ml.training.train", lambda laps, *, task, **options: trained[task])
        for task in trained:
            run, found[task] = learn(laps, table, task)
            recording.promote(run)
    return found
