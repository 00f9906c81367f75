"""The tools for language models, asked by the SDK's own client: over HTTP, over the standard input, and within the process."""

import asyncio
import json
import subprocess
import sys

import httpx2
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from ask.mcp.server import make_server
from mirror import editing
from telemetry.models import Lap

pytestmark = [pytest.mark.django_db, pytest.mark.once]

TOOLS = {
    "find_sessions",
    "session_results",
    "laps",
    "stints_and_stops",
    "lap_telemetry",
    "compare_laps",
    "session_quality",
    "standings",
    "analysis",
    "predict_laps",
    "rejoin",
    "undercut",
    "race_forecast",
    "what_if",
    "sql",
}
LARGEST = 30_000  # characters of an answer


class DjangoTransport(httpx2.AsyncBaseTransport):
    """Carries requests to the site under test, in the test's own thread and transaction."""

    def __init__(self, client):
        self.client = client

    async def handle_async_request(self, request):
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        headers.pop("HTTP_HOST")
        kind = headers.pop("HTTP_CONTENT_TYPE", "")
        body = await request.aread()
        ask = sync_to_async(self.client.generic)
        response = await ask(request.method, request.url.path, body, content_type=kind, **headers)
        return httpx2.Response(response.status_code, headers=dict(response.items()), content=response.content)


class ToolClient:
    """Ask tools by the SDK's client."""

    def __init__(self, client):
        self.client = client

    def run(self, use):
        async def within():
            async with (
                httpx2.AsyncClient(transport=DjangoTransport(self.client)) as http,
                Client(streamable_http_client("http://testserver/mcp", http_client=http)) as client,
            ):
                return await use(client)

        return async_to_sync(within)()

    def call(self, name, **arguments):
        """The answer of a tool; AssertionError with its words where it has none."""
        result = self.run(lambda client: client.call_tool(name, arguments))
        text = result.content[0].text
        assert not result.is_error, text
        assert len(text) < LARGEST
        return result.structured_content

    def refusal(self, name, **arguments):
        result = self.run(lambda client: client.call_tool(name, arguments))
        assert result.is_error
        return result.content[0].text


@pytest.fixture
def ask(recorded, db, client):
    return ToolClient(client)


