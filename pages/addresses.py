"""From addresses in people's words to rows, and back: `/f1/2024/monaco/race/`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from pages.page_versions import SessionHead, session_head
from races.models import Race, Session
from races.slugs import slugify

LATEST = "latest"


class Moved(Exception):
    """The page has another address, `url`."""

    def __init__(self, url: str):
        super().__init__(url)
        self.url = url


def at_present_address(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """View decorator: whoever asks for a page by another of its addresses is sent to the present one, with the query string.

    `latest` means something else tomorrow, so its redirect is not for keeps.
    """

    @wraps(page)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return page(request, *args, **kwargs)
        except Moved as moved:
            query = request.META.get("QUERY_STRING", "")
            rest = f"{kwargs['name']}/" if "name" in kwargs else ""
            url = moved.url + rest + (f"?{query}" if query else "")
            return redirect(url, permanent=LATEST not in kwargs.values() and "key" not in kwargs)

    return answer


def race_url(year: int, race: str) -> str:
    return f"/f1/{year}/{race}/"


def session_url(year: int, race: str, session: str) -> str:
    return f"/f1/{year}/{race}/{session}/"


def url_of(session: Session) -> str:
    """The address of a session's page; its race is read with it."""
    return session_url(session.race.year, session.race.slug, session.slug)


def find_session(year: int, race: str, session: str) -> SessionHead:
    """The session at an address, in one query; 404 where there is none.

    Moved where the address is a former one, or names the circuit, the place or the country instead of the race.
    """
    if LATEST in (race, session):
        raise Moved(latest_url(year, race, session))
    found = session_head(year, race, session)
    if found is None:
        weekend = find_race(year, race, exact=False)
        other = meant(weekend.sessions.all(), session) if weekend else None
        if other is not None:
            raise Moved(session_url(year, weekend.slug, other.slug) if weekend else "")
        raise Http404(f"There is no session {session!r} of {race!r} in {year}.")
    return found


def find_race(year: int, race: str, *, exact: bool = True) -> Race | None:
    """The race weekend at an address; with `exact`, Moved where it is not the present one."""
    if race == LATEST:
        raise Moved(latest_url(year, race))
    found = Race.objects.filter(year=year, slug=race).first()
    if found is not None:
        return found
    other = meant(Race.objects.filter(year=year), race)
    if other is not None and exact:
        raise Moved(race_url(year, other.slug))
    return other


def meant(rows: QuerySet[Any], slug: str) -> Any:
    """The one row that a slug can mean: by a former slug, by a name of it or of its place; None where none or several can."""
    candidates = list(rows)
    for names in (former_slugs, other_names):
        matching = [row for row in candidates if slug in names(row)]
        if len(matching) == 1:
            return matching[0]
    return None


def former_slugs(row: Any) -> set[str]:
    return {row.slug, *row.former_slugs.split()}


def other_names(row: Any) -> set[str]:
    if isinstance(row, Race):
        return {slugify(name) for name in (row.race_name, row.circuit_name, row.location, row.country_name)} - {""}
    return {slugify(row.session_name)} - {""}


def latest_url(year: int, race: str, session: str | None = None) -> str:
    """The address that `latest` in place of a race or a session stands for: the newest that has begun."""
    begun = Session.objects.filter(year=year, date_start__lte=timezone.now()).select_related("race").order_by("date_start")
    newest = (begun if race == LATEST else begun.filter(race__slug=race)).last()
    if newest is None:
        raise Http404(f"No session of {year} has begun.")
    if session is None:
        return race_url(year, newest.race.slug)
    if session != LATEST:
        return session_url(year, newest.race.slug, session)
    return url_of(newest)


def latest_year() -> int | None:
    return Session.objects.order_by("-year").values_list("year", flat=True).first()
