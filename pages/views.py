"""The pages over HTTP: HTML, and the same as JSON and CSV."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from api.policy import format_policy
from jobs.wording import plural
from mirror.models import Source
from pages.addresses import at_present_address, find_session, url_of
from pages.answers import respond
from pages.cars import cars_of
from pages.chart import Chart, Table
from pages.charts import View
from pages.charts.registry import VIEWS
from pages.forecasts import Champions, champions_version, errors_table, forecasts_if_made
from pages.page_versions import SessionHead
from pages.refusals import explained, takes
from pages.replay.film import film_of
from pages.replay.tables import replay_tables
from pages.rows import SessionRows, load
from pages.session_page import session_page
from pages.sparklines import teasers
from pages.state import State
from pages.upstream_values import as_upstream_sent
from races.models import Session

FORMATS = ("html", "json", "csv")


@require_safe
@at_present_address
@explained
def view(request: HttpRequest, year: int, race: str, session: str, name: str) -> HttpResponse:
    """A view of a session."""
    found = find_session(year, race, session)
    chosen = VIEWS.get(name)
    if chosen is None or not chosen.fits(found.session_name):
        raise Http404(f"A session called {found.session_name} has no view {name!r}.")
    state = State({key: request.GET[key] for key in request.GET}, chosen.parameters)
    form = state.choice("format", FORMATS, "html")
    embed, raw = state.flag("embed"), state.flag("raw")
    beside = chosen.version(found.session_id) if chosen.version else None
    answer = respond(
        request,
        (found.version, staff(request), beside),
        lambda: written(request, found, beside, chosen, state, form=form, embed=embed, raw=raw),
        headers=framing(embed) | attachment(request, form),
    )
    answer.xframe_options_exempt = embed  # type: ignore[attr-defined]
    return answer


@require_safe
@at_present_address
@takes()
def session(request: HttpRequest, year: int, race: str, session: str) -> HttpResponse:
    """The page of a session."""
    found = find_session(year, race, session)
    champions = champions_version() if VIEWS["forecast"].fits(found.session_name) else None
    forecasts = forecasts_if_made(found.session_id, found.version, champions) if champions else None
    told = [champion["run"] for champion in forecasts["champions"]] if forecasts else []
    version = (found.version, staff(request), told)
    return respond(request, version, lambda: session_html(request, found, champions, forecasts), headers={})


@require_safe
@at_present_address
@takes()
def replay_file(request: HttpRequest, year: int, race: str, session: str) -> HttpResponse:
    """The file that the replay of a race is played from, see `pages.replay.film`."""
    found = find_session(year, race, session)

    def make() -> tuple[str, bytes]:
        film = (
            film_of(load(found, version=found.version, more=replay_tables)) if VIEWS["replay"].fits(found.session_name) else None
        )
        if film is None:
            raise Http404(f"There is no replay of this session: it takes a race with laps, and this is a {found.session_name}.")
        return "application/octet-stream", film.to_bytes()

    return respond(request, ("replay file", found.version), make, headers={})


@require_safe
def by_id(request: HttpRequest, session_id: int, name: str = "") -> HttpResponse:
    """OpenF1's number of a session leads to its page."""
    found = Session.objects.select_related("race").filter(pk=session_id).first()
    if found is None:
        raise Http404(f"There is no session {session_id} here.")
    query = request.META.get("QUERY_STRING", "")
    return redirect(url_of(found) + (f"{name}/" if name else "") + (f"?{query}" if query else ""))


def session_html(
    request: HttpRequest, found: SessionHead, champions: Champions | None, forecasts: dict[str, Any] | None
) -> tuple[str, bytes]:
    rows = load(found, version=found.version, beside=champions)
    context = session_context(request, rows) | {
        "page": session_page(rows, timezone.now()),
        "file": file_name(request),
        "teasers": teasers(rows),
        "errors": errors_table(forecasts["causes"], cars_of(rows)) if forecasts else None,
        "results_url": f"/api/v1/session-result/?session_id={found.session_id}",
    }
    return "text/html; charset=utf-8", render_to_string("pages/session.html", context).encode()


def staff(request: HttpRequest) -> bool:
    """Whether a page shows links to the admin."""
    return request.user.is_staff if "sessionid" in request.COOKIES else False


def framing(embed: bool) -> dict[str, str]:
    """Headers that let other sites' pages show an embedded chart; nothing else of this site may be framed."""
    if not embed:
        return {}
    return {
        "Content-Security-Policy": format_policy(settings.CONTENT_SECURITY_POLICY | {"frame-ancestors": settings.EMBED_ANCESTORS})
    }


def attachment(request: HttpRequest, form: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file_name(request)}.csv"'} if form == "csv" else {}


