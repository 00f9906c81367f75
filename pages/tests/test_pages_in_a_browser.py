"""Every page and view in Chromium: no complaint, no foreign request, nothing serious for axe, keys and state work."""

import os
import shutil
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.urls import Resolver404, resolve

from pages.charts.registry import VIEWS
from pages.tests.conftest import RECORDED
from pages.tests.site import PASSWORD, USER, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REPLAY = Path(settings.BASE_DIR).parent / "shared" / "openf1" / "replay.py"
AXE = Path(settings.BASE_DIR) / "tools" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
DEMO = "/f1/2022/"  # the season that the simulator invents
LINES = ("trace", "laps", "positions")

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium here"),
    pytest.mark.once,  # the site under test has a database of its own
]


@pytest.fixture(scope="module")
def site(request, tmp_path_factory):
    """The address of a site with the demo season and, where they are, the recorded sessions."""
    upstream = request.getfixturevalue("replay").url if REPLAY.exists() else None
    with serving(tmp_path_factory.mktemp("site"), upstream=upstream, sessions=[*RECORDED]) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # playwright runs a loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
    if before is None:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


@pytest.fixture
def open_page(site, browser):
    """Open a path in a new context; what went wrong meanwhile is in `page.noted`, and must be nothing at the end."""
    contexts = []

    def opened(path, *, width=1280, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.noted = []
        page.on("console", lambda message: page.noted.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: page.noted.append(f"{page.url}: {error}"))
        page.on("request", lambda asked: None if asked.url.startswith((site, "data:", "blob:")) else page.noted.append(asked.url))
        answer = page.goto(site + path, wait_until="load")
        assert answer.status == 200, path
        return page

    yield opened
    noted = [note for context in contexts for page in context.pages for note in getattr(page, "noted", [])]
    for context in contexts:
        with suppress(Exception):
            context.close()
    assert noted == []


def first_race(page):
    """The address of the demo season's first race, by clicking through from the front page."""
    page.click(f'a[href="{DEMO}"] >> nth=0')
    page.click("table a[href^='/f1/2022/'] >> nth=0")
    page.click(".cards a[href$='/race/']")
    return urlsplit(page.url).path


@pytest.fixture(scope="module")
def race_path(site, browser):
    page = browser.new_page()
    page.goto(f"{site}/", wait_until="load")
    path = first_race(page)
    page.close()
    return path


@pytest.fixture(scope="module")
def all_paths(site, browser, race_path):
    """Every page: hubs, the demo race's and qualifying's views, those of the recorded sessions."""
    sessions = [race_path, race_path.replace("/race/", "/qualifying/")]
    page = browser.new_page()
    answers = (page.goto(f"{site}/f1/sessions/{session_id}/", wait_until="commit") for session_id in RECORDED)
    sessions += [urlsplit(page.url).path for answer in answers if answer.status == 200]
    page.goto(f"{site}{race_path}", wait_until="load")
    links = page.eval_on_selector_all("main a[href]", "nodes => nodes.map(node => node.getAttribute('href'))")
    page.close()
    people = [next((link for link in links if link.startswith(f"/f1/{kind}/")), "") for kind in ("drivers", "teams")]
    paths = ["/", DEMO, "/".join(race_path.split("/")[:4]) + "/", "/f1/search/?q=a", *people]
    paths += ["/sql/", "/sql/?q=SELECT+compound,+count(*)+AS+n+FROM+stints+GROUP+BY+ALL"]
    for path in sessions:
        name = "Race" if path.endswith("/race/") else "Qualifying"
        paths += [path, *(f"{path}{view.name}/" for view in VIEWS.values() if view.fits(name))]
    return [path for path in paths if path and is_served(path)]


def is_served(path):
    try:
        resolve(urlsplit(path).path)
    except Resolver404:
        return False
    return True


def test_a_stranger_reaches_a_races_strategy_by_two_clicks_from_its_page(open_page):
    page = open_page("/")
    first_race(page)
    page.click("nav.views a:has-text('Strategy')")
    assert page.locator("svg.chart:visible").count() == 1
    page.click("nav.views a:has-text('Trace')")
    assert page.locator("#chart canvas").is_visible()


@pytest.mark.parametrize(("view", "drawing"), [("Strategy", "svg.chart"), ("Pace", "svg.chart"), ("Trace", "#chart canvas")])
def test_a_stranger_reaches_a_races_views_from_the_calendar_by_two_clicks(open_page, view, drawing):
    page = open_page(DEMO)
    page.click("table a[href^='/f1/2022/'] >> nth=0")
    page.click(f".cards .links a:text-is('{view}') >> nth=0")
    assert page.locator(f"{drawing}:visible").first.is_visible()


def axe_findings(page, scheme="light"):
    """What axe calls serious or critical; of dark colours only the contrast, because all else is as it is in light ones."""
    page.evaluate(AXE.read_text())
    options = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if scheme == "dark" else {})
    found = page.evaluate("options => axe.run(document, options)", options)
    path = urlsplit(page.url).path
    return [
        f"{path}: {violation['id']} {node['target']} {node['failureSummary'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:1]
    ]


