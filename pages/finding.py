"""What a person means by a few words: "monaco 24", "leclerc", "VER", "sprint china 2024". Pure functions over the names."""

import datetime
import re
from difflib import get_close_matches
from itertools import chain

import msgspec
from django.db.models import QuerySet

from drivers.models import Driver, Team
from pages.addresses import race_url, session_url
from pages.queries import Moment, Row, fetch
from races.models import Race, Session
from races.slugs import slugify

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
SAYINGS = {"usa": "united states", "us": "united states", "uk": "britain", "england": "britain", "uae": "united arab emirates"}
IDLE = {"gp", "grand", "prix", "f1", "formula", "the", "of", "in", "at", "team", "driver", "season"}
EXACT, WHOLE, BEGINNING = 3, 2, 1  # how well a name is met
LISTED = 40


class RaceName(Row):
    race_id: int
    year: int
    race_name: str
    slug: str
    date_start: Moment
    circuit_name: str | None
    location: str | None
    country_name: str | None


class SessionName(Row):
    race_id: int
    session_name: str
    slug: str


class DriverName(Row):
    driver_id: str
    full_name: str
    name_acronym: str | None
    team_name: str | None
    driver_number: int | None


class TeamName(Row):
    name: str
    slug: str


class Names(msgspec.Struct):
    """All that can be found; races with the newest first."""

    races: list[RaceName]
    sessions: list[SessionName]
    drivers: list[DriverName]
    teams: list[TeamName]


class Hit(msgspec.Struct, frozen=True):
    """A page that was found."""

    title: str
    url: str
    about: str
    fit: int  # EXACT, WHOLE or BEGINNING


class Asked(msgspec.Struct, frozen=True):
    """A question taken apart."""

    words: list[str]
    years: list[int]
    kinds: tuple[str, ...]  # slugs of sessions


def load_names() -> Names:
    """One query."""
    wanted: dict[str, tuple[type[Row], QuerySet]] = {
        "races": (RaceName, Race.objects.exclude(slug="")),
        "sessions": (SessionName, Session.objects.exclude(slug="")),
        "drivers": (DriverName, Driver.objects.all()),
        "teams": (TeamName, Team.objects.all()),
    }
    rows = fetch(wanted)
    first = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    rows["races"].sort(key=lambda row: row.date_start or first, reverse=True)
    rows["drivers"].sort(key=lambda row: row.driver_id)
    return Names(**rows)


def understand(question: str, names: Names) -> Asked:
    """Years as "2024" or "24", sessions by what people call them; the rest are words of names."""
    text = f" {slugify(question).replace('-', ' ')} "
    kinds: tuple[str, ...] = ()
    for spoken in sorted(KINDS, key=len, reverse=True):
        if f" {spoken} " in text:
            kinds, text = KINDS[spoken], text.replace(f" {spoken} ", " ", 1)
            break
    known = {race.year for race in names.races}
    words: list[str] = []
    years: list[int] = []
    for word in text.split():
        year = int(word) if re.fullmatch(r"\d{4}", word) else 2000 + int(word) if re.fullmatch(r"\d{2}", word) else 0
        if year in known:
            years.append(year)
        elif word not in IDLE:
            words += SAYINGS.get(word, word).split()
    return Asked(words, years, kinds)


def find(question: str, names: Names) -> list[Hit]:
    """The pages that a question can mean, the likeliest first."""
    asked = understand(question, names)
    if not asked.words:
        return seasons(question, asked, names)
    people = [] if asked.kinds else [*find_drivers(asked, names), *find_teams(asked, names)]
    hits = [*people, *find_races(asked, names)]
    best = max((hit.fit for hit in hits), default=0)
    return [hit for hit in hits if hit.fit == best][:LISTED]


def seasons(question: str, asked: Asked, names: Names) -> list[Hit]:
    """Of years alone the seasons, and who drives a car of that number; of a kind of session the newest ones."""
    if asked.kinds:
        return find_races(asked, names)[:LISTED]
    number = question.strip()
    drivers = [driver_hit(row, EXACT) for row in names.drivers if number.isdecimal() and str(row.driver_number) == number]
    return [*(Hit(f"Season {year}", f"/f1/{year}/", "calendar, results, standings", EXACT) for year in asked.years), *drivers]


