"""Answers of `ml.analysis` for pages: where there is none, the reason in words that a page shows in place of a chart."""

from typing import Any

from ml.analysis import CannotSay, NotThere, ask
from pages.chart import Chart, Table
from pages.rows import SessionRows

CORRECTED = "Analyses use the stored values, corrections included, also where upstream's values are shown elsewhere."


def answer_to(question: str, rows: SessionRows, **options: float) -> dict[str, Any] | str:
    """The answer to one of `ml.analysis.QUESTIONS` about a session, or why there is none."""
    if not rows.laps:
        return "No laps are stored of this session."
    try:
        return ask(question, rows.session.pk, **options)
    except (CannotSay, NotThere) as error:
        return str(error.args[0])


def nothing(view: str, title: str, reason: str) -> Chart:
    """A view without anything to see, and why."""
    return Chart(view=view, title=title, summary="", table=Table.of([], []), empty=reason)


def basis(answer: dict[str, Any], *, raw: bool) -> list[str]:
    """What an answer rests on and takes for granted, as notes of a chart."""
    said = [f"Rests on {answer['n']:,} laps: {'; '.join(answer['filters'])}.", f"Assumed: {'; '.join(answer['assumptions'])}."]
    return [*answer.get("warnings", []), *said, *([CORRECTED] if raw else [])]