def test_every_page_is_accessible_and_quiet_in_light_and_dark(open_page, all_paths, site):
    if not AXE.exists() and not os.environ.get("CI"):
        pytest.skip("axe-core is not installed: make axe")
    assert AXE.exists()
    page = open_page("/")
    found = []
    for path in all_paths:
        page.emulate_media(color_scheme="light")
        answer = page.goto(site + path, wait_until="load")
        assert answer.status == 200, path
        found += axe_findings(page, "light")
        page.emulate_media(color_scheme="dark")
        found += axe_findings(page, "dark")
    assert found == []


def test_every_page_fits_on_a_phone(open_page, all_paths, site):
    page = open_page("/", width=390, height=800, has_touch=True)
    for path in all_paths:
        page.goto(site + path, wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_a_phone_shows_results_standings_and_calendar_without_scrolling_sideways(open_page, race_path, site):
    page = open_page("/", width=390, height=800)
    for path in ("/", DEMO, race_path, race_path.replace("/race/", "/qualifying/"), race_path.replace("/race/", "/practice-1/")):
        page.goto(site + path, wait_until="load")
        wide = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).map(node => node.textContent.slice(0, 99))"
        tables = page.locator(".scroll:not([aria-labelledby=quality]):visible >> visible=true")
        assert tables.evaluate_all(wide) == [], path


@pytest.mark.parametrize("view", ["race/pace", "race/degradation", "race/strategy", "qualifying/qualifying"])
def test_a_phone_shows_the_whole_drawing_and_makes_a_picture_of_it(open_page, race_path, view):
    page = open_page(f"{race_path.removesuffix('race/')}{view}/", width=390, height=800)
    [drawing] = page.locator("svg.chart:visible").all()
    box = drawing.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    with page.expect_download() as download:
        page.click("#png")
    assert Path(download.value.path()).stat().st_size > 5_000


def test_every_page_says_something_without_javascript(open_page, all_paths, site):
    page = open_page("/", java_script_enabled=False)
    for path in all_paths:
        page.goto(site + path, wait_until="load")
        said = "form textarea" if path == "/sql/" else "table, .cards, .empty, svg.chart"  # a question that nobody has asked yet
        assert page.locator(said).count(), path
        assert not page.locator("#chart").is_visible(), path


