"""An invented Formula 1 season, served like OpenF1.

`Season(seed=1, races=3)` is a season, `client(season)` a client to sync it with, and `season.truth()` returns the
parameters that generated it. The site treats its rows like real ones.

    world       drivers and circuits        laws      parameters of lap times, by seed
    season      weekends and sessions       race, strategy, runs, weather, messages   what happens in one
    timing      laps and crossings             results                classifications
    rows, order, samples                    the same as OpenF1's rows
    quirks      deliberate faults           query, transport       requests and responses
    loading     into the database and out   truth                  the true parameters
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
