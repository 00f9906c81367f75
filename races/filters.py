"""Filters of races, sessions and their rows, also by what people call them: `?race=monaco&year=2024&session=race`."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ValidationError

from api.filters import Meaning, ModelFilter
from jobs import kinds
from jobs.models import MANUAL, Job
from races.models import Circuit, Race, Session
from races.words import LATEST, Unclear, find_races, find_sessions, newest, parse_year

RACE = "The race weekend: its name in addresses, or that of the event, circuit, place or country (monaco, spa), or `latest`."
SESSION = "The session: its name (race, quali), its short name (R Q S SQ SS FP1 FP2 FP3), or `latest`."
LATEST_KEYS = {"session_id": "session_id", "race_id": "race_id", "year": "year", "season": "year"}


def refuse(error: Unclear, parameters: Any = ()) -> ValidationError:
    """The 400 for unclear words; a season that was sent as `season` is named so."""
    field = "season" if error.field == "year" and "year" not in parameters and "season" in parameters else error.field
    return ValidationError({field: [str(error)]})


def replace_latest(parameters: MultiValueDict) -> None:
    """Put the key of the newest session in place of `latest`."""
    for name, attribute in LATEST_KEYS.items():
        if LATEST in (values := parameters.getlist(name)):
            value = str(getattr(newest(Session.objects.all(), name), attribute))
            parameters.setlist(name, [value if each == LATEST else each for each in values])


def pop_words(parameters: MultiValueDict, names: Any) -> dict[str, str]:
    """Take words out of parameters; ValidationError for one that is empty or given twice."""
    words: dict[str, str] = {}
    for name in names:
        texts: Any = parameters.pop(name, [])
        if len(texts) > 1 or "" in texts:
            raise ValidationError({name: ["Give this once, with a value."]})
        words |= dict.fromkeys([name] if texts else [], *texts)
    return words


def sessions_meant(words: dict[str, str], parameters: MultiValueDict, *, keys: dict[str, Any]) -> list[int] | None:
    """The keys of the sessions that words, seasons and keys in a request mean together; None where they say nothing of any."""
    texts = dict(words)
    for name, key in (("race", "race_id"), ("session", "session_id")):
        values = [str(keys[key])] if key in keys else parameters.getlist(key)
        if len(values) == 1:
            texts.setdefault(name, values[0])
    years = parameters.getlist("year") or parameters.getlist("season")
    if len(years) == 1:
        texts.setdefault("year", years[0])
    scope = {name: texts[name] for name in ("race", "year", "session") if name in texts}
    return [session.session_id for session in find_sessions(**scope)] if scope else None


class WeekendFilter(ModelFilter):
    """Filters of rows that have to do with race weekends, by what people call these."""

    words: ClassVar[dict[str, str]] = {"race": RACE, "year": "The season of the race weekend."}
    joined: ClassVar[tuple[str, str]] = ("pk", "pk")  # column of the rows, and that of their race weekends with the same values

    @classmethod
    def read_words(cls, parameters: MultiValueDict, *, keys: dict[str, Any]) -> Meaning:
        try:
            replace_latest(parameters)
            words = pop_words(parameters, cls.words)
            years = [words["year"]] if "year" in words else parameters.getlist("year") or parameters.getlist("season")
            year = parse_year(years[0]) if words and len(years) == 1 else None
            races = Race.objects.order_by() if year is None else Race.objects.order_by().filter(year=year)
            if "race" in words:
                races = races.filter(pk__in=[race.race_id for race in find_races(words["race"], year=year)])
        except Unclear as error:
            raise refuse(error, parameters) from error
        return lambda rows: cls.of_races(rows, races) if words else rows

    @classmethod
    def of_races(cls, rows: QuerySet, races: QuerySet[Race]) -> QuerySet:
        """The rows that have to do with these race weekends."""
        own, theirs = cls.joined
        return rows.filter(**{f"{own}__in": races.values(theirs)})


class RaceFilter(WeekendFilter):
    related = {"season": "year"}
    words: ClassVar[dict[str, str]] = {"race": RACE}

    class Meta:
        model = Race


class CircuitFilter(WeekendFilter):
    joined = ("pk", "circuit_key")

    class Meta:
        model = Circuit


class SessionRowFilter(ModelFilter):
    """Filters of rows about a session: also by its name, race weekend and season."""

    related = {
        "race_id": "session__race_id",
        "session_name": "session__session_name",
        "year": "session__year",
        "season": "session__year",
    }
    words: ClassVar[dict[str, str]] = {"race": RACE, "session": SESSION}

    @classmethod
    def read_words(cls, parameters: MultiValueDict, *, keys: dict[str, Any]) -> Meaning:
        try:
            replace_latest(parameters)
            words = pop_words(parameters, cls.words)
            sessions = sessions_meant(words, parameters, keys=keys) if words else None
            return cls.meaning(words, sessions)
        except Unclear as error:
            raise refuse(error, parameters) from error

    @classmethod
    def meaning(cls, words: dict[str, str], sessions: list[int] | None) -> Meaning:
        """What words mean for the rows; `sessions` are those that the request is about."""
        if "race" in words or "session" in words:
            return lambda rows: cls.of_sessions(rows, sessions or [])
        return lambda rows: rows

    @classmethod
    def of_sessions(cls, rows: QuerySet, sessions: list[int]) -> QuerySet:
        return rows.filter(session_id__in=sessions)


class SessionFilter(SessionRowFilter):
    related = {"season": "year", "race_name": "race__race_name"}

    class Meta:
        model = Session

    @classmethod
    def of_sessions(cls, rows: QuerySet, sessions: list[int]) -> QuerySet:
        return rows.filter(pk__in=sessions)


class JobFilter(SessionRowFilter):
    """Filters of jobs; `owner` is a user name. Words mean jobs whose parameters name such a session, its weekend or season."""

    related = {"owner": "owner__username"}
    closed = {"kind": lambda: (*kinds.KINDS, MANUAL)}
    words: ClassVar[dict[str, str]] = {"race": RACE, "year": "The season.", "session": SESSION}

    class Meta:
        model = Job

    @classmethod
    def meaning(cls, words: dict[str, str], sessions: list[int] | None) -> Meaning:
        if sessions is None:
            return lambda rows: rows
        places = [*Session.objects.filter(pk__in=sessions).values_list("pk", "race_id", "year", "session_name")]

        def about(rows: QuerySet) -> QuerySet:
            jobs = rows.order_by().exclude(parameters={}).values_list("pk", "parameters")
            return rows.filter(pk__in=[pk for pk, parameters in jobs if any(covers(parameters, *place) for place in places)])

        return about


def covers(parameters: dict[str, Any], session_id: int, race_id: int, year: int, session_name: str) -> bool:
    """Whether the parameters of a job name a session: by its key, or with its weekend or season."""
    named = (("sessions", session_id), ("races", race_id), ("seasons", year))
    names = parameters.get("session_names") or (session_name,)
    return session_name in names and any(key in parameters.get(name, ()) for name, key in named)
