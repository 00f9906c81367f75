"""The front page, the seasons and the weekends over HTTP."""

from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from mirror.models import SyncRun
from ml.colours import palette
from pages.addresses import at_present_address, find_race, latest_year, race_url, session_url
from pages.answers import respond
from pages.chart import Chart
from pages.charts.registry import VIEWS
from pages.page_versions import season_version
from pages.progress import progress
from pages.refusals import explained, takes
from pages.season import Season, Weekend, results_told, season_page, session_state
from pages.season_rows import SeasonRows, SessionLine, load_season
from pages.state import State
from pages.views import FORMATS, as_csv, json_script, staff
from races.models import Session

HTML = "text/html; charset=utf-8"
SHOWN_RESULTS, SHOWN_STANDINGS = 3, 10  # on the front page
COUNTING = ("Sprint Shootout", "Sprint Qualifying", "Sprint", "Qualifying", "Race")  # sessions after the practices, in order
FIRST_VIEWS = ("trace", "pace", "strategy", "qualifying")  # that a weekend's page leads to


@require_safe
@takes()
def home(request: HttpRequest) -> HttpResponse:
    """The newest season at a glance; programs that ask for JSON are answered by the API's root."""
    years = seasons()
    version = (years, season_version(years[0]) if years else None, timezone.now().date(), staff(request))
    return respond(request, version, lambda: home_html(years), headers={"Vary": "Accept, Accept-Encoding, Cookie"})


def home_html(years: list[int]) -> tuple[str, bytes]:
    """`years` are the seasons that are stored, the newest first."""
    year, now = next(iter(years), None), timezone.now()
    rows = load_season(year) if year else None
    season = season_page(year, rows, now) if year and rows else None
    context: dict[str, Any] = {
        "season": season,
        "seasons": years,
        "last_sync": SyncRun.objects.exclude(ended_at=None).first(),
    }
    if season and rows:
        past = [weekend for weekend in season.weekends if weekend.state == "past"]
        ahead = [weekend for weekend in season.weekends if weekend.state in ("now", "next")]
        context |= {
            "ahead": ahead[0] if ahead else None,
            "sessions": [session_card(row, rows, now) for row in rows.sessions if ahead and row.race_id == ahead[0].race_id],
            "past": ([weekend for weekend in past if weekend.winner] or past)[::-1][:SHOWN_RESULTS],
            "drivers": coloured(season)[:SHOWN_STANDINGS],
            "teams": season.teams[:SHOWN_STANDINGS],
        }
    return HTML, render_to_string("pages/home.html", context | {"links": links()}).encode()


def links() -> list[tuple[str, str, str]]:
    """(title, address, what is there) of the parts of the site that are no pages."""
    return [
        ("API", reverse("docs"), "every row, filtered, as JSON, CSV, NDJSON or Parquet"),
        ("OpenF1's API", "/v1/", "the same paths and answers as api.openf1.org, on race day too"),
        *([("SQL", "/sql/", "any question about any row, with a chart of the answer")] if settings.SQL else []),
        ("Analysis", "/api/v1/analysis/", "race pace, tyres, pit loss, undercuts: with intervals"),
        ("Experiments", "/api/v1/experiments/", "lap-time models and what they are worth"),
        ("Jobs", "/api/v1/jobs/", "background work, for those who log in"),
        ("Admin", reverse("admin:index"), "sync, correct, check"),
    ]


def seasons() -> list[int]:
    return list(Session.objects.order_by("-year").values_list("year", flat=True).distinct())


class SeasonState(State):
    """The parameters of a season's page."""

    COMMON = ("format", "drivers")


@require_safe
@at_present_address
@explained
def season(request: HttpRequest, year: int) -> HttpResponse:
    """The page of a season."""
    rows_version = season_version(year)
    if rows_version is None:
        raise Http404(f"There is no season {year} here.")
    version = (rows_version, timezone.now().date(), staff(request))
    return respond(request, version, lambda: season_answer(request, year), headers={})


