"""An adapter for `requests` that answers like api.openf1.org from the demo season, without a network.

Not simulated: CSV, dates that are not ISO 8601, rate limits. A collection that the season does not invent is
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
from mirror.simulator.quirks import apply_quirks
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


class TooManyRows(Exception):
    """The answer would be larger than upstream allows."""


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
        """Do nothing: there is no connection."""

    def answer(self, method: str, url: str) -> tuple[int, object]:
        """(status, body) for a request."""
        parts = urlsplit(url)
        path = re.fullmatch(r"/v1/(\w+)", parts.path.lower())
        if method not in ("GET", "POST"):
            return 405, {"detail": "Method Not Allowed"}
        if not path:
            return 404, {"detail": "Not Found"}
        try:
            matching_rows = self.matching_rows(path[1], query.parse(parts.query))
        except (ValueError, TypeError) as error:  # what cannot be read, and bounds of different kinds on one field
            return 400, {"detail": str(error)}
        except TooManyRows as error:
            return 422, {"detail": str(error)}
        return (200, matching_rows) if matching_rows else (404, {"detail": "No results found."})

    def matching_rows(self, collection: str, conditions: query.Query) -> list:
        """The rows of a collection that match, in upstream's order."""
        if collection not in COLLECTIONS:
            return []
        conditions = {field: self.latest(field, predicates) for field, predicates in conditions.items()}
        if collection == "meetings":
            return query.select([rows.meeting(weekend) for weekend in self.season.weekends], conditions)
        if collection == "sessions":
            return query.select(self.session_list, conditions)
        keys = {field: predicates for field, predicates in conditions.items() if field in ("session_key", "meeting_key")}
        sessions = [self.season.sessions[row["session_key"]] for row in query.select(self.session_list, keys)]
        all_rows = [row for session in sessions for row in self.session_rows(collection, session, conditions)]
        return query.select(all_rows, {field: predicates for field, predicates in conditions.items() if field not in keys})

    @cached_property
    def session_list(self) -> list[rows.Row]:
        return [rows.session(session) for session in self.season.sessions.values()]

    def latest(self, field: str, predicates: list[query.Predicate]) -> list[query.Predicate]:
        """Conditions with `latest` replaced by the key of the last session or weekend."""
        if field not in ("session_key", "meeting_key"):
            return predicates
        newest = self.session_list[-1][field]
        return [(sign, newest if value == "latest" else value) for sign, value in predicates]

    def session_rows(self, collection: str, session: Session, conditions: query.Query) -> list[rows.Row]:
        """The rows of a collection in one session, with the session's keys."""
        keys = {"meeting_key": session.weekend.key, "session_key": session.key}
        if collection in SAMPLES:
            selected = self.sample_rows(collection, session, conditions)
        else:
            selected = apply_quirks(collection, session, BY_SESSION[collection](self.season, session))
        return [{**row, **keys} for row in selected]

    def sample_rows(self, collection: str, session: Session, conditions: query.Query) -> list[rows.Row]:
        """The samples of the requested cars; upstream refuses to give those of a whole session."""
        if session != self.season.sampled:
            return []
        if not {"driver_number", "date"} & conditions.keys():
            raise TooManyRows(f"{collection} of a whole session is too much: add driver_number or a window of dates.")
        cars = {"driver_number": conditions.get("driver_number", [(">=", 0)])}
        cars_wanted = query.select([{"driver_number": car} for car in sorted(self.season.simulate(session).laps)], cars)
        return [row for car in cars_wanted for row in SAMPLES[collection](self.season, session, car["driver_number"])]
