"""Forecasts of `ml.forecasts` for pages: made once per version of a race's rows and of the champions, and kept."""

from functools import cache
from typing import Any, NamedTuple

import msgspec
from django.db.models import Subquery

from api.queries import Statement, statement
from ml.models import Run
from ml.models.circuit_facts import last_change
from ml.models.runs import no_champion
from pages.chart import Car, Table
from pages.rows import SessionRows
from pages.stored_answers import stored_if_made, stored_once, version_of

KIND = "forecast"
TASKS = ("next_lap", "pace_delta", "rest_of_stint")
STRATEGY = "strategy"
CAUSES = ("weather", "flags", "traffic", "clear air")


class Champions(NamedTuple):
    """The IDs of the runs that answer: of lap times, one per task in the order of their names, and of strategy, which has the
    time of the last change of a fact about a circuit with it."""

    laps: tuple[str, ...]
    strategy: tuple[str, ...]


@cache
def champions_statement() -> Statement:
    rows = Run.objects.filter(champion=True, task__in=(*TASKS, STRATEGY)).order_by("task")
    return statement(rows.values_list("task", "pk", Subquery(last_change())))


def champions_version(session_id: int = 0) -> Champions:
    """Changes when another run becomes a champion; the same for all sessions."""
    found = champions_statement().run()
    return Champions(
        tuple(str(pk) for task, pk, _ in found if task != STRATEGY),
        tuple(f"{pk} {changed_at}" for task, pk, changed_at in found if task == STRATEGY),
    )


def forecasts_of(rows: SessionRows) -> dict[str, Any] | str:
    """What `ml.forecasts.forecast_race` says of a race, or in words why there is nothing."""
    if not rows.laps:
        return "No laps are stored of this session."
    champions = rows.version_beside(champions_version).laps
    if not champions:
        return no_champion("next_lap")

    def make() -> bytes:
        from ml import forecasts, prediction

        try:
            return msgspec.json.encode(forecasts.forecast_race(rows.session.pk))
        except (prediction.CannotPredict, prediction.NoChampion, ValueError) as error:
            return msgspec.json.encode(str(error))

    version = version_of(rows.version, champions)
    return msgspec.json.decode(stored_once(KIND, rows.session.pk, version, make) if rows.version else make())


def forecasts_if_made(session_id: int, version: object, champions: Champions) -> dict[str, Any] | None:
    """The same where somebody has looked at them already; `version` is that of the session's rows."""
    content = stored_if_made(KIND, session_id, version_of(version, champions.laps))
    found = msgspec.json.decode(content) if content else None
    return found if isinstance(found, dict) else None


def errors_table(causes: list[dict[str, Any]], cars: list[Car]) -> Table:
    """Where the models were wrong: a row per driver, the field first; in each cell the mean error in seconds, and the laps."""
    groups = [("field", causes), *((car.acronym, [row for row in causes if row["car"] == car.number]) for car in cars)]
    columns = [
        ("Driver", False),
        ("All laps", True),
        ("Holding the last", True),
        *((f"{name.capitalize()}", True) for name in CAUSES),
    ]
    body = []
    for name, rows in groups:
        if rows:
            parts = [[row for row in rows if row["cause"] == cause] for cause in CAUSES]
            body.append([name, cell(rows, "error"), cell(rows, "hold"), *(cell(part, "error") for part in parts)])
    return Table.of(columns, body)


def cell(rows: list[dict[str, Any]], measure: str) -> str | None:
    """ "0.312 (41)": the mean over the laps of the rows, and their number."""
    laps = sum(row["laps"] for row in rows)
    return f"{sum(row[measure] * row['laps'] for row in rows) / laps:.3f} ({laps})" if laps else None
