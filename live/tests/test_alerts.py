"""Alerts: what happens, who is told, and what is posted where."""

import hashlib
import hmac
import http.server
import json
import socket
import ssl
import threading
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.core.exceptions import ValidationError
from django.forms import modelform_factory

from live.admin import AlertRuleForm
from live.alerts import PER_MINUTE, Alerts, deliver
from live.happenings import happenings
from live.inbox import Inbox
from live.messages import Message
from live.models import AlertRule
from live.service import Service
from live.webhooks import check_webhook
from mirror.models import Source
from races.models import Race, Session

NOW = datetime(2026, 3, 8, 14, tzinfo=UTC)
QUIET = {
    "session": {"id": 1, "name": "Race", "race": "Bahrain Grand Prix", "kind": "race"},
    "now": "2026-03-08T14:00:00Z",
    "clock": {"to_start": 0},
    "track": {"flag": "green"},
    "weather": {"rain": False},
    "order": [1, 16],
    "best": {"lap": 95.1, "car": 1},
    "cars": {
        "1": {"number": 1, "name": "Max Verstappen", "pit": False, "out": False, "lap": 9},
        "16": {"number": 16, "name": "Charles Leclerc", "pit": False, "out": False, "lap": 9},
    },
}


def after(**changes):
    """The quiet board with something changed: `cars__16__pit=True`."""
    board = deepcopy(QUIET)
    for path, value in changes.items():
        *parents, last = path.split("__")
        part = board
        for name in parents:
            part = part[name]
        part[last] = value
    return board


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"cars__16__pit": True}, "pit", "Charles Leclerc pits on lap 9"),
        ({"cars__1__out": True}, "stops", "Max Verstappen is out"),
        ({"best": {"lap": 94.0, "car": 16}}, "best_lap", "Charles Leclerc sets the best lap: 94.000 s"),
        ({"track__flag": "sc"}, "safety_car", "Safety car deployed"),
        ({"track__flag": "red"}, "red_flag", "Red flag"),
        ({"weather__rain": True}, "rain", "It rains"),
        ({"order": [16, 1]}, "lead", "Charles Leclerc leads"),
    ],
)
def test_what_happens_between_two_boards(changes, kind, text):
    assert [(each.kind, each.text) for each in happenings(QUIET, after(**changes))] == [(kind, text)]
    assert not [*happenings(after(**changes), after(**changes))]


@pytest.mark.once
def test_a_session_begins_once():
    boards = [after(clock__to_start=seconds) for seconds in (902, 901, 900, 899, 5, 0)]
    found = [happening for pair in pairwise(boards) for happening in happenings(*pair)]
    assert [each.text for each in found] == ["Bahrain Grand Prix, Race begins in 15 minutes"]


@contextmanager
def receiver(*statuses, tls=None):
    """A web server on a free port that answers with these statuses in turn, and keeps what it was sent."""
    received, answers = [], [*statuses]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0) if answers else 200)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *args): ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()


def rule(**fields):
    return AlertRule.objects.create(**{"name": "Leclerc pits", "kind": "pit", "driver_number": 16} | fields)


@pytest.mark.django_db
def test_the_page_shows_what_a_rule_asks_for_and_nothing_else():
    rule()
    rule(name="off", kind="rain", driver_number=None, enabled=False)
    alerts = Alerts()
    assert alerts.see(QUIET, NOW) == []
    assert alerts.see(after(cars__1__pit=True, weather__rain=True), NOW) == []
    [alert] = alerts.see(after(cars__16__pit=True, cars__1__pit=True, weather__rain=True), NOW)
    assert alert == {"time": "14:00:00", "kind": "pit", "text": "Charles Leclerc pits on lap 9"}
    alerts.close()


