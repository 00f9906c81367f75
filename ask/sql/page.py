"""`/sql/`: the page on which people ask in SQL. The question and its chart are in the address, so that a link is the answer."""

import re
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from api import admission, throttling
from api.links import NAMESPACE
from api.logins.authentication import user_of
from ask.sql import chart, running
from ask.sql.describe import JOINS, tables
from ask.sql.examples import EXAMPLES
from ask.sql.views import TURNED_OFF
from pages.chart import Table
from pages.refusals import explained
from pages.state import State
from pages.views import framing

ROWS = 1_000  # rows that a page shows; the files have all
PARAMETERS = ("q", "chart")


@require_safe
@explained
def page(request: HttpRequest) -> HttpResponse:
    """The form, the tables, and the answer where there is a question."""
    if not settings.SQL:
        raise Http404(TURNED_OFF)
    if settings.THROTTLES["reads"] and (
        seconds := throttling.count_request("reads", throttling.client_of(request, user_of(request)))
    ):
        return throttling.too_many_requests(seconds)
    state = Question({key: request.GET[key] for key in request.GET}, PARAMETERS)
    kind, embed = state.choice("chart", chart.KINDS, "auto"), state.flag("embed")
    sql = state.query.get("q", "").strip()
    context, status = answer_context(request, sql, kind) if sql else ({}, 200)
    context |= frame_context(sql, kind, embed=embed)
    headers = {"Cache-Control": "private, no-cache", **framing(embed)}
    response = render(request, "ask/sql.html", context, status=status)
    for name, value in headers.items():
        response.headers[name] = value
    response.xframe_options_exempt = embed  # type: ignore[attr-defined]
    return response


class Question(State):
    """The parameters of the page."""

    COMMON = ("embed",)


def answer_context(request: HttpRequest, sql: str, kind: str) -> tuple[dict[str, Any], int]:
    """(what the template shows of the answer, the status)."""
    try:
        with admission.turn(admission.SQL, request):
            answer = running.run(sql, rows=ROWS)
    except running.Refused as error:
        return {"refusal": str(error)}, 400
    except running.WorkerDied as error:
        return {"refusal": str(error)}, 503
    rows = msgspec.json.decode(answer.body)
    numeric = [chart.is_number(column) for column in answer.columns]
    table = Table([column.name for column in answer.columns], [[cell(value) for value in row] for row in rows], numeric)
    return {
        "answer": answer,
        "table": table,
        "headings": list(zip(table.columns, table.numeric, strict=True)),
        "pictures": [each for paper in chart.PAPERS if (each := chart.draw(answer.columns, rows, kind, paper))],
    }, 200


def cell(value: Any) -> Any:
    """A value of an answer as a table shows it."""
    if isinstance(value, float):
        return chart.format_value(value)
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value


def frame_context(sql: str, kind: str, *, embed: bool) -> dict[str, Any]:
    """What the template shows besides the answer."""
    file_url = reverse(f"{NAMESPACE}:sql")
    example = next((each for each in EXAMPLES if is_same_question(each.sql, sql)), None)
    return {
        "sql": sql,
        "lines": min(16, max(5, sql.count("\n") + 2)),
        "title": example.question if example else "SQL",
        "kind": kind,
        "kinds": chart.KINDS,
        "embed": embed,
        "files": [(title, link(file_url, q=sql, format=title.lower())) for title in ("JSON", "CSV", "Parquet")]
        + [("CSV for spreadsheets", link(file_url, q=sql, format="csv", excel="1"))],
        "embed_url": link(reverse("sql-page"), q=sql, chart=kind, embed="1"),
        "tables": [] if embed else tables(),
        "joins": JOINS,
        "examples": [(example.question, link(reverse("sql-page"), q=example.sql.strip())) for example in EXAMPLES],
        "limits": {"seconds": running.SECONDS, "rows": f"{running.ROWS:,}", "memory": running.MEMORY_MB, "shown": f"{ROWS:,}"},
        "api_url": file_url,
        "crumbs": [{"text": "SQL", "url": reverse("sql-page")}],
    }


def is_same_question(one: str, other: str) -> bool:
    """Whether two questions differ by blanks alone."""
    return re.sub(r"\s+", " ", one).strip() == re.sub(r"\s+", " ", other).strip()


def link(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}"
