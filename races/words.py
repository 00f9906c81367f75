"""What a person calls a race weekend or a session: "monaco", "Spa 2024", "quali", "FP1", "latest"; and the rows that these mean.

`find_races` and `find_sessions` give all rows that the words mean, `find_session` the only one. Unclear, which names the
parameter and what could be meant, is raised for words that mean nothing that is stored, or several things.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from itertools import chain, groupby
from typing import Any, NamedTuple, NoReturn

from django.db.models import QuerySet
from django.utils import timezone

from api.openf1.latest import EARLY
from races.models import Race, Session
from races.slugs import slugify

LATEST = "latest"
KINDS = {  # what people call sessions: their slugs
    "sprint qualifying": ("sprint-qualifying",),
    "sprint shootout": ("sprint-qualifying",),
    "shootout": ("sprint-qualifying",),
    "sprint": ("sprint",),
    "qualifying": ("qualifying",),
    "qualification": ("qualifying",),
    "quali": ("qualifying",),
    "race": ("race",),
    "practice 1": ("practice-1", "day-1"),
    "practice 2": ("practice-2", "day-2"),
    "practice 3": ("practice-3", "day-3"),
    "fp1": ("practice-1",),
    "fp2": ("practice-2",),
    "fp3": ("practice-3",),
    "practice": ("practice-1", "practice-2", "practice-3"),
}
SHORT_KINDS = {  # only where nothing but a session can be meant
    **{"r": ("race",), "gp": ("race",), "grand prix": ("race",), "q": ("qualifying",), "s": ("sprint",), "fp": KINDS["practice"]},
    **{"sq": ("sprint-qualifying",), "ss": ("sprint-qualifying",), "sprint quali": ("sprint-qualifying",)},
    "sprint race": ("sprint",),
    **{f"{short}{number}": (f"practice-{number}",) for short in ("p", "fp ", "p ") for number in (1, 2, 3)},
}
SAYINGS = {"usa": "united states", "us": "united states", "uk": "britain", "england": "britain", "uae": "united arab emirates"}
IDLE = {"gp", "grand", "prix", "f1", "formula", "the", "of", "in", "at", "team", "driver", "season"}
# How well words meet a name: its beginning, whole words of it, a country or a person's name, a place, the name in addresses.
BEGINNING, WHOLE, EXACT, PLACE, SLUG = 1, 2, 3, 4, 5
MAX_CANDIDATES = 8


class Unclear(ValueError):
    """Words that name nothing that is stored, or several things; `field` is their parameter, `candidates` what could be meant."""

    def __init__(self, field: str, message: str, candidates: Iterable[str] = ()) -> None:
        self.field, self.candidates = field, [*dict.fromkeys(candidates)][:MAX_CANDIDATES]
        *others, last = [repr(candidate) for candidate in self.candidates] or [""]
        guess = f"{', '.join(others)} or {last}" if others else last
        super().__init__(f"{message} Did you mean {guess}?" if guess else message)


class RaceName(NamedTuple):
    """The names of a race weekend."""

    race_id: int
    year: int
    slug: str
    former_slugs: str
    race_name: str
    circuit_name: str | None
    location: str | None
    country_name: str | None


class SessionName(NamedTuple):
    """A session with its address."""

    session_id: int
    session_name: str
    slug: str
    race_id: int
    year: int
    race_slug: str


def split_words(text: str, years: Iterable[int]) -> tuple[list[str], list[int]]:
    """(the words of names in a text, the years in it, as "2024" or "24"): only `years` count as such."""
    words: list[str] = []
    found: list[int] = []
    for word in slugify(text).split("-"):
        year = int(word) if re.fullmatch(r"\d{4}", word) else 2000 + int(word) if re.fullmatch(r"\d{2}", word) else 0
        if year in years:
            found.append(year)
        elif word and word not in IDLE:
            words += SAYINGS.get(word, word).split()
    return words, found


def race_words(race: Any) -> list[str]:
    """The words in the names of a race weekend: a `Race` or another object with those fields of it."""
    names = (race.race_name, race.circuit_name, race.location, race.country_name)
    return [*dict.fromkeys(chain.from_iterable(slugify(name).split("-") for name in names if name))]


def rank_race(words: list[str], race: Any) -> int:
    """How well words meet the names of a race weekend: from BEGINNING to SLUG, 0 if they do not."""
    text = "-".join(words)
    if text and text in {race.slug, *getattr(race, "former_slugs", "").split()}:
        return SLUG
    if text and text in {slugify(race.circuit_name), slugify(race.location)}:
        return PLACE
    if text and text == slugify(race.country_name):
        return EXACT
    return rank_words(words, race_words(race))


def rank_words(words: list[str], names: list[str]) -> int:
    """WHOLE where each of the words is one of the names, BEGINNING where each begins one; 0 else."""
    if all(word in names for word in words):
        return WHOLE
    begun = all(word in names or (len(word) > 1 and any(name.startswith(word) for name in names)) for word in words)
    return BEGINNING if begun else 0


def best_of(ranked: Iterable[tuple[Any, int]]) -> list[Any]:
    """The rows that are met best, in their order."""
    met = [(row, rank) for row, rank in ranked if rank]
    most = max((rank for _, rank in met), default=0)
    return [row for row, rank in met if rank == most]


def parse_year(text: str | int) -> int:
    """A season with sessions; `latest` is the newest that has begun. Unclear for any other."""
    if str(text).lower() == LATEST:
        return newest(Session.objects.all(), "year").year
    known = list(Session.objects.order_by("year").values_list("year", flat=True).distinct())
    year = int(text) if str(text).isascii() and str(text).isdecimal() else 0
    if year not in known:
        seasons = f"stored are {', '.join(map(str, known))}" if known else "sync_openf1 brings sessions in"
        raise Unclear("year", f"There is no session of the season {str(text)!r}; {seasons}.")
    return year


def newest(sessions: QuerySet[Session], field: str) -> Session:
    """The newest session that upstream lists, is not cancelled, and has begun or begins within a minute."""
    begun = sessions.filter(date_start__lte=timezone.now() + EARLY, is_cancelled=False, listed=True)
    session = begun.select_related("race").order_by("date_start", "session_id").last()
    if session is None:
        raise Unclear(field, "No session has begun that 'latest' could mean here.")
    return session


def find_races(text: str, *, year: int | None = None) -> list[RaceName]:
    """The race weekends that a text means, the newest last: one in each season at most.

    A text is the name in addresses, the name of the event, circuit, place or country, the race_id, or `latest`.
    """
    if text.lower() == LATEST:
        scope = Session.objects.all() if year is None else Session.objects.filter(year=year)
        races = Race.objects.filter(pk=newest(scope, "race").race_id)
    elif text.isascii() and text.isdecimal() and len(text) < 10 and Race.objects.filter(pk=text).exists():
        races = Race.objects.filter(pk=text)
    else:
        return match_races(text, year=year)
    return [RaceName(*row) for row in races.values_list(*RaceName._fields)]


def match_races(text: str, *, year: int | None) -> list[RaceName]:
    """The race weekends whose names meet a text best. Tests count where the text names one, or no other weekend is met."""
    everything = [RaceName(*row) for row in Race.objects.order_by("date_start", "race_id").values_list(*RaceName._fields)]
    words, years = split_words(text, {race.year for race in everything})
    wanted = set(years) or ({year} if year is not None else None)
    races = [race for race in everything if wanted is None or race.year in wanted]
    ranked = [(race, rank_race(words, race)) for race in races] if words else []
    met = best_of((race, rank) for race, rank in ranked if "testing" not in race_words(race)) or best_of(ranked)
    season = f" of {', '.join(map(str, sorted(wanted)))}" if wanted else ""
    if not met:
        near = similar_races(words, races)
        others = "" if near or len(wanted or ()) != 1 else f" There are: {', '.join(race.slug for race in races)}."
        raise Unclear("race", f"There is no race weekend{season} called {text!r}.{others}", near)
    for _, group in groupby(sorted(met, key=lambda race: race.year), key=lambda race: race.year):
        if len(several := list(group)) > 1:
            names = [race.slug if year is not None else f"{race.slug} {race.year}" for race in several]
            raise Unclear("race", f"{text!r} means several race weekends of {several[0].year}.", names)
    return met


def similar_races(words: list[str], races: list[RaceName]) -> list[str]:
    """The slugs of race weekends with a name like one of the words."""
    slugs: dict[str, list[str]] = {}
    for race in races:
        for name in race_words(race):
            if len(name) > 2 and name not in IDLE:
                slugs.setdefault(name, []).append(race.slug)
    near = [*chain.from_iterable(get_close_matches(word, slugs, n=3, cutoff=0.65) for word in words)]
    return [slug for name in near for slug in sorted(slugs[name], key=lambda slug: slug != name)]


def session_kinds(text: str) -> tuple[str, ...]:
    """The slugs of the sessions that a text can mean; Unclear for one that is no kind of session."""
    spoken = slugify(text).replace("-", " ")
    slugs = KINDS.get(spoken) or SHORT_KINDS.get(spoken)
    if slugs is None:
        names = [*KINDS, *SHORT_KINDS]
        near = get_close_matches(spoken, names, n=3, cutoff=0.65) or ["race", "qualifying", "sprint", "fp1"]
        raise Unclear("session", f"There is no kind of session called {text!r}.", near)
    return slugs


def find_sessions(*, race: str | None = None, year: str | int | None = None, session: str | None = None) -> Sequence[SessionName]:
    """The sessions that words mean, in the order of time; what is None can be any.

    `session` is a name ("race", "quali"), a short name (R Q S SQ SS FP1 …), a session_id, or `latest`.
    """
    season = None if year is None else parse_year(year)
    sessions = Session.objects.all() if season is None else Session.objects.filter(year=season)
    if race is not None:
        races = find_races(race, year=season)
        sessions = Session.objects.filter(race__in=[each.race_id for each in races])
    if session is not None:
        sessions = choose_sessions(sessions, session)
    columns = ("session_id", "session_name", "slug", "race_id", "race__year", "race__slug")
    rows = [SessionName(*row) for row in sessions.order_by("date_start", "session_id").values_list(*columns)]
    if not rows:
        raise Unclear("session" if session else "race", describe_missing(race=race, year=season, session=session))
    return rows


def choose_sessions(sessions: QuerySet[Session], text: str) -> QuerySet[Session]:
    """Those of the sessions that a text means."""
    if text.lower() == LATEST:
        return sessions.filter(pk=newest(sessions, "session").pk)
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return sessions.filter(pk=text)
    named = sessions.filter(slug=slugify(text))
    return named if named.exists() else sessions.filter(slug__in=session_kinds(text))


def describe_missing(*, race: str | None, year: int | None, session: str | None) -> str:
    """Why no session is meant, with those that there are."""
    where = " ".join(filter(None, [race, str(year) if year else ""]))
    if race is None:
        return f"There is no session {session!r}{f' in {where}' if where else ''}."
    stored = Session.objects.filter(race__in=[each.race_id for each in find_races(race, year=year)])
    names = ", ".join(dict.fromkeys(stored.values_list("session_name", flat=True)))
    what = f"There is no session {session!r} of {where}" if session else f"No sessions of {where} are stored"
    return f"{what}; there are: {names}." if names else f"{what}."


def choose_kinds(sessions: Sequence[SessionName], kinds: Collection[str]) -> list[SessionName]:
    return [each for each in sessions if each.session_name in kinds]


def refuse_kind(*, race: str | None, year: str | int | None, session: str | None, kinds: Collection[str]) -> NoReturn:
    """Unclear: what is asked is about none of the sessions that words mean."""
    others = choose_kinds(find_sessions(race=race, year=year), kinds) if session else []
    raise Unclear("session", f"This is asked of: {', '.join(kinds)}.", [each.slug for each in others])


def find_session(
    *, race: str | None = None, year: str | int | None = None, session: str | None = None, kinds: Collection[str] = ()
) -> SessionName:
    """The only session that words mean, of several the one with a name in `kinds`; Unclear where they can mean several."""
    sessions = find_sessions(race=race, year=year, session=session)
    if kinds and len(sessions) > 1:
        sessions = choose_kinds(sessions, kinds) or refuse_kind(race=race, year=year, session=session, kinds=kinds)
    if len(sessions) == 1:
        return sessions[0]
    if len({each.race_id for each in sessions}) == 1:
        raise Unclear("session", "This weekend has several such sessions.", [each.slug for each in sessions])
    if len({each.year for each in sessions}) > 1 and race is not None:
        years = sorted({each.year for each in sessions}, reverse=True)
        raise Unclear("year", f"{race!r} was held in several seasons.", map(str, years))
    raise Unclear("race", "Several race weekends can be meant; name one.", [each.race_slug for each in reversed(sessions)])
