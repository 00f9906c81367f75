"""Arguments of commands that name race weekends and sessions by their keys or in people's words."""

from argparse import ArgumentTypeError
from collections.abc import Collection
from itertools import product
from typing import Any

from django.core.management.base import CommandError, CommandParser

from mirror.arguments import whole_number
from races.words import Unclear, find_races, find_session, find_sessions

RACE = "race weekend: race_id, or its name (monaco, spa, latest), with the season by --year or as 'monaco 2024'"
SESSION = "session: session_id, name (race, quali) or short name (R Q S SQ FP1), or latest"


def is_key(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def key_of(option: str, text: str) -> int:
    """The number that an option has; CommandError where it is none, or too large."""
    try:
        return whole_number(text)
    except ArgumentTypeError as error:
        raise CommandError(f"argument --{option}: {error}") from error


def add_session_arguments(parser: CommandParser) -> None:
    """Add `--race`, `--year` and `--session`, which together name one session."""
    parser.add_argument("--race", metavar="RACE", help=RACE)
    parser.add_argument("--year", metavar="Y", help="season of the race weekend")
    parser.add_argument("--session", metavar="SESSION", help=SESSION)


def chosen_session(options: dict[str, Any], *, kinds: Collection[str] = ()) -> int:
    """The key of the session that `--race`, `--year` and `--session` name, of several the one with a name in `kinds`;
    CommandError where they name none or several.

    A number that is not stored is returned as it is: whoever looks for it says how to bring it in.
    """
    words = {name: str(options[name]) for name in ("race", "year", "session") if options.get(name) is not None}
    if not words:
        raise CommandError("Name the session: --session ID, or --race monaco --year 2024 --session race.")
    if words.keys() == {"session"} and is_key(words["session"]):
        return key_of("session", words["session"])
    try:
        return find_session(**words, kinds=kinds).session_id
    except Unclear as error:
        raise CommandError(f"--{error.field}: {error}") from error


def race_ids(texts: list[str], *, years: list[int]) -> list[int]:
    """The keys of the race weekends that texts name: numbers are keys, words are looked up, in each of the seasons if there are
    any. CommandError for words that are unclear.
    """
    keys = []
    seasons: list[int | None] = [*years] or [None]
    for text in map(str, texts):
        if is_key(text):
            keys.append(key_of("race", text))
            continue
        try:
            keys += [race.race_id for year in seasons for race in find_races(text, year=year)]
        except Unclear as error:
            raise CommandError(f"--race: {error}") from error
    return keys


def session_ids(texts: list[str], *, races: list[str], years: list[int]) -> list[int]:
    """The keys of the sessions that texts name: numbers are keys, words are looked up among the race weekends and seasons. All
    sessions of the weekends where there are no texts. CommandError for words that are unclear.
    """
    texts = list(map(str, texts))  # numbers, where Python calls the command
    keys = [key_of("session", text) for text in texts if is_key(text)]
    words: list[str | None] = [text for text in texts if not is_key(text)]
    if races and not texts:
        words = [None]
    weekends: list[str | None] = [*races] or [None]
    seasons: list[int | None] = [*years] or [None]
    try:
        for race, year, text in product(weekends, seasons, words):
            keys += [session.session_id for session in find_sessions(race=race, year=year, session=text)]
    except Unclear as error:
        raise CommandError(f"--{error.field}: {error}") from error
    return keys