def find_drivers(asked: Asked, names: Names) -> list[Hit]:
    found = []
    for row in names.drivers:
        acronym = (row.name_acronym or "").lower()
        name = row.driver_id.replace("_", "-").split("-")
        if asked.words == [acronym] or asked.words == [str(row.driver_number)] or asked.words in (name, name[-1:]):
            found.append(driver_hit(row, EXACT))
        elif fit := fit_of(asked.words, [*name, acronym]):
            found.append(driver_hit(row, fit))
    return found


def driver_hit(row: DriverName, fit: int) -> Hit:
    about = ", ".join(part for part in (row.name_acronym, row.team_name) if part)
    return Hit(row.full_name, f"/f1/drivers/{row.driver_id}/", f"driver{': ' if about else ''}{about}", fit)


def find_teams(asked: Asked, names: Names) -> list[Hit]:
    found = []
    for row in names.teams:
        words = slugify(row.name).split("-")
        fit = EXACT if asked.words in (words, row.slug.split("-")) else fit_of(asked.words, words)
        if fit:
            found.append(Hit(row.name, f"/f1/teams/{row.slug}/", "team", fit))
    return found


def find_races(asked: Asked, names: Names) -> list[Hit]:
    """The weekends, or their sessions where one is named."""
    by_race: dict[int, list[SessionName]] = {}
    for session in names.sessions:
        by_race.setdefault(session.race_id, []).append(session)
    found = []
    for race in names.races:
        if asked.years and race.year not in asked.years:
            continue
        words = words_of(race)
        fit = EXACT if asked.words and "-".join(asked.words) in known_as(race) else fit_of(asked.words, words)
        if not fit and asked.words:
            continue
        if not asked.kinds:
            about = ", ".join(
                part for part in (race.circuit_name, f"{race.date_start:%-d %B %Y}" if race.date_start else "") if part
            )
            found.append(Hit(f"{race.race_name} {race.year}", race_url(race.year, race.slug), about, fit))
            continue
        for session in by_race.get(race.race_id, []):
            if session.slug in asked.kinds:
                title = f"{race.race_name} {race.year}, {session.session_name}"
                found.append(Hit(title, session_url(race.year, race.slug, session.slug), race.circuit_name or "", fit))
    return found


def known_as(race: RaceName) -> set[str]:
    """The names of a weekend that need no second thought, as slugs."""
    return {race.slug, *(slugify(name) for name in (race.circuit_name, race.location, race.country_name) if name)}


def words_of(race: RaceName) -> list[str]:
    named = (race.race_name, race.circuit_name, race.location, race.country_name)
    return [*dict.fromkeys(chain.from_iterable(slugify(name).split("-") for name in named if name))]


def fit_of(asked: list[str], words: list[str]) -> int:
    """WHOLE where every word asked for is one of these, BEGINNING where it begins one; 0 else."""
    if all(word in words for word in asked):
        return WHOLE
    begun = all(word in words or (len(word) > 1 and any(one.startswith(word) for one in words)) for word in asked)
    return BEGINNING if begun else 0


def suggestions(question: str, names: Names) -> list[str]:
    """Questions that would find something and look like this one."""
    vocabulary: dict[str, None] = {}
    for race in names.races:
        vocabulary |= dict.fromkeys(words_of(race))
    for driver in names.drivers:
        vocabulary |= dict.fromkeys(driver.driver_id.split("_"))
    for team in names.teams:
        vocabulary |= dict.fromkeys(slugify(team.name).split("-"))
    words = [word for word in vocabulary if len(word) > 2 and word not in IDLE]
    near = (get_close_matches(word, words, n=2, cutoff=0.65) for word in understand(question, names).words)
    return [*dict.fromkeys(chain.from_iterable(near))]
