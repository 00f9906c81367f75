"""Answers of `ml.analysis` for pages: where there is none, the reason in words that a page shows in place of a chart."""

from typing import Any

import msgspec
from django.conf import settings

from api.kept import alone, once
from jobs.wording import plural
from ml import datasets
from ml.analysis import CannotSay, NotThere, Stored, ask
from pages.chart import Chart, Table
from pages.rows import SessionRows

CORRECTED = "Analyses use the stored values, corrections included, also where upstream's values are shown elsewhere."


def answer_to(question: str, rows: SessionRows, **options: float) -> dict[str, Any] | str:
    """The answer to one of `ml.analysis.QUESTIONS` about a session, or why there is none.

    It is kept by the version of the rows, because several states of a view rest on one answer.
    """
    if not rows.laps:
        return "No laps are stored of this session."

    def compute() -> bytes:
        try:
            with alone(question, rows.session.pk, options):
                stored = None if rows.raw else as_stored(rows)  # see CORRECTED
                return msgspec.json.encode(ask(question, rows.session.pk, stored=stored, **options))
        except (CannotSay, NotThere) as error:
            return msgspec.json.encode(str(error.args[0]))

    key = repr((settings.VERSION, question, rows.session.pk, sorted(options.items()), rows.version))
    return msgspec.json.decode(once(key, compute) if rows.version else compute())


def as_stored(rows: SessionRows) -> Stored:
    """The rows of a page as tables that analyses are made of, so that these read nothing."""
    read = {"sessions": [rows.session], **{name: getattr(rows, name) for name in datasets.TABLES if name != "sessions"}}
    tables = {
        name: datasets.as_table(read[name], columns, session_id=rows.session.pk) for name, columns in datasets.TABLES.items()
    }
    return Stored(rows.session, tables, has_flags=any(message.date for message in rows.messages))


def empty_chart(view: str, title: str, reason: str, *, lacks_samples: bool = False) -> Chart:
    """A view without anything to see, and why."""
    return Chart(view=view, title=title, summary="", table=Table.of([], []), empty=reason, lacks_samples=lacks_samples)


def basis(answer: dict[str, Any], *, raw: bool) -> list[str]:
    """What an answer rests on and takes for granted, as notes of a chart."""
    said = [
        f"Rests on {plural(answer['n'], 'lap')}: {'; '.join(answer['filters'])}.",
        f"Assumed: {'; '.join(answer['assumptions'])}.",
    ]
    return [*answer.get("warnings", []), *said, *([CORRECTED] if raw else [])]