def as_dicts(table):
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def test_every_tool_only_reads_and_says_what_its_arguments_are(ask):
    tools = ask.run(lambda client: client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.annotations.read_only_hint
        assert tool.description
        texts = [each.get("description") or each.get("maximum") for each in tool.input_schema["properties"].values()]
        assert all(texts), tool.name


def test_sessions_are_found_by_words(ask):
    [race, *others] = as_dicts(ask.call("find_sessions", race="bahrain", year=2024))
    assert (race["session_id"], race["race"], race["session_name"]) == (9472, "bahrain", "Race")
    assert len(others) == 1
    assert "Did you mean" in ask.refusal("find_sessions", race="monacco")


def test_results_laps_stints_and_telemetry(ask):
    answer = ask.call("session_results", race="bahrain 2024")
    assert answer["session"]["page"] == "/f1/2024/bahrain/race/"
    winner = as_dicts(answer["results"])[0]
    assert (winner["driver"], winner["grid"], winner["points"], winner["status"]) == ("Max Verstappen", 1, 26.0, "classified")
    best = as_dicts(ask.call("laps", race="bahrain 2024")["laps"])
    assert (best[0]["driver"], best[0]["seconds"], len(best)) == ("VER", 92.608, 20)
    driven = as_dicts(ask.call("laps", race="bahrain 2024", drivers=["leclerc", "1"], first_lap=10, last_lap=12)["laps"])
    assert [(lap["driver"], lap["lap"]) for lap in driven] == [(name, lap) for name in ("LEC", "VER") for lap in (10, 11, 12)]
    assert driven[1]["not_clean_because"] == "in-lap"
    tyres = ask.call("stints_and_stops", race="bahrain 2024", drivers=["LEC"])
    assert [stint["compound"] for stint in as_dicts(tyres["stints"])] == ["SOFT", "HARD", "HARD"]
    assert [stop["lap"] for stop in as_dicts(tyres["pit_lane"])] == [11, 34]
    trace = ask.call("lap_telemetry", race="bahrain 2024", driver="VER")
    assert trace["lap"] == {"car": 1, "lap": 39, "seconds": 92.608}
    assert 300 < len(trace["samples"]["rows"]) <= 500
    assert "no samples of car 44" in ask.refusal("lap_telemetry", race="bahrain 2024", driver="HAM")


def test_an_argument_that_a_tool_does_not_have_is_refused(ask):
    """Left out, as the SDK does, it would make another question: the best laps of all for those of one driver."""
    text = ask.refusal("laps", race="bahrain 2024", driver="LEC")
    assert "laps has no argument 'driver'; it has: race, " in text
    assert "drivers" in text
    text = ask.refusal("predict_laps", race="bahrain 2024")
    assert "predict_laps needs driver and from_lap; it has: race, driver, from_lap, " in text
    assert "pydantic" not in text


def test_a_text_stands_for_a_list(ask):
    """Models send one driver, or several with commas."""
    listed = ask.call("laps", race="bahrain 2024", drivers=["VER", "LEC"])
    assert ask.call("laps", race="bahrain 2024", drivers="VER, LEC") == listed
    pair = ask.call("compare_laps", race="bahrain 2024", laps="VER-39,LEC-39")
    assert [lap["label"] for lap in as_dicts(pair["laps"])] == ["VER-39", "LEC-39"]
    assert "no driver called 'verstapen'" in ask.refusal("stints_and_stops", race="bahrain 2024", drivers="verstapen")


def test_what_is_wrong_with_an_argument_is_said_in_words(ask):
    fault = "laps cannot take first_lap 'x': Input should be a valid integer, unable to parse string as an integer."
    assert ask.refusal("laps", race="bahrain 2024", first_lap="x") == fault
    fault = "lap_telemetry cannot take lap -1: Input should be greater than or equal to 0."
    assert ask.refusal("lap_telemetry", race="bahrain 2024", driver="VER", lap=-1) == fault
    assert ask.refusal("results").startswith("There is no tool 'results'; there are: find_sessions, session_results, laps, ")


def test_numbers_stand_for_words(ask):
    """Models send a year, a key or a car number as a number."""
    assert ask.call("standings", year=2024) == ask.call("standings", year="2024") == ask.call("standings")
    trace = ask.call("lap_telemetry", race="bahrain", year=2024, session=9472, driver=1)
    assert trace["lap"] == {"car": 1, "lap": 39, "seconds": 92.608}
    tyres = ask.call("stints_and_stops", race=1229, drivers=[16])
    assert {stint["driver"] for stint in as_dicts(tyres["stints"])} == {"LEC"}


def test_laps_are_compared_with_a_band(ask):
    answer = ask.call("compare_laps", race="bahrain 2024", laps=["VER-39", "LEC-39"])
    assert [lap["label"] for lap in as_dicts(answer["laps"])] == ["VER-39", "LEC-39"]
    rows = as_dicts(answer["delta"])
    assert rows[0]["distance"] == 0
    assert all(row["delta_band_LEC-39"] < row["delta_band_95_LEC-39"] for row in rows[10:-10])
    official = {lap["label"]: lap["seconds"] for lap in as_dicts(answer["laps"])}
    assert rows[-1]["delta_LEC-39"] == pytest.approx(official["LEC-39"] - official["VER-39"], abs=0.15)
    assert any("certainly_faster" in caveat for caveat in answer["caveats"])
    assert "has no lap 70" in ask.refusal("compare_laps", race="bahrain 2024", laps=["VER-70", "LEC-39"])


def test_long_tables_are_cut_and_say_so(ask):
    answer = ask.call("laps", race="bahrain 2024", drivers=["VER", "LEC", "SAI", "PER", "HAM"])
    assert (len(answer["laps"]["rows"]), answer["laps"]["left_out"]) == (200, 85)


def test_standings_analyses_and_sql(ask):
    answer = ask.call("standings", year="2024")
    assert as_dicts(answer["drivers"])[0] == {"place": 1, "name": "Charles Leclerc", "team": "Ferrari", "points": 37.0, "wins": 1}
    assert any("Summed up" in caveat for caveat in answer["caveats"])
    answer = ask.call("analysis", question="race pace", race="bahrain 2024")
    assert answer["rows"][0]["name"] == "VER"
    assert answer["n"] > 800
    assert any("interval" in caveat for caveat in answer["caveats"])
    assert "There is no question 'weather'" in ask.refusal("analysis", question="weather", race="bahrain 2024")
    assert ask.call("sql", query="SELECT count(*) AS n FROM laps WHERE session_key = 9472")["rows"] == [[1129]]
    assert "DROP is not answered here" in ask.refusal("sql", query="DROP VIEW laps")
    assert "No model has been promoted" in ask.refusal("predict_laps", race="bahrain 2024", driver="VER", from_lap=20)
    assert "No strategy model has been promoted" in ask.refusal("rejoin", race="bahrain 2024", driver="VER", lap=16)
    assert "No strategy model has been promoted" in ask.refusal("undercut", race="bahrain 2024", driver="VER", lap=16)
    assert "No strategy model has been promoted" in ask.refusal("race_forecast", race="bahrain 2024", lap=16)
    stops = {"race": "bahrain 2024", "driver": "VER", "lap": 10, "stops": ["15-hard", "38-SOFT"]}
    assert "No strategy model has been promoted" in ask.refusal("what_if", **stops)


def test_strategy_is_answered_in_small_tables(ask, monkeypatch):
    car = {"driver_number": 1, "order_stays": 2, "likely": 1, "low": 1, "high": 3, "win": 0.6, "podium": 0.9, "places": []}
    lap = {"stop_lap": 12, "expected": 3.2, "error": 0.1, "low": 1, "high": 6}
    said = {"session_id": 9472, "assumptions": ["an assumption"], "warnings": ["a warning"]}
    answers = {
        "forecast": lambda **options: {**said, "cars": [car], "exam": None},
        "what-if": lambda **options: {**said, "as_driven": {**car}, "changed": {**car}, "window": [lap], "asked": options},
    }
    monkeypatch.setattr("ml.strategy.answers.QUESTIONS", answers)
    forecast = ask.call("race_forecast", race="bahrain 2024", lap=16)
    assert as_dicts(forecast["cars"]) == [{name: value for name, value in car.items() if name != "places"}]
    assert {"an assumption", "a warning"} <= set(forecast["caveats"])
    other = ask.call("what_if", race="bahrain 2024", driver="VER", lap=10, stops=["15-hard", "38-SOFT"])
    assert (other["asked"]["stop_lap"], other["asked"]["tyre_compound"]) == ([15, 38], ["HARD", "SOFT"])
    assert as_dicts(other["window"]) == [lap]
    assert "places" not in other["changed"]


def test_answers_carry_what_has_to_be_said_of_the_data(ask, admin_user):
    answer = ask.call("session_quality", race="bahrain 2024")
    assert answer["caveats"] == ["The data of this session have not been checked."]
    lap = Lap.objects.get(session_id=9472, driver_number=1, lap_number=39)
    before, lap.lap_duration = lap.lap_duration, 93.5
    editing.edit(lap, user=admin_user)
    caveats = ask.call("laps", race="bahrain 2024")["caveats"]
    assert "1 values of this session were corrected by people of this site; OpenF1 has others." in caveats
    lap.lap_duration = before
    editing.edit(lap, user=admin_user)


def test_resources_are_the_tables_and_the_glossary(ask):
    async def read(client):
        listed = await client.list_resources()
        return {str(each.uri): (await client.read_resource(str(each.uri))).contents[0].text for each in listed.resources}

    texts = ask.run(read)
    assert set(texts) == {"f1://schema", "f1://glossary"}
    assert "* `lap_duration` DOUBLE" in texts["f1://schema"]
    assert "undercut" in texts["f1://glossary"]


# HTTP

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


def post(client, body=INITIALIZE, **headers):
    headers = {"HTTP_ACCEPT": "application/json, text/event-stream", **headers}
    return client.post("/mcp", json.dumps(body), content_type="application/json", **headers)


def test_older_clients_are_answered_too(db, client):
    answer = post(client).json()
    assert answer["result"]["serverInfo"]["name"] == "F1 Stats"
    assert "caveats" in answer["result"]["instructions"]


def test_requests_are_limited_as_all_reads_are(db, client, settings):
    settings.THROTTLES = settings.THROTTLES | {"reads": "1/day"}
    assert post(client, REMOTE_ADDR="203.0.113.19").status_code == 200
    answer = post(client, REMOTE_ADDR="203.0.113.19")
    assert (answer.status_code, "Retry-After" in answer) == (429, True)


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://testserver", 200), ("http://localhost:3000", 200), ("https://app.example.org", 200), ("https://evil.example", 403)],
)
def test_pages_of_strangers_may_not_ask(db, client, settings, origin, status):
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.org"]
    assert post(client, HTTP_ORIGIN=origin).status_code == status