@pytest.mark.django_db
def test_a_post_is_signed_and_tried_again(settings):
    with receiver(500, 429, 200) as (host, received):
        settings.LIVE_WEBHOOK_HOSTS = [host]
        own, pauses = rule(webhook=f"http://{host}/hook"), []
        deliver(own, b'{"kind": "pit"}', pauses.append)
    assert len(received) == 3
    headers, body = received[-1]
    assert headers["X-Signature-256"] == "sha256=" + hmac.new(own.secret.encode(), body, hashlib.sha256).hexdigest()
    assert json.loads(body) == {"kind": "pit"}
    assert pauses == [1.0, 5.0]
    own.refresh_from_db()
    assert own.last_result == "attempt 3: answered 200"


@pytest.mark.django_db
def test_a_redirect_is_not_followed_and_a_refusal_is_not_repeated(settings):
    with receiver(302, 403) as (host, received):
        settings.LIVE_WEBHOOK_HOSTS = [host]
        own = rule(webhook=f"http://{host}/hook")
        deliver(own, b"{}", pytest.fail)
        deliver(own, b"{}", pytest.fail)
    assert len(received) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        *("http://169.254.169.254/", "http://hooks.example.org:22/", "file:///etc/passwd", "http://x@evil/"),
        "http://169.254.169.254\\@127.0.0.1/",  # read by some as a user, and posted to what is before the @
        *("http://[", "http://127.0.0.1:99999/", "http://", "127.0.0.1"),
    ],
)
def test_other_hosts_get_nothing(settings, url):
    settings.LIVE_WEBHOOK_HOSTS = ["hooks.example.org:443", "127.0.0.1"]
    with pytest.raises(ValidationError, match="webhook"):
        check_webhook(url)
    own = rule(webhook=url)
    deliver(own, b"{}", pytest.fail)
    own.refresh_from_db()
    assert own.last_result.startswith("not posted: webhook")


def resolving(*answers):
    """A resolver that answers with these addresses in turn, with the last one for ever."""
    left = [*answers]

    def look_up(host, port, *args, **options):
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return look_up


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::1", "::ffff:10.0.0.7", "224.0.0.1"])
def test_a_host_that_leads_into_a_private_network_gets_nothing(settings, monkeypatch, address):
    """Whoever rules a listed name could have alerts posted to any machine behind the site."""
    settings.LIVE_WEBHOOK_HOSTS = ["hooks.example.org", "127.0.0.9"]
    monkeypatch.setattr(socket, "getaddrinfo", resolving(address))
    own = rule(webhook="http://hooks.example.org/hook")
    deliver(own, b"{}", pytest.fail)
    own.refresh_from_db()
    assert own.last_result.startswith("not posted: webhook")
    assert f"leads to {address}" in own.last_result


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["localhost", "homeassistant", "homeassistant.local", "hooks.home.arpa"])
def test_a_listed_name_of_an_own_network_leads_into_it(settings, monkeypatch, name):
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *args, **options: real("127.0.0.1" if host == name else host, *args, **options)
    )
    with receiver(200) as (host, _):
        settings.LIVE_WEBHOOK_HOSTS = [name]
        own = rule(webhook=f"http://{name}:{host.partition(':')[2]}/hook")
        deliver(own, b"{}", pytest.fail)
    own.refresh_from_db()
    assert own.last_result == "attempt 1: answered 200"


@pytest.mark.django_db
def test_the_address_that_was_checked_is_the_one_that_is_posted_to(settings, monkeypatch):
    """The name was looked up again to connect, and could lead elsewhere by then."""
    with receiver(200) as (host, received):
        port = host.partition(":")[2]
        settings.LIVE_WEBHOOK_HOSTS = [f"hooks.example.org:{port}", "127.0.0.1"]
        look_up = resolving("127.0.0.1", "192.0.2.1")
        real = socket.getaddrinfo

        def by_name(name, *args, **options):
            return look_up(name, *args, **options) if name == "hooks.example.org" else real(name, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", by_name)
        own = rule(webhook=f"http://hooks.example.org:{port}/hook")
        deliver(own, b"{}", pytest.fail)
    own.refresh_from_db()
    assert own.last_result == "attempt 1: answered 200"
    assert received[0][0]["Host"] == f"hooks.example.org:{port}"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "result"), [("localhost", "attempt 1: answered 200"), ("elsewhere.example", "SSLError")])
