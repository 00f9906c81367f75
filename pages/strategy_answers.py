"""Answers of `ml.strategy` for pages: made once per version of a race's rows and of the promoted model, and kept in memory.

Where there is none, the reason in words that a page shows in its place.
"""

from typing import Any

import msgspec
from django.conf import settings

from api.kept import alone, once
from pages.forecasts import champions_version
from pages.rows import SessionRows

NOT_PROMOTED = (
    "No strategy model has been promoted yet: `manage.py strategy_exam --store` trains one and says how good it is, "
    "`manage.py promote_model RUN` lets it answer."
)


def is_promoted(rows: SessionRows) -> bool:
    """Whether a strategy model answers."""
    return bool(rows.version_beside(champions_version).strategy)


def strategy_answer(question: str, rows: SessionRows, **options: Any) -> dict[str, Any] | str:
    """The answer to one of `ml.strategy.answers.QUESTIONS` about a race, or why there is none."""
    champion = rows.version_beside(champions_version).strategy
    if not champion:
        return NOT_PROMOTED

    def compute() -> bytes:
        from ml.strategy import answers, storing

        try:
            with alone(question, rows.session.pk, sorted(options.items())):
                return msgspec.json.encode(answers.QUESTIONS[question](session_id=rows.session.pk, **options))
        except (storing.NoStrategy, ValueError) as error:
            return msgspec.json.encode(str(error))

    key = repr((settings.VERSION, "page", question, rows.session.pk, sorted(options.items()), rows.version, champion))
    return msgspec.json.decode(once(key, compute) if rows.version else compute())
