"""Which sessions have to be checked again: those of which something has changed since their last check."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Model

from mirror.models import Correction, PieceVersion, Reject, SyncPiece
from races.models import Race, Session
from telemetry.models import SampleFile, SessionQuality

UNDER_WAY = timedelta(minutes=10)  # a change may be dated before a check that could not see it, its transaction being open
SETTLING = timedelta(days=2)  # after a session: until then what is missing may simply not have come yet
# Collections that checks of later sessions look into too: who drove which car for whom, and with how many points.
LOOKED_INTO = ("drivers", "championship_drivers", "championship_teams")


def due_sessions(session_ids: Iterable[int]) -> list[int]:
    """Those of these sessions, in their order, whose report may no longer be true.

    A change of one session counts for itself, one of the calendar, the entries and the standings for all later seasons too. Files
    are on a disk, where they may be damaged without a trace in the database, so sessions with files are always due. Not
    noticed are another version of the checks themselves, and a driver's country that only a later season tells.
    """
    checked = dict(SessionQuality.objects.values_list("session_id", "checked_at"))
    changed = changes_by_session()
    places = {pk: (race, year, end) for pk, race, year, end in Session.objects.values_list("pk", "race_id", "year", "date_end")}
    by_season = changes_by_season({pk: year for pk, (_, year, _) in places.items()})
    by_race = newest(Reject, "race_id", "last_seen")
    with_files = set(SampleFile.objects.values_list("session_id", flat=True))

    def is_due(pk: int) -> bool:
        race, year, end = places[pk]
        if pk not in checked or pk in with_files or end is None or checked[pk] < end + SETTLING:
            return True
        moments = (changed.get(pk), by_race.get(race), *(at for season, at in by_season.items() if season <= year))
        return any(at is not None and at > checked[pk] - UNDER_WAY for at in moments)

    return [pk for pk in session_ids if is_due(pk)]


def newest(model: type[Model], by: str, moment: str, **only: Any) -> dict[Any, datetime]:
    """{value of `by`: the newest moment}."""
    rows = model._default_manager.filter(**{f"{by}__isnull": False}, **only).order_by().values_list(by)
    return dict(rows.annotate(newest=Max(moment)))


def changes_by_session() -> dict[int, datetime]:
    """{session_id: when a row of it changed, a person corrected one, or upstream was asked for it, at last}."""
    found: dict[int, datetime] = {}
    for model, moment in ((PieceVersion, "changed_at"), (Correction, "updated_at"), (SyncPiece, "ended_at")):
        for session, at in newest(model, "session_id", moment).items():
            found[session] = max(found.get(session, at), at)
    return found


def changes_by_season(seasons: dict[int, int]) -> dict[int, datetime]:
    """{season: when its calendar, entries or standings last changed}; `seasons` are {session_id: season}."""
    entries = newest(PieceVersion, "session_id", "changed_at", collection__in=LOOKED_INTO)
    moments = [*newest(Race, "year", "changed_at").items(), *newest(Session, "year", "changed_at").items()]
    moments += [(seasons[session], at) for session, at in entries.items() if session in seasons]
    found: dict[int, datetime] = {}
    for season, at in moments:
        found[season] = max(found.get(season, at), at)
    return found