def state_of(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_switching_a_driver_off_is_in_the_address_and_back_after_a_reload(open_page, race_path):
    page = open_page(f"{race_path}trace/")
    buttons = page.locator("#cars button")
    buttons.nth(1).click()
    chosen = state_of(page)["drivers"].split(",")
    assert buttons.nth(1).get_attribute("aria-pressed") == "false"
    page.reload(wait_until="load")
    on = page.eval_on_selector_all("#cars button[aria-pressed=true] b", "nodes => nodes.map(node => node.textContent)")
    assert sorted(on) == sorted(chosen)
    assert page.locator("a[data-format=csv]").get_attribute("href").count("drivers=")


def test_keys_zoom_step_and_switch(open_page, race_path):
    page = open_page(f"{race_path}trace/")
    page.keyboard.press("1")
    page.wait_for_function("new URL(location).searchParams.has('drivers')")
    first = state_of(page)["drivers"]
    page.keyboard.press("1")
    page.wait_for_function("first => new URL(location).searchParams.get('drivers') !== first", arg=first)
    page.keyboard.press("ArrowRight")
    assert page.locator("#at").text_content() == "Lap 1"
    page.keyboard.press("ArrowRight")
    assert page.locator("#at").text_content() == "Lap 2"
    page.keyboard.press("+")
    page.wait_for_function("new URL(location).searchParams.has('laps')")
    page.keyboard.press("r")
    page.wait_for_function("!new URL(location).searchParams.has('laps')")
    page.keyboard.press("t")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()


def test_dragging_zooms_and_a_double_click_resets(open_page, race_path):
    page = open_page(f"{race_path}laps/")
    box = page.locator("#chart .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 120, steps=6)
    page.mouse.up()
    page.wait_for_function("new URL(location).searchParams.has('laps')")
    first, last = map(int, state_of(page)["laps"].split("-"))
    assert 1 < first < last
    page.mouse.dblclick(box["x"] + 200, box["y"] + 100)
    page.wait_for_function("!new URL(location).searchParams.has('laps')")


def test_a_choice_is_in_the_address(open_page, race_path):
    page = open_page(f"{race_path}trace/")
    page.select_option("select[name=reference]", "leader")
    page.wait_for_url("**reference=leader**")
    assert page.locator("select[name=reference]").input_value() == "leader"


@pytest.mark.parametrize("name", ["trace", "strategy"])
def test_pictures_and_tables_can_be_taken_along(open_page, race_path, name):
    page = open_page(f"{race_path}{name}/")
    with page.expect_download() as download:
        page.click("#png")
    assert download.value.suggested_filename.endswith(f"race-{name}.png")
    assert Path(download.value.path()).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with page.expect_download() as download:
        page.click("a[data-format=csv]")
    assert len(Path(download.value.path()).read_text().splitlines()) > 10


def test_an_embedded_chart_is_the_chart_alone(open_page, race_path):
    page = open_page(f"{race_path}trace/?embed=1")
    assert page.locator("#chart canvas").is_visible()
    assert not page.locator("nav.views").is_visible()
    assert not page.locator(".top").is_visible()


def test_one_cursor_moves_over_the_strips_the_read_out_and_the_map(open_page, race_path, site):
    page = open_page(f"{race_path}telemetry/")
    columns = page.request.get(f"{site}{race_path}telemetry/?format=json").json()
    box = page.locator("#strips").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 90)
    at = columns["distance"].index(float(page.locator("#strips").get_attribute("data-at")))
    assert page.locator("#at").text_content().startswith(f"{columns['distance'][at]:.0f} m")
    first, second = (lap["label"] for lap in columns["laps"])
    cells = page.eval_on_selector_all("#readout td", "nodes => nodes.map(node => node.textContent)")
    assert [int(cells[0]), int(cells[3])] == [round(columns[f"speed_{label}"][at]) for label in (first, second)]
    assert float(cells[5].split(" ± ")[0].replace("−", "-")) == columns["delta"][at]
    place = page.locator("#here").get_attribute("cx")
    page.keyboard.press("ArrowRight")
    assert float(page.locator("#strips").get_attribute("data-at")) == columns["distance"][at + 1]
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert page.locator("#here").get_attribute("cx") != place
    page.keyboard.press("+")
    page.wait_for_function("new URL(location).searchParams.has('zoom')")
    begin, end = map(int, state_of(page)["zoom"].split("-"))
    page.reload(wait_until="load")
    ticks = page.eval_on_selector_all("[data-ticks] text", "nodes => nodes.map(node => parseInt(node.textContent))")
    assert begin <= ticks[0] < ticks[-1] <= end
    page.keyboard.press("r")
    page.wait_for_function("!new URL(location).searchParams.has('zoom')")


def test_the_place_under_the_pointer_on_the_map_is_read_out(open_page, race_path):
    page = open_page(f"{race_path}map/?by=speed")
    page.locator("#map .piece").nth(3).hover(force=True)
    assert page.locator("#at").text_content().split(" m")[0].isdigit()
    assert page.locator("#cursor").get_attribute("visibility") == "visible"
    page.select_option("select[name=by]", "gear")
    page.wait_for_url("**by=gear**")


def test_the_replay_shows_the_servers_order_plays_seeks_and_follows(open_page, race_path):
    page = open_page(f"{race_path}replay/?t=300")
    page.wait_for_selector("#replay[data-ready]")
    told = page.request.get(f"{page.url}&format=json").json()["table"]["rows"]
    assert page.eval_on_selector_all("#board b", "nodes => nodes.map(node => node.textContent)") == [row[1] for row in told]
    page.keyboard.press(" ")
    page.wait_for_url(lambda url: int(parse_qs(urlsplit(url).query)["t"][0]) > 300)
    page.keyboard.press(" ")
    before = page.locator("#at").text_content()
    page.keyboard.press("ArrowRight")
    assert page.locator("#at").text_content() != before
    page.keyboard.press("f")
    assert state_of(page)["follow"] == page.locator("#board button[aria-pressed=true] b").text_content()


PACK = """async () => {
  const { drawNames } = await import(performance.getEntriesByType("resource").find(({ name }) => name.includes("/names.")).name);
  const written = [];
  const fillText = (name, x, y) => written.push({ left: x, right: x + 22, top: y - 5.5, bottom: y + 5.5 });
  const context = { font: "600 11px sans-serif", measureText: () => ({ width: 22 }), strokeText: () => {}, fillText };
  const dotOf = (_, at) => ({ car: { number: at, acronym: `C${at}` }, x: 100 + 4 * at, y: 100, radius: 5 });
  const dots = Array.from({ length: 20 }, dotOf);
  drawNames(context, dots, { text: "#000", ground: "#fff", ratio: 1 });
  return written;
}"""


def test_no_name_on_the_map_of_a_replay_hides_another(open_page, race_path):
    page = open_page(f"{race_path}replay/")
    page.wait_for_selector("#replay[data-ready]")
    names = page.evaluate(PACK)
    assert 2 < len(names) < 20  # twenty cars in 76 px: there is no room for all
    for one, other in combinations(names, 2):
        beside = one["right"] <= other["left"] or other["right"] <= one["left"]
        assert beside or one["bottom"] <= other["top"] or other["bottom"] <= one["top"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_the_admin_is_accessible(open_page, site, scheme, width):
    if not AXE.exists() and not os.environ.get("CI"):
        pytest.skip("axe-core is not installed: make axe")
    page = open_page("/admin/login/", color_scheme=scheme, width=width)
    found = axe_findings(page, scheme)
    page.fill("[name=username]", USER)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    found += axe_findings(page, scheme)
    assert page.locator("[role=main]").count() == 1
    paths = ["/admin/races/race/", "/admin/races/session/", "/admin/telemetry/sessionquality/", "/admin/drivers/team/"]
    paths += [
        "/admin/jobs/job/",
        "/admin/ml/experiment/",
        "/admin/ml/run/",
        "/admin/ml/run/train/",
        "/admin/openf1/correction/",
        "/admin/openf1/reject/",
    ]
    for path in paths:
        page.goto(site + path, wait_until="load")
        found += axe_findings(page, scheme)
        row = page.locator("#result_list a[href*='/change/']").first
        if row.count():
            page.goto(site + row.get_attribute("href"), wait_until="load")
            found += axe_findings(page, scheme)
    page.noted.clear()  # the theme's own
    assert found == []
