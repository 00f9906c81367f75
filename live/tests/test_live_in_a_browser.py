"""The live page in Chromium: order, colours, clock, a delay that holds back every panel, a lost network, a phone, axe."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from live.engine import Engine
from live.forecasting import Forecaster
from live.frames import board_at
from live.lines import clock_text, draw_map, flag_text, forecast_lines, lines, sky_text, status, stop_text
from live.models import LiveFrame
from live.tests.feeding import listed_session, recorded, woven
from live.tests.test_forecasting import Inline, Models
from mirror.models import Source
from pages.tests.site import free_port, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(settings.BASE_DIR) / "tools" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
SPAN = 100  # seconds of frames, one a second
BEGAN = datetime(2023, 4, 29, 13, 50, tzinfo=UTC)

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium here"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def database(recording, tmp_path):
    """A database with frames of the last hundred seconds, in which ten minutes of the sprint pass."""
    if connection.vendor != "sqlite":
        pytest.skip("copies the database by SQLite's own means")
    session = listed_session(9069, 2023)
    rest = woven(9069, 2023, **{name: recorded(name, 9069) for name in ("drivers", "race_control", "weather", "team_radio")})
    messages = sorted([*recording, *rest], key=lambda message: message.t)
    engine = Engine(session, source=Source.OPENF1, now=BEGAN, stores=False, past=True)
    engine.forecaster = Forecaster(session.pk, ask=Models(), executor=Inline())
    cars = sorted({message.payload["driver_number"] for message in recording})
    now, at = timezone.now(), 0
    for second in range(SPAN + 1):
        until = BEGAN + timedelta(seconds=6 * second)
        due = next((n for n in range(at, len(messages)) if messages[n].t > until), len(messages))
        engine.receive(messages[at:due])
        at = due
        for place, car in enumerate(cars):  # the recording has no positions on track
            engine.picture.places[car] = (until, 1000 + 10 * second + 200 * place, (place * place * 30) % 4000)
        engine.write_frame(now - timedelta(seconds=SPAN - second))
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=WAL")
    return path


@contextmanager
def serving(database, port):
    env = os.environ | {"DATABASE_URL": f"sqlite:///{database}", "DATA_ROOT": str(database.parent), "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "gunicorn", "f1site.asgi", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def chromium():
    from playwright.sync_api import sync_playwright

    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # playwright runs a loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
    if before is None:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


SET_DELAY = "(s, delay) => { s.value = delay; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')) }"
PANELS = """() => {
  const rows = [...document.querySelectorAll("#order tbody tr")];
  const cells = (row) => [...row.querySelectorAll("td[data-key]")];
  const times = (list) => [...document.querySelectorAll(`#${list} time`)].map((each) => each.textContent);
  const text = (id) => document.getElementById(id).textContent;
  return {
    now: text("now"), clock: text("clock"), flag: text("flag"), sky: text("sky"),
    order: rows.map((row) => cells(row).map((cell) => cell.textContent)),
    names: rows.map((row) => [row.querySelector("abbr").textContent, row.querySelector("small").textContent]),
    colours: rows.map((row) => cells(row).map((cell) => cell.classList[cell.classList.length - 1])),
    messages: times("messages"),
    radio: [...document.querySelectorAll("#radio li")].map((each) => each.textContent),
    forecasts: [...document.querySelectorAll("#forecasts tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent)),
    stops: [...document.querySelectorAll("#stops li")].map((each) => each.textContent),
    labels: rows.map((row) => document.querySelector(`#map g[data-car="${row.dataset.car}"] text`)?.textContent),
    map: Object.fromEntries([...document.querySelectorAll("#map g")].map((g) => [g.dataset.car, g.getAttribute("transform")])),
  };
}"""


def panels(board):
    """What the panels say for a board, by the functions that make the page without a script."""
    drawn = draw_map(board)
    return {
        "now": board["now"][11:19],
        "clock": clock_text(board),
        "flag": flag_text(board["track"]),
        "sky": sky_text(board.get("weather")),
        "order": [[cell.text for cell in line.cells] for line in lines(board)],
        "names": [[line.car["acronym"], status(line.car)] for line in lines(board)],
        "messages": [message["time"] for message in board["messages"]],
        "radio": [f"{clip['time']} {clip['name']}" for clip in board["radio"]],
        "map": {str(car["number"]): f"translate({x:.1f} {y:.1f})" for car, x, y, *_ in drawn.cars},
        "labels": [each.label for each in drawn.cars],
        "forecasts": [[line.car["acronym"], *(cell.text for cell in line.cells)] for line in forecast_lines(board)],
        "stops": [stop_text(stop) for stop in board["forecast"]["stops"]],
    }


def boards_with(now):
    """[(moment, board)] of the frames whose clock says this, newest first; it stands still where nothing is sent."""
    moments = LiveFrame.objects.order_by("-number").values_list("at", flat=True)
    return [(at, board) for at in moments if (board := board_at(at))["now"][11:19] == now]


def until(page, holds):
    give_up_at = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up_at
        page.wait_for_timeout(50)


def check_panels(page):
    """Every panel is that of one and the same board; returns when that was made."""
    found = page.evaluate(PANELS)
    colours = found.pop("colours")
    boards = boards_with(found["now"])
    at, board = next(((at, board) for at, board in boards if found == panels(board)), boards[0])
    assert found == panels(board)
    for row, line in zip(colours, lines(board), strict=True):
        assert all(cell.colour in ("", colour) for colour, cell in zip(row, line.cells, strict=True))
    return at


def test_the_page_follows_the_session_at_the_viewers_delay(database):
    port = free_port()
    with chromium() as browser:
        with serving(database, port) as url:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            asked, faults = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(f"{url}/live/")
            newest = LiveFrame.objects.latest("number").at
            until(page, lambda: page.text_content("#now") == board_at(newest)["now"][11:19])
            assert check_panels(page) == newest

            delay = round((timezone.now() - newest).total_seconds()) + 30  # of what was shown half a minute before the newest
            page.eval_on_selector("#delay", SET_DELAY, delay)
            until(page, lambda: page.text_content("#now") != board_at(newest)["now"][11:19])
            shown = check_panels(page)
            lag = timezone.now() - shown
            assert timedelta(seconds=delay - 1) <= lag <= timedelta(seconds=delay + 15)
            assert page.url.endswith(f"?delay={delay}")
            page.reload()
            assert page.input_value("#delay") == str(delay)

            phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
            phone.goto(f"{url}/live/?delay=5")
            assert phone.evaluate("document.documentElement.scrollWidth") <= 390
            if AXE.exists():
                phone.evaluate(AXE.read_text())
                found = phone.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
                assert [each["id"] for each in found["violations"] if each["impact"] in ("serious", "critical")] == []
            phone.close()
        until(page, lambda: page.text_content("#link").startswith("connection lost"))
        asked.clear()
        with serving(database, port):
            until(page, lambda: not page.is_visible("#link"))
            assert any("after=" in each for each in asked)
            check_panels(page)
        assert faults == []


def test_without_a_script_the_page_is_that_of_now_and_loads_itself_again(database):
    with chromium() as browser, serving(database, free_port()) as url:
        page = browser.new_context(java_script_enabled=False).new_page()
        delay = round((timezone.now() - LiveFrame.objects.latest("number").at).total_seconds()) + 20
        page.goto(f"{url}/live/?delay={delay}")
        assert page.locator("#order tbody tr").count() == 19
        assert 'http-equiv="refresh" content="10"' in page.content()
        text = page.locator("#now").text_content()
        ages = [timezone.now() - at for at, _ in boards_with(text)]
        assert any(timedelta(seconds=delay) <= age <= timedelta(seconds=delay + 30) for age in ages)
        answer = page.request.get(f"{url}/live/?format=json&delay={delay}")
        assert json.loads(answer.text())["session"]["id"] == 9069
        assert page.request.get(f"{url}/live/?format=csv").text().startswith("Place,Driver,Gap")
        assert page.request.get(f"{url}/live/?delay=999").status == 400
