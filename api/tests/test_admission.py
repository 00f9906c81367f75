"""Long answers take turns, by address and in all; beyond that they wait a while and are refused."""

import threading
import time

import pytest
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from api import admission
from api.admission import AdmissionMiddleware, Busy, Limit


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(admission, "PATIENCE", 0.05)


@pytest.fixture
def limit():
    return Limit("expensive", by_address=1, together=2)


def test_one_address_gets_its_share_and_leaves_the_rest_to_others(limit, impatient):
    limit.enter("a")
    with pytest.raises(Busy, match=r"1 expensive answer is under way to your address.*try again in") as busy:
        limit.enter("a")
    assert busy.value.status_code == 429
    limit.enter("b")
    with pytest.raises(Busy, match="2 expensive answers are under way") as busy:
        limit.enter("c")
    assert busy.value.status_code == 503
    assert not admission.waiting


def test_who_waits_comes_on_when_another_leaves(limit):
    limit.enter("a")
    threading.Timer(0.1, limit.leave, ["a"]).start()
    began = time.monotonic()
    limit.enter("a")
    assert 0.05 < time.monotonic() - began < 5
    limit.leave("a")
    assert not limit.running


def test_the_queue_is_short(limit, monkeypatch):
    monkeypatch.setattr(admission, "WAITING_BY_ADDRESS", 1)
    monkeypatch.setattr(admission, "PATIENCE", 1)
    limit.enter("a")
    waits = threading.Thread(target=pytest.raises, args=(Busy, limit.enter, "a"))
    waits.start()
    while not admission.waiting["a"]:
        time.sleep(0.01)
    began = time.monotonic()
    with pytest.raises(Busy):
        limit.enter("a")
    assert time.monotonic() - began < 0.5
    waits.join()


def streamed(request):
    return StreamingHttpResponse(iter([b"a", b"b"]))


@pytest.mark.django_db
def test_a_streamed_answer_has_its_turn_until_it_is_closed(monkeypatch, impatient):
    monkeypatch.setattr(admission, "STREAMED", Limit("streamed", by_address=1, together=2))
    middleware, request = AdmissionMiddleware(streamed), RequestFactory().get("/")
    became_long = []
    request.META[admission.LONG] = lambda: became_long.append(True)
    first = middleware(request)
    assert became_long
    refused = middleware(request)
    assert refused.status_code == 429
    assert "Retry-After" in refused
    assert b"1 streamed answer is under way" in refused.content
    assert b"".join(first) == b"ab"
    first.close()
    again = middleware(request)
    assert again.status_code == 200
    again.close()


def test_a_head_request_of_a_stream_takes_no_turn(monkeypatch):
    monkeypatch.setattr(admission, "STREAMED", Limit("streamed", by_address=0, together=0))
    assert AdmissionMiddleware(streamed)(RequestFactory().head("/")).status_code == 200


@pytest.mark.django_db
def test_expensive_questions_are_refused_beyond_the_limit_and_others_answered(client, monkeypatch):
    monkeypatch.setattr(admission, "EXPENSIVE", Limit("expensive", by_address=0, together=0))
    monkeypatch.setattr(admission, "PATIENCE", 0)
    for expensive in ("laps", "laps?lap_number=1", "laps?session_key>1", "car_data?session_key=1", "position?raw=true"):
        answer = client.get(f"/v1/{expensive}")
        assert answer.status_code == 429, expensive
        assert "Retry-After" in answer
        assert "expensive answers are under way" in answer.json()["detail"]
    for cheap in ("laps?session_key=1", "laps?meeting_key=1", "sessions", "meetings", "car_data?session_key=1&driver_number=1"):
        assert client.get(f"/v1/{cheap}").status_code == 404, cheap
