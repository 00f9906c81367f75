"""Pages in a real browser: nothing comes from elsewhere, and the policy stands in the way of nothing."""

import io
import os
import shutil

import pytest
from django.db import connections
from PIL import Image

from api.tests.factories import make
from races.models import Race

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM, reason="no chromium here"),
]


@pytest.fixture
def page(monkeypatch):
    """A page whose errors and foreign requests are noted in `page.noted`."""
    from playwright.sync_api import sync_playwright

    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright runs a loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        noted = page.noted = []
        page.on("console", lambda message: noted.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: noted.append(str(error)))
        page.on(
            "request", lambda asked: noted.append(asked.url) if not asked.url.startswith(("http://localhost", "data:")) else None
        )
        yield page
        browser.close()
        connections.close_all()  # those of playwright's loop are not those that the database is dropped through


def test_pages_work_under_the_policy(page, live_server, django_user_model):
    django_user_model.objects.create_superuser("chief", password="pit-wall-22")
    faults = {}

    def open_page(path):
        answer = page.goto(live_server.url + path, wait_until="networkidle")
        assert answer.status == 200, path
        if page.noted:
            faults[path] = [*page.noted]
            page.noted.clear()

    for path in ("/", "/api/docs/", "/api/v1/races/?format=api", "/admin/login/"):
        open_page(path)
    page.fill("[name=username]", "chief")
    page.fill("[name=password]", "pit-wall-22")
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    for path in ("/admin/", "/admin/races/race/", "/admin/races/race/add/", "/admin/telemetry/lap/", "/api/v1/races/?format=api"):
        open_page(path)
    open_page("/api/docs/")
    assert page.locator(".opblock").count() + page.locator(".opblock-tag").count() > 10
    assert faults == {}


def test_a_dialog_of_the_admin_keeps_the_keyboard(page, live_server, django_user_model):
    django_user_model.objects.create_superuser("chief", password="pit-wall-22")
    race = make(Race, source="openf1")
    page.goto(f"{live_server.url}/admin/login/?next=/admin/races/race/{race.pk}/change/")
    page.fill("[name=username]", "chief")
    page.fill("[name=password]", "pit-wall-22")
    page.keyboard.press("Enter")
    button = page.locator("a", has_text="Sync from OpenF1").locator("visible=true")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sync this weekend")
    dialog.wait_for()
    for _ in range(4):
        assert dialog.evaluate("dialog => dialog.contains(document.activeElement) || document.activeElement === document.body")
        page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement")
    assert page.noted == []


def test_an_error_in_a_dialog_can_be_read_on_dark_paper(page, live_server, django_user_model):
    django_user_model.objects.create_superuser("chief", password="pit-wall-22")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{live_server.url}/admin/login/?next=/admin/ml/run/")
    page.fill("[name=username]", "chief")
    page.fill("[name=password]", "pit-wall-22")
    page.keyboard.press("Enter")
    page.locator("a[href$='/run/train/']").locator("visible=true").click()
    page.locator("#dialog [name=split]").fill("before:2024-13-45")
    page.keyboard.press("Enter")
    error = page.locator("#dialog li", has_text="needs a date such as")
    error.wait_for()
    shown = "each => getComputedStyle(each).color"
    lighter = "each => { each.style.color = 'var(--color-red-400)'; return getComputedStyle(each).color }"
    assert error.evaluate(shown) == error.evaluate(lighter)  # 5.1:1; red-500 has 3.9:1


@pytest.mark.parametrize("path", ["/api/docs/", "/api/v1/laps/"])
def test_the_apis_pages_are_dark_in_the_dark(page, live_server, path):
    def brightness():
        """Of the paper beside the text, 0 to 255, as it is seen."""
        with Image.open(io.BytesIO(page.screenshot(clip={"x": 2, "y": 700, "width": 1, "height": 1}))) as seen:
            return seen.convert("L").getpixel((0, 0))

    page.emulate_media(color_scheme="light")
    page.goto(live_server.url + path)
    assert brightness() > 230
    page.emulate_media(color_scheme="dark")
    assert brightness() < 50
    assert page.noted == []