def file_name(request: HttpRequest) -> str:
    """The name of a downloaded file without its ending: /f1/2024/monaco/race/trace/ -> 2024-monaco-race-trace."""
    return "-".join(request.path.strip("/").split("/")[1:])


def written(
    request: HttpRequest, found: SessionHead, beside: object, chosen: View, state: State, *, form: str, embed: bool, raw: bool
) -> tuple[str, bytes]:
    """(content type, body) of a view."""
    rows = load(found, version=found.version, beside=beside, more=chosen.tables)
    state.cars(rows)  # refuses strangers, also of a view that shows all cars
    chart = chosen.build(as_upstream_sent(rows) if raw else rows, state)
    if form == "json":
        return "application/json", msgspec.json.encode(chosen.document(chart) if chosen.document else chart)
    if form == "csv":
        return "text/csv; charset=utf-8", as_csv(chart.table)
    context = session_context(request, rows, chosen) | chart_context(chart, state, request.path, chosen)
    context |= {"embed": embed, "raw": raw, "file": file_name(request)}
    return "text/html; charset=utf-8", render_to_string(chosen.template, context).encode()


def as_csv(table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue().encode()


def chart_context(chart: Chart, state: State, page: str, chosen: View) -> dict[str, Any]:
    """What the template of a view shows; `page` is its address."""
    query = {key: value for key, value in state.query.items() if key not in ("format", "embed")}

    def link(**more: str) -> str:
        return f"{page}?{urlencode(query | more, safe=',')}"

    drawn = drawings(chosen, chart)
    chosen_names = {choice.name for choice in chart.choices}
    flipped = {key: value for key, value in query.items() if key != "raw"} | ({} if query.get("raw") == "1" else {"raw": "1"})
    return {
        "chart": chart,
        "chart_json": json_script(chart),
        "drawing": drawn[0] if drawn else {},
        "drawings": drawn,
        "headings": list(zip(chart.table.columns, chart.table.numeric, strict=True)),
        "kept": [(key, value) for key, value in query.items() if key not in chosen_names],
        "csv_url": link(format="csv"),
        "json_url": link(format="json"),
        "embed_url": link(embed="1"),
        "switch_url": f"{page}?{urlencode(flipped, safe=',')}",
    }


def json_script(chart: Chart) -> str:
    """The chart's data as a block that a page's module reads; the table is in the page already."""
    body = msgspec.json.encode(msgspec.structs.replace(chart, table=Table.of([], []), choices=[], notes=[])).decode()
    safe = body.replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026")
    return mark_safe(f'<script type="application/json" id="chart-data">{safe}</script>')  # noqa: S308 - escaped above


def session_context(request: HttpRequest, rows: SessionRows, chosen: View | None = None) -> dict[str, Any]:
    """What the head of a session's pages shows."""
    session = rows.session
    url = url_of(session)
    winner = next((car for car in cars_of(rows) if car.place == 1), None)
    return {
        "session": session,
        "session_url": url,
        "view": chosen,
        "views": [each for each in VIEWS.values() if each.fits(session.session_name)],
        "headline": f"Won by {winner.name}" if winner and rows.is_race else (f"Fastest: {winner.name}" if winner else ""),
        "race_laps": rows.race_laps if rows.is_race else 0,
        "corrections": len(rows.corrections),
        "quality": quality_of(session),
        "admin_url": reverse("admin:races_session_change", args=[session.pk]) if staff(request) else "",
        "is_real": session.source != Source.DEMO,
        "crumbs": [
            {"text": str(session.year), "url": f"/f1/{session.year}/"},
            {"text": session.race.race_name, "url": f"/f1/{session.year}/{url.split('/')[3]}/"},
            {"text": session.session_name, "url": url},
        ],
    }


def quality_of(session: Session) -> dict[str, Any] | None:
    """The session's grade, why it is not better, and where all findings are."""
    found = getattr(session, "quality", None)
    if found is None:
        return None
    lacking = [
        f"{name}: {grade['reason']}"
        for name, grade in found.grades.items()
        if grade["grade"] in ("partial", "missing") and grade["reason"]
    ]
    return {
        "grade": found.grade,
        "reasons": lacking,
        "findings": f"{plural(found.errors, 'error')}, {plural(found.warnings, 'warning')}, {plural(found.notes, 'note')} "
        "by the checks",
        "api_url": f"/api/v1/quality/?session_id={session.pk}",
    }


def drawings(view: View, chart: Chart) -> list[dict[str, Any]]:
    """What the template draws: for screens, and for phones where the view has a drawing of its own for them."""
    if view.layout is None or chart.empty:
        return []
    if view.narrow is None:
        return [view.layout(chart)]
    return [view.layout(chart) | {"size": "for-screens"}, view.narrow(chart) | {"size": "for-phones"}]
