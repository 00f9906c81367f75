"""What tools answer: a table that is never long, the session it is of, and what has to be said along with it."""

from collections.abc import Iterable, Sequence
from typing import Any

from mirror.models import Correction, Source
from pages.addresses import url_of
from pages.views import quality_of
from races.models import Session

ROWS = 200  # of a table
ITEMS, VALUES = 40, 6  # of a list of an answer, and of a list within one of its items


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, most: int = ROWS) -> dict[str, Any]:
    """A table in columns and rows; `left_out` says how many rows more there are."""
    every = [[rounded(value) for value in row] for row in rows]
    return {"columns": [*columns], "rows": every[:most]} | ({"left_out": len(every) - most} if len(every) > most else {})


def rounded(value: Any) -> Any:
    """Numbers with as many digits as timing has."""
    return round(value, 3) if isinstance(value, float) else value


def session_answer(session: Session, **content: Any) -> dict[str, Any]:
    """An answer about a session: what it is, the content, and the caveats."""
    caveats = [*content.pop("caveats", []), *caveats_of(session)]
    return {"session": describe(session)} | content | {"caveats": caveats}


def describe(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.pk,
        "year": session.year,
        "race": session.race.race_name,
        "session_name": session.session_name,
        "page": url_of(session),
    }


def caveats_of(session: Session) -> list[str]:
    """What whoever is answered has to know of a session's data."""
    caveats = []
    quality = quality_of(session)
    if session.source == Source.DEMO:
        caveats.append("This is an invented demo season: nothing of it happened.")
    if quality is None:
        caveats.append("The data of this session have not been checked.")
    elif quality["grade"] != "complete":
        caveats.append(f"Data quality of this session: {quality['grade']} ({'; '.join(quality['reasons'][:3])}).")
    if quality is not None and not quality["findings"].startswith("0 errors"):
        caveats.append(f"Checks found {quality['findings'].removesuffix(' by the checks')}; the tool session_quality lists them.")
    corrected = Correction.objects.filter(session_id=session.pk).count()
    if corrected:
        caveats.append(f"{corrected} values of this session were corrected by people of this site; OpenF1 has others.")
    return caveats


def shortened(value: Any, *, depth: int = 0) -> Any:
    """An answer of the site's with rounded numbers, its long lists cut, and the long lists within their items left out."""
    match value:
        case dict():
            return {str(key): shortened(each, depth=depth) for key, each in value.items()}
        case list() | tuple() if depth and len(value) > VALUES:
            return f"{len(value)} values, left out"
        case list() | tuple():
            cut = [shortened(each, depth=depth + 1) for each in value[:ITEMS]]
            return [*cut, f"{len(value) - ITEMS} more, left out"] if len(value) > ITEMS else cut
    return rounded(value)