def test_a_certificate_has_to_be_the_hosts_though_its_address_is_connected_to(settings, certificate, monkeypatch, name, result):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *args, **options: real("127.0.0.1" if host == name else host, *args, **options)
    )
    with receiver(200, tls=context) as (host, _):
        url = f"https://{name}:{host.partition(':')[2]}/"
        settings.LIVE_WEBHOOK_HOSTS = [name, "127.0.0.1"]
        own = rule(webhook=url)
        deliver(own, b"{}", lambda seconds: True)
    own.refresh_from_db()
    assert result in own.last_result


@pytest.mark.django_db
def test_a_rule_posts_only_so_often_within_a_minute(settings, monkeypatch):
    own, posted = rule(webhook="http://127.0.0.1/"), []
    alerts = Alerts()
    monkeypatch.setattr(alerts.threads, "submit", lambda *args: posted.append(args))
    pits = after(cars__16__pit=True)
    for number in range(30):
        alerts.see(QUIET, NOW + timedelta(seconds=number))
        alerts.see(pits, NOW + timedelta(seconds=number))
    assert len(posted) == PER_MINUTE
    own.refresh_from_db()
    assert own.last_result.startswith("not posted: 10 posts")
    alerts.see(QUIET, NOW + timedelta(seconds=120))
    alerts.see(pits, NOW + timedelta(seconds=120))
    assert len(posted) == PER_MINUTE + 1


@pytest.mark.django_db
def test_the_admin_takes_allowed_hosts_only(settings):
    settings.LIVE_WEBHOOK_HOSTS = ["hooks.example.org"]
    form = modelform_factory(AlertRule, AlertRuleForm, exclude=[])(
        {"name": "x", "kind": "pit", "secret": "s", "webhook": "https://evil.example.org/"}
    )
    assert not form.is_valid()
    assert "hooks.example.org" in str(form.errors["webhook"])


def race_control(number, text, **fields):
    """A message of race control in session 1, so many seconds after NOW."""
    at = NOW + timedelta(seconds=number)
    row = {"meeting_key": 1, "session_key": 1, "date": at.isoformat(), "category": "Other", "message": text} | fields
    return Message(at, "v1/race_control", row | {"_key": str(number), "_id": number})


@pytest.mark.django_db
def test_alerts_outlive_their_process_and_what_happens_until_the_next_one_has_begun_is_no_secret(settings, tmp_path):
    """Those of the process before were lost to the page, and nobody was alerted of a red flag in between."""
    settings.MEDIA_ROOT = str(tmp_path)
    race = Race.objects.create(race_id=1, race_name="Bahrain Grand Prix", year=2026)
    session = Session.objects.create(session_id=1, race=race, session_name="Race", date_start=NOW, year=2026)
    for kind in ("safety_car", "red_flag"):
        rule(name=kind, kind=kind, driver_number=None)
    moments = iter(NOW + timedelta(seconds=number) for number in range(0, 90, 10))
    service = Service(connect=lambda: None, client=None, source=Source.OPENF1, clock=lambda: next(moments))
    inboxes = Inbox(), Inbox()
    first, _, _ = service.begin(session, "first", inboxes[0])
    first.write_frame(NOW)
    inboxes[0].put(race_control(1, "SAFETY CAR DEPLOYED", category="SafetyCar"))
    first.receive(inboxes[0].take())
    first.write_frame(NOW + timedelta(seconds=1))
    inboxes[0].put(race_control(2, "RED FLAG", category="Flag", flag="RED", scope="Track"))
    inboxes[0].close()  # and it is killed before its next frame
    second, _, _ = service.begin(session, "second", inboxes[1])
    second.write_frame(NOW + timedelta(seconds=10))
    inboxes[1].close()
    assert [alert["text"] for alert in second.board["alerts"]] == ["Red flag", "Safety car deployed"]