def season_answer(request: HttpRequest, year: int) -> tuple[str, bytes]:
    """The page, or the championship by round as JSON or CSV."""
    state = SeasonState({key: request.GET[key] for key in request.GET})
    form = state.choice("format", FORMATS, "html")
    found = season_page(year, load_season(year), timezone.now())
    chart = progress(found, request.GET.get("drivers", ""))
    if form == "json":
        return "application/json", msgspec.json.encode(chart)
    if form == "csv":
        return "text/csv; charset=utf-8", as_csv(chart.table)
    return HTML, season_html(found, chart)


def season_html(found: Season, chart: Chart) -> bytes:
    year = found.year
    held = {name for weekend in found.weekends for name, _, _ in weekend.sessions}
    names = sorted(held, key=lambda name: (name in COUNTING, COUNTING.index(name) if name in COUNTING else 0, name))
    context = {
        "season": found,
        "drivers": coloured(found),
        "seasons": seasons(),
        "crumbs": [{"text": str(year), "url": f"/f1/{year}/"}],
        "session_names": names,
        "heat": [heat_row(weekend, names) for weekend in found.weekends],
        "chart": chart if len(found.rounds) > 1 else None,
        "chart_json": json_script(chart),
        "headings": list(zip(chart.table.columns, chart.table.numeric, strict=True)),
        "file": f"season-{year}",
    }
    return render_to_string("pages/season.html", context).encode()


def heat_row(weekend: Weekend, names: list[str]) -> dict[str, Any]:
    """A weekend's sessions in the columns of the quality table."""
    found = {name: (url, grade) for name, url, grade in weekend.sessions}
    return {"weekend": weekend, "cells": [found.get(name) for name in names]}


def coloured(found: Season) -> list[dict[str, Any]]:
    """The drivers' standings with the colours of their teams."""
    shades = palette(tuple((each.team, each.colour) for each in found.drivers))
    return [{"standing": each, "shades": shades[each.team]} for each in found.drivers]


@require_safe
@at_present_address
@takes()
def weekend(request: HttpRequest, year: int, race: str) -> HttpResponse:
    """The page of a race weekend."""
    found = find_race(year, race)
    if found is None:
        raise Http404(f"There is no race weekend {race!r} in {year}.")
    version = (season_version(year), timezone.now().date(), staff(request))
    return respond(request, version, lambda: weekend_html(request, year, found.slug, found.pk), headers={})


def weekend_html(request: HttpRequest, year: int, slug: str, race_id: int) -> tuple[str, bytes]:
    rows, now = load_season(year), timezone.now()
    page = season_page(year, rows, now)
    url = race_url(year, slug)
    at = next(number for number, each in enumerate(page.weekends) if each.url == url)
    this = page.weekends[at]
    context = {
        "weekend": this,
        "year": year,
        "before": page.weekends[at - 1] if at else None,
        "after": page.weekends[at + 1] if at + 1 < len(page.weekends) else None,
        "crumbs": [{"text": str(year), "url": f"/f1/{year}/"}, {"text": this.name, "url": url}],
        "sessions": [session_card(row, rows, now) for row in rows.sessions if row.race_slug == slug],
        "api_url": f"/api/v1/races/{race_id}/",
        "admin_url": reverse("admin:races_race_change", args=[race_id]) if staff(request) else "",
    }
    return HTML, render_to_string("pages/weekend.html", context).encode()


def session_card(row: SessionLine, rows: SeasonRows, now: datetime) -> dict[str, Any]:
    """A session as the page of its weekend shows it."""
    told = results_told(rows, row)
    return {
        "row": row,
        "url": session_url(row.year, row.race_slug, row.slug),
        "state": session_state(row, now),
        "told": told,
        "views": [view for name in FIRST_VIEWS if told and (view := VIEWS[name]).fits(row.session_name)],
    }


@require_safe
def latest(request: HttpRequest, rest: str = "") -> HttpResponse:
    """`latest` in place of a year leads to the newest season."""
    year = latest_year()
    if year is None:
        raise Http404("Nothing is stored yet.")
    return HttpResponseRedirect(f"/f1/{year}/{rest}")
