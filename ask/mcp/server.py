"""The MCP server: its tools and resources by the official SDK. Import it where it is needed, as the SDK takes long to load."""

import inspect
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import ValidationError

from api import admission
from ask.mcp import lap_tools, session_tools, site_tools
from ask.mcp.arguments import NotAnswered
from ask.sql.describe import JOINS, tables
from ask.sql.examples import EXAMPLES
from mirror.storage import DamagedFile, StorageUnavailable
from races.words import Unclear

INSTRUCTIONS = (
    "Formula 1 sessions as OpenF1 has them, checked and open to corrections: results, laps, stints, telemetry, analyses "
    "with intervals, predictions, SQL. Sessions and drivers are named in words. Answers are tables of `columns` and `rows`; pass "
    "the `caveats` on to the person who asked. Times are seconds and UTC."
)
READING = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
GLOSSARY = "docs/glossary.md"


TOOLS = (*session_tools.TOOLS, *lap_tools.TOOLS, *site_tools.TOOLS)
PARAMETERS = {tool.__name__: dict(inspect.signature(tool).parameters) for tool in TOOLS}


class Server(MCPServer):
    """Refuses arguments that a tool does not have, which the SDK would leave out: the answer would be one to another question;
    says which are missing, and names tools and faults in words.
    """

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        if name not in PARAMETERS:
            raise ToolError(f"There is no tool {name!r}; there are: {', '.join(PARAMETERS)}.")
        known = PARAMETERS[name]
        if unknown := arguments.keys() - known.keys():
            raise ToolError(f"{name} has no argument {min(unknown)!r}; it has: {', '.join(known)}.")
        if missing := [
            each for each, parameter in known.items() if parameter.default is parameter.empty and each not in arguments
        ]:
            raise ToolError(f"{name} needs {' and '.join(missing)}; it has: {', '.join(known)}.")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(describe_faults(name, error.__cause__)) from error
            raise


def describe_faults(name: str, error: ValidationError) -> str:
    """What is wrong with the arguments of a call."""
    faults = [f"{'.'.join(map(str, fault['loc']))} {fault['input']!r}: {fault['msg']}" for fault in error.errors()]
    return f"{name} cannot take {'; '.join(faults)}."


@cache
def make_server() -> MCPServer:
    server = Server("F1 Stats", version=settings.VERSION, instructions=INSTRUCTIONS, log_level="WARNING")
    for tool in TOOLS:
        server.add_tool(in_thread(tool), name=tool.__name__, annotations=READING)
    for resource, about in ((schema, "The tables of the tool sql."), (glossary, "Formula 1 and statistics terms.")):
        name = resource.__name__
        server.resource(f"f1://{name}", name=name, mime_type="text/markdown", description=about)(resource)
    return server


def in_thread(tool: Callable[..., dict[str, Any]]) -> Callable[..., Awaitable[CallToolResult]]:
    """The tool for an event loop: it runs in the thread that handles the request, and says what is wrong in words."""

    @wraps(tool)
    async def call(**arguments: Any) -> CallToolResult:
        try:
            answer = await sync_to_async(tool)(**arguments)
        except (NotAnswered, Unclear, DamagedFile, StorageUnavailable) as error:
            raise ToolError(str(error)) from error
        except admission.Busy as error:
            raise ToolError(str(error.detail)) from error
        text = msgspec.json.encode(answer, enc_hook=str).decode()  # the SDK would indent it to three times the length
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=msgspec.json.decode(text))

    call.__signature__ = inspect.signature(tool)  # type: ignore[attr-defined]
    return call


def schema() -> str:
    """The tables of `sql` in Markdown, with examples."""
    lines = []
    for table in tables():
        lines += [f"## {table.name}", "", table.about, ""]
        lines += [f"* `{column.name}` {column.type}{f': {column.about}' if column.about else ''}" for column in table.columns]
        lines.append("")
    lines += ["## What belongs together", "", *(f"* {join.tables}: {join.condition}" for join in JOINS), "", "## Examples", ""]
    lines += [f"{example.question}\n\n```sql\n{example.sql.strip()}\n```\n" for example in EXAMPLES]
    return "\n".join(lines)


def glossary() -> str:
    return (Path(settings.BASE_DIR) / GLOSSARY).read_text()
