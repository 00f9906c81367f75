"""Events for viewers: what they are sent, held back, resumed, and when they are dropped. The frames are given, not stored."""

import asyncio
import json
from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone

from live import events, hubs, routing, streams
from live.frames import Frame
from live.patches import difference, merge, without_nulls

pytestmark = pytest.mark.once


def board_of(number):
    """A board of which everything says how old it is."""
    cars = {"1": {"gap": number, "minis": [["y"] * (number % 4)]}, "16": {"gap": None if number % 2 else 1.5}}
    return without_nulls(
        {"clock": {"elapsed": number}, "cars": cars, "map": {"1": [number, 2]}, "messages": [{"text": str(number)}]}
    )


def frames(count, *, every=0.25, until=None):
    """Frames of boards 1, 2, …, the last of which was made now."""
    until = until or timezone.now()
    made, before = [], None
    for number in range(1, count + 1):
        board = board_of(number)
        patch = msgspec.json.encode(difference(before, board)).decode() if before else ""
        whole = msgspec.json.encode(board).decode() if number % 40 == 1 else ""
        made.append(Frame(number, 9472, until - timedelta(seconds=every * (count - number)), patch, whole))
        before = board
    return made


class Viewer:
    """A client: it applies what it is sent, as the page's script does."""

    def __init__(self, *, query="", headers=(), takes=True):
        self.scope = {"method": "GET", "path": events.PATH, "query_string": query.encode(), "headers": headers}
        self.board, self.kinds, self.last, self.status, self.text = None, [], None, None, ""
        self.may_take = asyncio.Event()
        if takes:
            self.may_take.set()

    async def send(self, message):
        await self.may_take.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.text = message["body"].decode()
        if self.status != 200:
            return
        for block in filter(None, self.text.split("\n\n")):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            self.kinds.append(fields.get("event"))
            if fields.get("event") in ("initial", "update"):
                data = json.loads(fields["data"])
                self.board = data if fields["event"] == "initial" else merge(self.board, data)
                self.last = int(fields["id"])


@pytest.fixture
def hub(monkeypatch):
    """A hub that reads no database."""
    monkeypatch.setattr(events.Frames, "load_new", lambda self, number: [])
    return events.Frames.here


async def watch(viewer, own, steps):
    """Let a viewer watch while the hub gets the frames of each step."""
    task = asyncio.create_task(routing.answer(events.serve, viewer.scope, viewer.send))
    await asyncio.sleep(0)
    for step in steps:
        own.add(step)
        own.wake()
        for _ in range(20):
            await asyncio.sleep(0)
    return task


def run(scenario):
    async def whole():
        try:
            return await scenario()
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    return asyncio.run(whole())


def test_a_viewer_gets_the_whole_board_and_then_what_changes(hub):
    async def scenario():
        viewer, all_frames = Viewer(), frames(120)
        await watch(viewer, hub(), [all_frames[:50], all_frames[50:51], all_frames[51:]])
        return viewer

    viewer = run(scenario)
    assert (viewer.kinds[0], set(viewer.kinds[1:])) == ("initial", {"update"})
    assert len(viewer.kinds) == 71
    assert viewer.board == board_of(120)


@pytest.mark.parametrize("delay", [1, 30, 300])
def test_a_delay_holds_back_everything(hub, delay):
    """Every part of the board is that of `delay` seconds ago, and none is newer."""

    async def scenario():
        viewer, count = Viewer(query=f"delay={delay}"), 1600
        await watch(viewer, hub(), [frames(count)])
        return viewer, count

    viewer, count = run(scenario)
    shown = viewer.board["clock"]["elapsed"]
    assert viewer.board == board_of(shown)
    assert abs((count - shown) / 4 - delay) <= 0.5


def test_who_waits_for_what_is_not_that_old_yet_is_told(hub, monkeypatch):
    async def scenario():
        viewer = Viewer(query="delay=300")
        task = asyncio.create_task(routing.answer(events.serve, viewer.scope, viewer.send))
        hub().add(frames(8))
        while "waiting" not in viewer.kinds:
            await asyncio.sleep(0.05)
        task.cancel()
        return viewer

    assert run(scenario).board is None


