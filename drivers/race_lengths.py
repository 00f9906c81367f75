"""How many laps a race has before it is over."""

from drivers.models import SessionResult
from races.models import Session


def scheduled_laps(session: Session) -> int | None:
    """The laps of a race: by its result where there is one, else those of the last race of its kind at this circuit."""
    results = SessionResult.objects.filter(session__session_name=session.session_name, number_of_laps__isnull=False)
    own = results.filter(session=session)
    former = results.filter(session__circuit_key=session.circuit_key, session__date_start__lt=session.date_start)
    for rows in (own, former.exclude(session__circuit_key=None)):
        if newest := rows.order_by("-session__date_start", "-number_of_laps").values_list("number_of_laps", flat=True).first():
            return int(newest)
    return None
