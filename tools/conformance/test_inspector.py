"""The MCP inspector, by its command line: over HTTP, and of the program that `manage.py mcp` is."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mirror import SESSIONS, SITE, rows_of

Inspect = Callable[..., dict[str, Any]]
HERE = Path(__file__).resolve().parent
PROGRAM = [os.environ["SITE_PYTHON"], str(HERE.parent.parent / "manage.py"), "mcp"]
ENVIRONMENT = [f"-e={name}={os.environ[name]}" for name in ("DATABASE_URL", "MEDIA_ROOT")]
WAYS = {"http": [f"{SITE}/mcp", "--transport", "http"], "program": [*ENVIRONMENT, *PROGRAM]}


@pytest.fixture(params=WAYS)
def inspect(request: pytest.FixtureRequest) -> Inspect:
    def ask(method: str, *arguments: str) -> dict[str, Any]:
        command = [str(HERE / "node_modules/.bin/mcp-inspector"), "--cli", *WAYS[request.param], "--method", method, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout[done.stdout.index("{") :])

    return ask


def test_tools_and_resources_are_listed(inspect: Inspect) -> None:
    tools = {tool["name"]: tool for tool in inspect("tools/list")["tools"]}
    assert {"find_sessions", "laps", "analysis", "sql"} <= tools.keys()
    assert all(tool["annotations"]["readOnlyHint"] and tool["inputSchema"]["properties"] for tool in tools.values())
    assert {each["uri"] for each in inspect("resources/list")["resources"]} == {"f1://schema", "f1://glossary"}


def test_a_tool_answers_with_the_rows_of_the_site(inspect: Inspect) -> None:
    words = [f"--tool-arg=race={rows_of(f'sessions?session_key={SESSIONS[-1]}')[0]['meeting_key']}"]
    numbers = sorted({row["driver_number"] for row in rows_of(f"laps?session_key={SESSIONS[-1]}&lap_number=2")})[:2]
    words += [
        f"--tool-arg=drivers={json.dumps([str(number) for number in numbers])}",
        "--tool-arg=first_lap=2",
        "--tool-arg=last_lap=2",
    ]
    answer = inspect("tools/call", "--tool-name", "laps", *words)["structuredContent"]
    laps = [dict(zip(answer["laps"]["columns"], row, strict=True)) for row in answer["laps"]["rows"]]
    expected = {
        row["lap_duration"]
        for number in numbers
        for row in rows_of(f"laps?session_key={SESSIONS[-1]}&driver_number={number}&lap_number=2")
    }
    assert {lap["seconds"] for lap in laps} == expected
    refused = inspect("tools/call", "--tool-name", "laps", "--tool-arg=race=nowhere")
    assert refused["isError"]
    assert "There is no race weekend called 'nowhere'" in refused["content"][0]["text"]