def test_what_is_no_message_is_refused(db, client, settings):
    assert client.get("/mcp").status_code == 405
    assert client.delete("/mcp").status_code == 405
    assert post(client, HTTP_HOST="evil.example").status_code == 400
    assert client.post("/mcp", b"{", content_type="application/json", HTTP_ACCEPT="*/*").status_code == 400
    settings.MCP = False
    assert post(client).json() == {"detail": "MCP is turned off on this site (setting MCP)."}


@pytest.mark.once
def test_a_desktop_program_starts_it_by_the_command():
    server = StdioServerParameters(
        command=sys.executable,
        args=[str(settings.BASE_DIR / "manage.py"), "mcp"],
        env={"DATABASE_URL": "sqlite://:memory:", "SECRET_KEY": settings.SECRET_KEY, "PATH": "/usr/bin"},
    )

    async def use():
        async with Client(stdio_client(server)) as client:
            return await client.list_tools(), await client.read_resource("f1://glossary")

    tools, glossary = asyncio.run(use())
    assert {tool.name for tool in tools.tools} == TOOLS
    assert "undercut" in glossary.contents[0].text


@pytest.mark.once
def test_a_site_that_is_not_asked_does_not_load_the_sdk():
    program = "import sys, f1site.wsgi, f1site.urls; print('mcp' in sys.modules, 'pydantic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


@pytest.mark.once
def test_one_server_serves_all_requests():
    assert make_server() is make_server()
