"""The demo season behind `requests`: an adapter that answers the way api.openf1.org does, without a network.

Left out of upstream's behaviour: CSV, dates that are not ISO 8601, rate limits. A collection that the season does not invent is
answered as one without rows, so that a new collection is synced like all others before anybody invents rows for it.
"""

import io
import re
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from requests.adapters import BaseAdapter

from mirror.simulator import order, query, rows, samples
from mirror.simulator.quirks import applied
from mirror.simulator.season import Season, Session

BY_SESSION = {
    collection.__name__: collection
    for collection in (
        rows.drivers,
        rows.laps,
        rows.stints,
        rows.pit,
        rows.weather,
        rows.race_control,
        rows.team_radio,
        rows.session_result,
        rows.starting_grid,
        rows.championship_drivers,
        rows.championship_teams,
        order.position,
        order.intervals,
        order.overtakes,
    )
}
SAMPLES = {"car_data": samples.car_data, "location": samples.location}
COLLECTIONS = {"meetings", "sessions", *BY_SESSION, *SAMPLES}  # with rows in the demo season


class TooMuch(Exception):
    """More than upstream gives in one answer."""


class Simulator(BaseAdapter):
    """Answers `GET https://demo.invalid/v1/<collection>?<filters>` from an invented season."""

    def __init__(self, season: Season):
        super().__init__()
        self.season = season

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        status, body = self.answer(request.method or "", request.url or "")
        response = requests.Response()
        response.status_code, response.reason = status, HTTPStatus(status).phrase
        response.headers["Content-Type"] = "application/json"
        response.url, response.request = request.url or "", request
        response.raw = io.BytesIO(msgspec.json.encode(body))
        return response

    def close(self) -> None:
        """Nothing is open."""

    def answer(self, method: str, url: str) -> tuple[int, object]:
        """(status, body) for a request."""
        parts = urlsplit(url)
        path = re.fullmatch(r"/v1/(\w+)", parts.path.lower())
        if method not in ("GET", "POST"):
            return 405, {"detail": "Method Not Allowed"}
        if not path:
            return 404, {"detail": "Not Found"}
        try:
            matching = self.matching(path[1], query.parse(parts.query))
        except (ValueError, TypeError) as error:  # what cannot be read, and bounds of different kinds on one field
            return 400, {"detail": str(error)}
        except TooMuch as error:
            return 422, {"detail": str(error)}
        return (200, matching) if matching else (404, {"detail": "No results found."})

    def matching(self, collection: str, conditions: query.Query) -> list:
        """The rows of a collection that match, in upstream's order."""
        if collection not in COLLECTIONS:
            return []
        conditions = {field: self.latest(field, predicates) for field, predicates in conditions.items()}
        if collection == "meetings":
            return query.select([rows.meeting(weekend) for weekend in self.season.weekends], conditions)
        if collection == "sessions":
            return query.select(self.listed, conditions)
        keys = {field: predicates for field, predicates in conditions.items() if field in ("session_key", "meeting_key")}
        sessions = [self.season.sessions[row["session_key"]] for row in query.select(self.listed, keys)]
        whole = [row for session in sessions for row in self.of_session(collection, session, conditions)]
        return query.select(whole, {field: predicates for field, predicates in conditions.items() if field not in keys})

    @cached_property
    def listed(self) -> list[rows.Row]:
        return [rows.session(session) for session in self.season.sessions.values()]

    def latest(self, field: str, predicates: list[query.Predicate]) -> list[query.Predicate]:
        """Conditions in which the word for the newest session or weekend has become its key."""
        if field not in ("session_key", "meeting_key"):
            return predicates
        newest = self.listed[-1][field]
        return [(sign, newest if value == "latest" else value) for sign, value in predicates]

    def of_session(self, collection: str, session: Session, conditions: query.Query) -> list[rows.Row]:
        keys = {"meeting_key": session.weekend.key, "session_key": session.key}
        if collection in SAMPLES:
            selected = self.of_cars(collection, session, conditions)
        else:
            selected = applied(collection, session, BY_SESSION[collection](self.season, session))
        return [{**row, **keys} for row in selected]

    def of_cars(self, collection: str, session: Session, conditions: query.Query) -> list[rows.Row]:
        """The samples of the cars asked for; upstream refuses to give those of a whole session."""
        if session != self.season.sampled:
            return []
        if not {"driver_number", "date"} & conditions.keys():
            raise TooMuch(f"{collection} of a whole session is too much: add driver_number or a window of dates.")
        cars = {"driver_number": conditions.get("driver_number", [(">=", 0)])}
        wanted = query.select([{"driver_number": car} for car in sorted(self.season.outing(session).laps)], cars)
        return [row for car in wanted for row in SAMPLES[collection](self.season, session, car["driver_number"])]
