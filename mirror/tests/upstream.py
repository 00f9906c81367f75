"""An upstream for tests: a `requests` transport that answers from a script or from rows, and a clock that only sleeping moves."""

import json
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from mirror.client import Client
from mirror.pace import Pace


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += seconds


def answer(body, status=200, **headers):
    """A response to come: a list or dict becomes JSON, bytes go as they are."""
    response = requests.Response()
    response.status_code = status
    response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


NOTHING = {"detail": "No results found."}


class Script(BaseAdapter):
    """Gives the scripted answers in turn, raising those that are exceptions; `asked` keeps every request."""

    def __init__(self, *answers):
        super().__init__()
        self.answers, self.asked = list(answers), []

    def send(self, request, **options):
        self.asked.append(request)
        reply = self.answers.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        reply.url, reply.request = request.url, request
        return reply

    def close(self):
        pass


class Rows(Script):
    """Answers from `{collection: [row, …]}` with equality filters and `latest`; a callable in `refuse` may answer instead."""

    def __init__(self, refuse=lambda collection, filters: None, **rows):
        super().__init__()
        self.rows, self.refuse = rows, refuse

    def send(self, request, **options):
        self.asked.append(request)
        url = urlsplit(request.url)
        collection, filters = url.path.rsplit("/", 1)[1], parse_qsl(url.query)
        reply = self.refuse(collection, dict(filters))
        if reply is None:
            rows = [row for row in self.rows.get(collection, []) if all(str(row.get(n)) == v for n, v in filters if n in row)]
            reply = answer(rows) if rows else answer(NOTHING, 404)
        if isinstance(reply, BaseException):
            raise reply
        reply.url, reply.request = request.url, request
        return reply


def openf1_rows(feed, stored):
    """The stored rows as OpenF1 sends them: its names and its spelling of datetimes, with the race of each."""
    names = dict(feed.wire)
    if "session_id" in names and "race_id" not in names:
        names = {"session__race_id": "meeting_key", **names}
    for values in stored.values_list(*names).iterator():
        yield {n: v.isoformat() if isinstance(v, datetime) else v for n, v in zip(names.values(), values, strict=True)}


def client(transport, **options):
    """A client whose network is `transport` and whose time is a fake clock."""
    session = requests.Session()
    session.mount("http://", transport)
    clock = options.pop("clock", Clock())
    pace = Pace(*options.pop("pace", ()), clock=clock, sleep=clock.sleep)
    return Client(base_url="http://upstream/v1", pace=pace, session=session, sleep=clock.sleep, **options)
