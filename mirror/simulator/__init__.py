"""An invented Formula 1 season that answers like OpenF1.

`Season(seed=1, races=3)` is the season, `client(season)` the client to sync it with, after which the site treats its rows like
real ones, and `season.truth()` says what generated it.

    world       who races, and where        laws      what a lap costs, by seed
    season      weekends and sessions       race, strategy, runs, weather, marshals   what happens in one
    timing      laps and lines              results                how it ended
    rows, order, samples                    the same as OpenF1's rows
    quirks      what is wrong with them     query, transport       questions and answers
    loading     into the database and out   truth                  what a model should find out
"""

from typing import Any

import requests

from mirror.client import Client
from mirror.models import Source
from mirror.pace import Pace
from mirror.simulator.rows import SITE
from mirror.simulator.season import YEAR, Season
from mirror.simulator.transport import Simulator
from mirror.simulator.truth import Truth

__all__ = ["YEAR", "Season", "Truth", "client"]


def client(season: Season | None = None, **options: Any) -> Client:
    """A client whose upstream is an invented season (the default one without any); the sync's scope needs its `YEAR`."""
    session = requests.Session()
    session.mount(SITE, Simulator(season or Season()))
    return Client(base_url=f"{SITE}/v1", pace=Pace(), session=session, source=Source.DEMO, **options)
