"""Versions of what pages show, for their validators: sums of the random stamps of pieces, each read by one short query.

Two equal versions mean that nothing changed in between, as with `mirror.versions`; what checks find is not mirrored, so its time
is part of a version too.
"""

from functools import cache
from typing import Any, NamedTuple

from django.db.models import F, Func, OuterRef, Subquery

from api.queries import Statement, parameter, statement
from mirror.models import PieceVersion
from mirror.versions import LISTS
from races.models import Session


class SessionHead(NamedTuple):
    """A session at its address, and the version of its pages: they show rows of their weekend and names of people and races."""

    session_id: int
    session_name: str
    version: tuple[Any, ...]


def stamps(**pieces: Any) -> Subquery:
    """The sum of the stamps of some pieces."""
    return Subquery(PieceVersion.objects.filter(**pieces).annotate(total=Func(F("stamp"), function="SUM")).values("total"))


@cache
def session_statement() -> Statement:
    weekend = Session.objects.filter(race=OuterRef(OuterRef("race"))).order_by().values("pk")
    place = {"race__year": parameter("year"), "race__slug": parameter("race"), "slug": parameter("session")}
    found = Session.objects.filter(**place).order_by()
    return statement(
        found.values_list("pk", "session_name", "quality__checked_at", stamps(session_id__in=weekend), stamps(session_id=LISTS))
    )


def session_head(year: int, race: str, session: str) -> SessionHead | None:
    """The session at this very address; None where there is none."""
    for session_id, name, *version in session_statement().run(year=year, race=race, session=session):
        return SessionHead(session_id, name, tuple(version))
    return None


@cache
def season_statement() -> Statement:
    year = {"year": parameter("year")}
    sessions = Session.objects.filter(**year).order_by()
    checked = sessions.annotate(last=Func(F("quality__checked_at"), function="MAX")).values("last")
    rows = stamps(session_id__in=sessions.values("pk"))
    return statement(sessions.values_list(rows, stamps(session_id=LISTS), Subquery(checked))[:1])


def season_version(year: int) -> tuple[Any, ...] | None:
    """Changes with everything that a season's page shows; None without a session in that year."""
    return next(iter(season_statement().run(year=year)), None)


@cache
def collections_statement(names: tuple[str, ...]) -> Statement:
    return statement(PieceVersion.objects.order_by().values_list(stamps(collection__in=names))[:1])


def collections_version(names: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Changes with every row of these collections."""
    return next(iter(collections_statement(names).run()), None)
