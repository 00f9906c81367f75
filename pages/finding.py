"""What a person means by a few words: "monaco 24", "leclerc", "VER", "sprint china 2024". Pure functions over the names."""

import datetime
from difflib import get_close_matches
from itertools import chain

import msgspec
from django.db.models import QuerySet

from api.queries import Moment, Row, fetch
from drivers.models import Driver, Team
from drivers.words import rank_driver
from pages.addresses import race_url, session_url
from races.models import Race, Session
from races.slugs import slugify
from races.words import EXACT, IDLE, KINDS, race_words, rank_race, rank_words, split_words

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
    words, years = split_words(text, {race.year for race in names.races})
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
        if asked.words == [str(row.driver_number)]:
            found.append(driver_hit(row, EXACT))
        elif rank := rank_driver(asked.words, driver_id=row.driver_id, acronym=row.name_acronym):
            found.append(driver_hit(row, min(rank, EXACT)))
    return found


def driver_hit(row: DriverName, fit: int) -> Hit:
    about = ", ".join(part for part in (row.name_acronym, row.team_name) if part)
    return Hit(row.full_name, f"/f1/drivers/{row.driver_id}/", f"driver{': ' if about else ''}{about}", fit)


def find_teams(asked: Asked, names: Names) -> list[Hit]:
    found = []
    for row in names.teams:
        words = slugify(row.name).split("-")
        fit = EXACT if asked.words in (words, row.slug.split("-")) else rank_words(asked.words, words)
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
        fit = min(rank_race(asked.words, race), EXACT)
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


def suggestions(question: str, names: Names) -> list[str]:
    """Questions that would find something and look like this one."""
    vocabulary: dict[str, None] = {}
    for race in names.races:
        vocabulary |= dict.fromkeys(race_words(race))
    for driver in names.drivers:
        vocabulary |= dict.fromkeys(driver.driver_id.split("_"))
    for team in names.teams:
        vocabulary |= dict.fromkeys(slugify(team.name).split("-"))
    words = [word for word in vocabulary if len(word) > 2 and word not in IDLE]
    near = (get_close_matches(word, words, n=2, cutoff=0.65) for word in understand(question, names).words)
    return [*dict.fromkeys(chain.from_iterable(near))]
