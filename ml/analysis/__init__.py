"""What race engineers ask of the laps of a session, and the answers with everything that was taken for granted.

`QUESTIONS` names them. An answer is a dict ready for JSON: `question`, `session`, `rows` (or what else there is to say), `n`
(laps, stops or pairs it rests on), `filters` (which laps those are), `assumptions`, and `columns` (units and signs of the rows).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mirror.limits import squash
from ml.analysis import comparison, degradation, pace, stops
from ml.analysis.columns import describe_columns, rounded
from ml.analysis.sessions import FUEL_LOAD, SPRINT, CannotSay, NotThere, Stored, read_laps
from races import neutralisations
from races.models import QUALIFYINGS, RACES

FUEL = ("fuel_effect", "fuel_load")
PRACTICE = ("Practice 1", "Practice 2", "Practice 3")
# What filters say of flags, which is not true of a session without messages of race control.
FLAG_CLAIMS = ("no flag, safety car or virtual safety car, ", stops.NO_RED_FLAG, stops.NO_NEUTRALISATION)
UNKNOWN_NEUTRALISATIONS = (
    "Neutralisations are unknown: no message of race control is stored of this session, so laps under a flag or behind a safety "
    "car count like all others; sync_openf1 race_control --session {} brings the messages in."
)


@dataclass(frozen=True)
class Question:
    """Something to ask: `answer(laps, **options)` gives what is said of the laps of one session."""

    about: str
    answer: Callable[..., dict[str, Any]]
    kinds: tuple[str, ...] = RACES  # sessions that it can be asked of
    options: tuple[str, ...] = field(default=())
    rests_on_flags: bool = True  # the answer leaves laps out on which the track was not free, or tells of them


QUESTIONS = {
    "race-pace": Question("fuel-corrected race pace by driver and by team", pace.race_pace, options=FUEL),
    "stint-pace": Question("how the pace evolves, stint by stint", pace.stint_pace, options=FUEL),
    "consistency": Question("how much a driver's laps scatter around their own trend", pace.consistency),
    "long-runs": Question("long runs of a practice session", pace.long_runs, kinds=PRACTICE),
    "degradation": Question("what tyres lose with age, by compound and driver", degradation.degradation, options=FUEL),
    "team-mates": Question("team-mates on the same lap and on tyres of the same age", comparison.team_mates),
    "qualifying-gap": Question(
        "gaps to the fastest lap and to the team-mate, in per cent",
        comparison.qualifying_gap,
        kinds=QUALIFYINGS,
        rests_on_flags=False,
    ),
    "pit-loss": Question("seconds that a stop costs, on a free track and behind the safety car", stops.pit_loss),
    "crossover": Question("at what age the tyre that is faster when new becomes the slower one", stops.crossover),
    "undercut": Question("seconds that stopping first has won", stops.undercut),
}


def spell_question(text: str) -> str:
    """The name of a question in any spelling ("Race Pace", "race_pace"); the text itself where no question is called so."""
    return {squash(name): name for name in QUESTIONS}.get(squash(text), text)


def ask(question: str, session_id: int, *, stored: Stored | None = None, **options: float) -> dict[str, Any]:
    """The answer to one of `QUESTIONS` about a session.

    options: `fuel_effect` (s per kg) and `fuel_load` (kg at the start, by default in proportion to the distance) where fuel
    matters. `stored`: the session's rows, where they have been read. NotThere and CannotSay say what to do about it.
    """
    if question not in QUESTIONS:
        raise NotThere(f"There is no question {question!r}; there are: {', '.join(QUESTIONS)}.")
    asked = QUESTIONS[question]
    if unknown := options.keys() - set(asked.options):
        raise CannotSay(
            f"{question} does not take {', '.join(sorted(unknown))}; it takes {', '.join(asked.options) or 'nothing'}."
        )
    session, laps = read_laps(session_id, kinds=asked.kinds, stored=stored)
    if "fuel_load" in asked.options and session["session_name"] == "Sprint":
        options = {"fuel_load": round(FUEL_LOAD * SPRINT, 1)} | options
    answer = {"question": question, "session": session} | asked.answer(laps, **options)
    if asked.rests_on_flags and not (stored.has_flags if stored else neutralisations.are_known(session_id)):
        answer |= without_flag_claims(answer, session_id=session_id)
    return rounded(question, answer) | {"columns": describe_columns(question, answer["rows"])}


def without_flag_claims(answer: dict[str, Any], *, session_id: int) -> dict[str, Any]:
    """`filters` and `warnings` of an answer about a session of which no messages of race control are stored."""
    filters = list(answer["filters"])
    for claim in FLAG_CLAIMS:
        filters = [text.replace(claim, "") for text in filters]
    return {
        "filters": [text for text in filters if text],
        "warnings": [*answer.get("warnings", ()), UNKNOWN_NEUTRALISATIONS.format(session_id)],
    }


__all__ = ["QUESTIONS", "CannotSay", "NotThere", "Question", "Stored", "ask", "spell_question"]