def test_a_connection_goes_on_where_the_last_one_ended(hub):
    async def scenario():
        all_frames = frames(100)
        viewer = Viewer(headers=[(b"last-event-id", b"60")])
        viewer.board = board_of(60)
        await watch(viewer, hub(), [all_frames])
        return viewer

    viewer = run(scenario)
    assert viewer.kinds == ["update"] * 40
    assert viewer.board == board_of(100)


def test_a_number_that_is_not_known_any_more_begins_anew(hub):
    async def scenario():
        viewer = Viewer(query="after=7")
        await watch(viewer, hub(), [frames(100)[45:]])
        return viewer

    assert run(scenario).kinds == ["initial"]


def test_a_new_process_of_the_feed_begins_with_the_whole_board(hub):
    async def scenario():
        first, viewer = frames(10), Viewer()
        restarted = first[-1]._replace(number=11, patch="", whole=json.dumps({"clock": {"elapsed": 0}}))
        await watch(viewer, hub(), [first, [restarted]])
        return viewer

    viewer = run(scenario)
    assert viewer.kinds == ["initial", "initial"]
    assert viewer.board == {"clock": {"elapsed": 0}}


def test_who_is_too_slow_is_dropped_with_a_word_and_holds_up_nobody(hub, monkeypatch):
    monkeypatch.setattr(hubs, "SLOW_SECONDS", 0.2)

    async def scenario():
        slow, quick, all_frames = Viewer(), Viewer(), frames(300)
        await watch(quick, hub(), [])
        task = await watch(slow, hub(), [all_frames[:10]])
        slow.may_take.clear()
        for at in range(10, 300, 10):
            await watch_more(hub(), all_frames[at : at + 10])
        await asyncio.sleep(0.3)
        slow.may_take.set()
        await watch_more(hub(), [])
        return slow, quick, task.done()

    slow, quick, ended = run(scenario)
    assert quick.board == board_of(300)
    assert slow.kinds[-1] == "dropped"
    assert ended


async def watch_more(own, more):
    own.add(more)
    own.wake()
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("query", ["delay=301", "delay=-1", "delay=x", "after=x", "speed=2"])
def test_what_events_do_not_take_is_refused(hub, query):
    async def scenario():
        viewer = Viewer(query=query)
        await routing.answer(events.serve, viewer.scope, viewer.send)
        return viewer

    viewer = run(scenario)
    assert viewer.status == 400
    assert query.split("=")[0] in viewer.text


def test_old_frames_are_forgotten(hub):
    async def scenario():
        own = hub()
        own.add(frames(1000, until=timezone.now() - timedelta(minutes=20)))
        own.add([frame._replace(number=frame.number + 1000) for frame in frames(50)])
        return own.numbers

    assert run(scenario) == list(range(1001, 1051))


def test_a_program_reads_the_rows_of_a_collection(monkeypatch):
    monkeypatch.setattr(streams.Batches, "load_new", lambda self, number: [])

    async def scenario():
        own, viewer = streams.Batches.here(), Viewer(query="after=1")
        viewer.scope["path"] = "/v1/laps/stream"
        rows = [["v1/laps", {"lap_number": 3}], ["v1/pit", {"lap_number": 2}], ["v1/laps", {"lap_number": 4}]]
        own.add([(1, json.dumps(rows)), (2, json.dumps(rows)), (3, "[]")])
        asyncio.create_task(routing.answer(routing.find("/v1/laps/stream"), viewer.scope, viewer.send))  # noqa: RUF006
        while not viewer.text:
            await asyncio.sleep(0.01)
        return viewer

    assert run(scenario).text == 'id: 2\ndata: {"lap_number":3}\n\nid: 2\ndata: {"lap_number":4}\n\n'


def test_streams_of_what_there_is_not_are_refused():
    async def scenario():
        viewer = Viewer()
        viewer.scope["path"] = "/v1/gearboxes/stream"
        await routing.answer(streams.serve, viewer.scope, viewer.send)
        return viewer

    viewer = run(scenario)
    assert viewer.status == 404
    assert "laps" in viewer.text


def test_patches_are_those_of_the_rfc():
    old, new = {"a": {"b": 1, "c": [1, 2]}, "d": 1}, {"a": {"b": 2, "c": [1]}, "e": {"f": 1}}
    assert difference(old, new) == {"a": {"b": 2, "c": [1]}, "e": {"f": 1}, "d": None}
    assert merge(old, difference(old, new)) == new
    assert difference(new, new) == {}
