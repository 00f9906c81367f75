"""The arguments that tools have in common, with what a model reads about them, and the session that they mean."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from races.models import Session
from races.words import find_session


class NotAnswered(Exception):
    """Why a tool has no answer, in words for the model."""


def as_words(value: Any) -> Any:
    """A number that stands for words, as models send it: the year 2024, the car 16."""
    return str(value) if type(value) is int else value


def as_list(value: Any) -> Any:
    """A text that stands for a list, as models send it: "VER, LEC"."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(as_words)]
RaceWords = Annotated[Words, Field(description="A race weekend: 'monaco', 'spa', 'bahrain 2024', 'latest'.", max_length=100)]
Year = Annotated[int | None, Field(description="The season, e.g. 2024, where race does not name it.")]
SessionWords = Annotated[
    Words,
    Field(description="'race', 'qualifying', 'sprint', 'sprint qualifying', 'FP1', 'FP2', 'FP3' or 'latest'.", max_length=50),
]
Driver = Annotated[
    Words, Field(description="A driver: 'VER', 'leclerc', 'charles_leclerc', or the car number '16'.", max_length=100)
]
Drivers = Annotated[
    Sequence[Driver], BeforeValidator(as_list), Field(description="Drivers: 'VER', 'leclerc', or car numbers.", max_length=20)
]
LapNumber = Annotated[int, Field(ge=0, le=999)]


def choose_session(race: str, year: int | None, session: str, *, kinds: Sequence[str] = ()) -> Session:
    """The session that the words mean, of several one called as one of `kinds`; races.words.Unclear says what could be meant."""
    met = find_session(race=race or None, year=year, session=session or None, kinds=kinds)
    return Session.objects.select_related("race", "quality").get(pk=met.session_id)
