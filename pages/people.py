"""The pages of drivers and teams over HTTP."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from drivers.models import Driver, DriverAlias, Team
from drivers.names import driver_id
from drivers.teams import find_team
from ml.colours import palette
from pages.addresses import Moved, at_present_address
from pages.answers import respond
from pages.careers import CareerRows, colour_of, load_driver, load_team, results_in, seasons_of
from pages.duels import duels, load_laps
from pages.page_versions import collections_version
from pages.refusals import takes
from pages.state import BadState
from pages.views import staff

HTML = "text/html; charset=utf-8"
SHOWN = (  # collections whose rows the pages show
    "drivers",
    "session_result",
    "championship_drivers",
    "championship_teams",
    "laps",
    "stints",
    "teams",
    "sessions",
    "meetings",
)
SESSIONS = ("Qualifying", "Sprint", "Race")  # columns of the results


@require_safe
@at_present_address
@takes("season")
def driver(request: HttpRequest, key: str) -> HttpResponse:
    """The page of a driver."""
    found = find_driver(key)
    version = (collections_version(SHOWN), staff(request))
    return respond(request, version, lambda: driver_html(request, found), headers={})


def find_driver(key: str) -> Driver:
    """The driver with an ID; Moved where the address has another spelling of it."""
    found = Driver.objects.filter(pk=key).first()
    if found is not None:
        return found
    alias = DriverAlias.objects.filter(alias=key).first()
    spelled = driver_id(key.replace("-", " ").replace("_", " "))
    if alias is not None:
        raise Moved(f"/f1/drivers/{alias.driver_id}/")
    if spelled and spelled != key:
        raise Moved(f"/f1/drivers/{spelled}/")
    raise Http404(f"There is no driver {key!r} here.")


def driver_html(request: HttpRequest, found: Driver) -> tuple[str, bytes]:
    rows = load_driver(found.pk)
    year = chosen_year(request, rows)
    facts = [f"Car {found.driver_number}" if found.driver_number else "", found.name_acronym or "", found.country_code or ""]
    context = career_context(request, rows, year, found.pk) | {
        "name": found.full_name,
        "facts": [fact for fact in facts if fact],
        "url": found.get_absolute_url(),
        "is_team": False,
        "admin_url": reverse("admin:drivers_driver_change", args=[found.pk]) if staff(request) else "",
        "api_url": f"/api/v1/session-result/?{urlencode({'driver_id': found.pk})}",
    }
    return HTML, render_to_string("pages/career.html", context).encode()


@require_safe
@at_present_address
@takes("season")
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of a team."""
    meant = find_team(slug)
    if meant is None:
        raise Http404(f"There is no team {slug!r} here.")
    found, former = meant
    if found.slug != slug:
        raise Moved(found.get_absolute_url())
    version = (collections_version(SHOWN), staff(request))
    return respond(request, version, lambda: team_html(request, found, former), headers={})


def team_html(request: HttpRequest, found: Team, former: list[str]) -> tuple[str, bytes]:
    """The page of a team under all of its names."""
    rows = load_team([found.name, *former])
    year = chosen_year(request, rows)
    context = career_context(request, rows, year, None) | {
        "name": found.name,
        "facts": [f"formerly {', '.join(former)}"] if former else [],
        "url": found.get_absolute_url(),
        "is_team": True,
        "admin_url": reverse("admin:drivers_team_change", args=[found.pk]) if staff(request) else "",
        "api_url": f"/api/v1/entries/?{urlencode({'team_name': found.name})}",
    }
    return HTML, render_to_string("pages/career.html", context).encode()


def chosen_year(request: HttpRequest, rows: CareerRows) -> int | None:
    """`?season=2023`, or else the newest; None where nothing is stored."""
    asked = request.GET.get("season", "")
    if asked and asked not in map(str, rows.years):
        raise BadState(f"season={asked!r} is not stored; choose one of {', '.join(map(str, rows.years)) or 'none'}.")
    return int(asked) if asked else next(iter(rows.years), None)


def career_context(request: HttpRequest, rows: CareerRows, year: int | None, driver: str | None) -> dict[str, Any]:
    """What the pages of drivers and teams have in common; `driver` is None for a team."""
    mine = [car for car in rows.cars_in(year) if driver is None or car.driver_id == driver] if year else []
    shades = palette((("", colour_of(mine)),))[""]
    results = results_in(rows, year, driver) if year else []
    return {
        "seasons": seasons_of(rows, driver),
        "year": year,
        "results": results,
        "columns": [name for name in SESSIONS if any(name in each.sessions for each in results)],
        "duels": duels(rows, year, load_laps(rows, year), driver) if year else [],
        "shades": shades,
        "names": not driver,
        "teams": bool(driver) and len({each.team for each in results}) > 1,
        "crumbs": [],
    }
