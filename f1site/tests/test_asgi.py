"""Django behind the server: what reaches it, what is sent, and what happens in between."""

import asyncio
import json

import pytest
from django.http import HttpResponse, StreamingHttpResponse

from f1site import asgi


def ask(*pieces, method="GET", path="/", headers=(), finish=True):
    """Call the application with a body in pieces; returns what it sends."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"a=%C3%A9",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 4000),
        "headers": list(headers),
    }
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False} if finish else {"type": "http.disconnect"})
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    async def run():
        asgi.running = asyncio.Semaphore(asgi.RUNNING)  # of this event loop
        await asgi.application(scope, receive, send)
        await asyncio.sleep(0)
        assert asgi.running._value == asgi.RUNNING  # every turn has ended
        assert asgi.Body.held == 0

    asyncio.run(run())
    return sent


def content(sent):
    return b"".join(message.get("body", b"") for message in sent)


@pytest.fixture
def django(monkeypatch):
    """A function that takes Django's place; what it returns is answered."""

    def replace(view):
        def application(environ, start_response):
            response = view(environ)
            start_response("200 OK", [*response.items()])
            return response

        monkeypatch.setattr(asgi, "django", application)

    return replace


def test_django_gets_the_request_as_it_is(django):
    seen = {}
    django(lambda environ: seen.update(environ, body=environ["wsgi.input"].read()) or HttpResponse(b"ok"))
    headers = [(b"x-many", b"1"), (b"x-many", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"content-type", b"text/x")]
    sent = ask(b"in ", b"pieces", method="POST", path="/a%ff%2Fb", headers=headers)
    assert sent[0]["status"] == 200
    assert content(sent) == b"ok"
    assert seen["body"] == b"in pieces"
    assert seen["CONTENT_LENGTH"] == "9"
    assert seen["CONTENT_TYPE"] == "text/x"
    assert seen["PATH_INFO"] == "/a\xff/b"
    assert seen["QUERY_STRING"] == "a=%C3%A9"
    assert seen["HTTP_X_MANY"] == "1,2"
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert seen["REMOTE_ADDR"] == "192.0.2.7"


def test_a_large_answer_is_sent_in_slices(django):
    django(lambda environ: HttpResponse(b"x" * (3 * asgi.SLICE + 1)))
    sent = ask()
    assert [len(message["body"]) for message in sent[1:]] == [asgi.SLICE] * 3 + [1]
    assert [message["more_body"] for message in sent[1:]] == [True, True, True, False]


def test_a_streamed_answer_is_sent_piece_by_piece(django):
    django(lambda environ: StreamingHttpResponse(iter([b"a", b"b"])))
    assert [message["body"] for message in ask()[1:]] == [b"a", b"b", b""]


def test_a_head_request_gets_no_body(django):
    django(lambda environ: StreamingHttpResponse(iter([b"a", b"b"])))
    assert content(ask(method="HEAD")) == b""


def test_an_error_in_the_middle_of_a_stream_does_not_look_like_its_end(django):
    def pieces():
        yield b"a"
        raise ValueError("in the middle")

    django(lambda environ: StreamingHttpResponse(pieces()))
    with pytest.raises(ValueError, match="in the middle"):
        ask()


def test_a_client_that_leaves_while_it_sends_is_no_request(django):
    django(lambda environ: pytest.fail("asked"))
    assert ask(b"half", method="POST", finish=False) == []


def test_a_stream_is_given_up_when_its_client_leaves(django):
    closed = []

    class Endless(StreamingHttpResponse):
        def close(self):
            closed.append(True)
            super().close()

    django(lambda environ: Endless(iter(lambda: b"x", b"")))

    async def leave():
        asgi.running = asyncio.Semaphore(asgi.RUNNING)

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            if message.get("body"):
                await asyncio.Event().wait()  # as long as the client takes nothing

        scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "http_version": "1.1"}
        scope |= {"scheme": "http", "server": ("x", 1), "client": ("x", 1), "headers": []}
        task = asyncio.create_task(asgi.application(scope, receive, send))
        await asyncio.sleep(0.2)
        task.cancel()
        until = asyncio.get_running_loop().time() + 5
        while not closed:
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0.01)

    asyncio.run(leave())


def test_a_body_that_is_too_large_is_refused_by_django_itself(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    sent = ask(*[b"x" * 60] * 5, method="POST", path="/v1/laps", headers=[(b"content-type", b"application/json")])
    assert sent[0]["status"] < 500
    sent = ask(*[b" " * 60] * 5, method="POST", path="/token", headers=[(b"content-type", b"application/x-www-form-urlencoded")])
    assert 400 <= sent[0]["status"] < 500
    assert "detail" in json.loads(content(sent))


@pytest.mark.django_db  # other than the server's event loop, the thread of the tests may have a connection, which Django looks at
def test_monitors_are_answered_without_a_thread(monkeypatch):
    monkeypatch.setattr(asgi.threads, "submit", lambda *call: pytest.fail("a thread was asked"))
    assert json.loads(content(ask(path="/healthz/", headers=[(b"host", b"localhost")])))["status"] == "ok"


def test_many_large_bodies_at_once_are_refused(monkeypatch, django):
    django(lambda environ: HttpResponse(b"ok"))
    monkeypatch.setattr(asgi, "ALL_BODIES", 50_000)
    assert ask(b"x" * 40_000, method="POST")[0]["status"] == 200
    sent = ask(b"x" * 60_000, method="POST")
    assert sent[0]["status"] == 503
    assert b"Too many large bodies" in content(sent)


def test_a_body_that_stops_arriving_is_given_up(monkeypatch, django):
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.05)

    class Never:
        async def receive(self):
            await asyncio.Event().wait()

    async def run():
        body = asgi.Body()
        with pytest.raises(asgi.Refused) as refused:
            await body.receive_all(Never().receive)
        return refused.value.args

    status, reason = asyncio.run(run())
    assert status == 408
    assert "did not arrive" in reason
