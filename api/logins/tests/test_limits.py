"""Wrong passwords are limited by name and by address; nobody is locked out by strangers where they logged in before."""

import re
import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from api.logins import limits
from api.logins.models import LoginAttempt
from api.throttling import client_address

pytestmark = pytest.mark.django_db

PASSWORD = "pit-wall-22"
HOME, AWAY = "192.0.2.1", "198.51.100.7"
WAYS = {"/admin/login/": (302, 200), "/token": (200, 401), "/api/v1/token/": (201, 401)}  # {path: (right, wrong)}


@pytest.fixture(autouse=True)
def limit(settings, django_user_model):
    settings.THROTTLES |= {"logins": "3/min"}
    django_user_model.objects.create_superuser("chief", password=PASSWORD)


@pytest.fixture
def clock(monkeypatch):
    """Lets time pass: `clock(seconds)`."""
    ahead = timedelta()
    now = timezone.now

    def advance(seconds):
        nonlocal ahead
        ahead += timedelta(seconds=seconds)

    monkeypatch.setattr(limits.timezone, "now", lambda: now() + ahead)
    return advance


def log_in(name="chief", password=PASSWORD, *, path="/token", address=AWAY):
    form = {"username": name, "password": password}
    kind = {"content_type": "application/json"} if path.startswith("/api") else {}
    return Client(REMOTE_ADDR=address).post(path, form, **kind)


def status(*args, **options):
    return log_in(*args, **options).status_code


def guess(times, name="chief", **options):
    return [status(name, "guess", **options) for _ in range(times)]


@pytest.mark.parametrize("path", WAYS)
def test_guessing_ends_by_name_and_by_address(path):
    _, wrong = WAYS[path]
    assert guess(4, path=path) == [wrong, wrong, wrong, 429]
    refused = log_in(path=path)
    assert (refused.status_code, 0 < int(refused["Retry-After"]) <= 60) == (429, True)
    assert re.search(r"Too many wrong passwords\. Try again in \d+ s\.", refused.content.decode())
    assert status(path=path, address=HOME) == 429  # the name counts, from wherever
    assert status("other", "x", path=path) == 429  # the address counts, whatever the name
    assert status("other", "x", path=path, address=HOME) == wrong


def test_a_page_of_another_site_can_read_that_there_were_too_many():
    assert guess(4)[-1] == 429
    refused = Client(REMOTE_ADDR=AWAY, HTTP_ORIGIN="https://timing.example").post(
        "/token", {"username": "chief", "password": "x"}
    )
    assert (refused.status_code, refused["Access-Control-Allow-Origin"]) == (429, "*")


def test_all_ways_to_log_in_are_counted_together():
    assert [guess(1, path=path)[0] for path in WAYS] == [200, 401, 401]
    assert {status(path=path) for path in WAYS} == {429}


@pytest.mark.parametrize("other", [" chief", "chief\t", "ｃｈｉｅｆ"])
@pytest.mark.parametrize("path", WAYS)
def test_a_name_counts_as_django_compares_it(path, other):
    """Spaces around it and other forms of its letters make no other name, so they make no other counter."""
    guess(2, path=path, address="203.0.113.1")
    guess(1, other, path=path, address="203.0.113.2")
    assert status(path=path, address="203.0.113.3") == 429


def test_case_makes_another_name_as_it_does_for_django():
    guess(3, "CHIEF", address=HOME)
    assert status() == 200


def test_strangers_do_not_lock_the_owner_out_where_they_logged_in_before():
    assert status(address=HOME) == 200
    for number in range(4):
        guess(1, address=f"198.51.100.{number}")
    assert status(address="198.51.100.99") == 429  # strangers are locked out
    assert status(address=HOME) == 200
    assert guess(4, address=HOME) == [401, 401, 401, 429]  # a known address may not guess for ever either


def test_an_address_is_not_known_for_another_name(django_user_model):
    django_user_model.objects.create_user("driver", password=PASSWORD)
    assert status("driver", address=HOME) == 200
    guess(3)
    assert status(address=HOME) == 429


def test_the_window_slides(clock):
    """Three wrong ones within any minute, not three at the end of one and three at the beginning of the next."""
    assert guess(1) == [401]
    clock(50)
    assert guess(3) == [401, 401, 429]
    clock(11)  # the first is a minute old
    assert guess(2) == [401, 429]
    clock(30)  # the second and third are 41 seconds old
    refused = log_in()
    assert (refused.status_code, 1 <= int(refused["Retry-After"]) <= 20) == (429, True)
    clock(int(refused["Retry-After"]))
    assert status() == 200


def test_refused_attempts_do_not_prolong_the_wait(clock):
    guess(3)
    for _ in range(6):
        clock(9)
        assert status() == 429
    clock(7)
    assert status() == 200


def test_nobody_else_pushes_a_counter_out(settings):
    """Neither by filling the cache nor by wrong guesses from anywhere."""
    guess(3)
    for number in range(400):
        cache.set(f"other-{number}", 1)
    cache.clear()
    for number in range(30):
        guess(1, f"somebody {number}", address=f"203.0.113.{number}")
    assert status() == 429


def test_right_passwords_are_not_limited():
    assert {status() for _ in range(8)} == {200}
    assert LoginAttempt.objects.count() == 1  # the last of a name from an address


def test_what_no_longer_counts_is_not_kept(clock):
    guess(3)
    clock(61)
    status()
    assert [attempt.succeeded for attempt in LoginAttempt.objects.all()] == [True]
    clock(91 * 86400)
    guess(1, "somebody")
    assert [attempt.succeeded for attempt in LoginAttempt.objects.all()] == [False]


def test_without_a_limit_nothing_is_noted(settings):
    settings.THROTTLES |= {"logins": ""}
    assert guess(9) == [401] * 9
    assert not LoginAttempt.objects.exists()


def test_names_are_not_stored_as_typed():
    status("my password by mistake", "x")
    assert "password" not in str(LoginAttempt.objects.values().get())


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_ipv6_counts_by_network(rf, address, counted):
    assert client_address(rf.get("/", REMOTE_ADDR=address)) == counted


@pytest.mark.django_db(transaction=True)
def test_many_guesses_at_once_get_no_further():
    statuses = []

    def one():
        statuses.append(status("chief", "guess"))
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(401) <= 3
    assert set(statuses) <= {401, 429, 503}  # 503: SQLite's tests are in memory, where threads do not wait for each other
