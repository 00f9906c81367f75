"""Names in addresses: `/f1/2024/emilia-romagna/sprint-qualifying/`."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from anyascii import anyascii

from races.models import Race, Session

SESSIONS = {"sprint-shootout": "sprint-qualifying"}  # what the sport called it in 2023


def slugify(text: str | None) -> str:
    """Lower-case ASCII words joined by hyphens: "São Paulo" -> "sao-paulo"; empty for nothing."""
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"['’`.]", "", anyascii(text or "")).lower()))


def race_slug(name: str | None) -> str:
    """A race weekend's name without "Grand Prix": "Emilia Romagna Grand Prix" -> "emilia-romagna"."""
    return slugify(re.sub(r"\bgrand prix\b", "", name or "", flags=re.IGNORECASE)) or slugify(name)


def session_slug(name: str | None) -> str:
    """A session's name; the sprint's qualifying has one name for all years."""
    slug = slugify(name)
    return SESSIONS.get(slug, slug)


def fill_races(races: Iterable[Race]) -> None:
    """Give races that are about to be stored a slug that their season does not have yet."""
    fill(races, group="year", base=lambda race: race_slug(race.race_name) or f"race-{race.pk}")


def fill_sessions(sessions: Iterable[Session]) -> None:
    """Give sessions that are about to be stored a slug that their weekend does not have yet."""
    fill(sessions, group="race_id", base=lambda session: session_slug(session.session_name) or f"session-{session.pk}")


def fill(rows: Iterable[Any], *, group: str, base: Callable[[Any], str]) -> None:
    empty = [row for row in rows if not row.slug]
    if not empty:
        return
    taken: dict[Any, set[str]] = defaultdict(set)
    stored = type(empty[0])._default_manager.filter(**{f"{group}__in": {getattr(row, group) for row in empty}})
    for key, slug, former in stored.values_list(group, "slug", "former_slugs"):
        taken[key] |= {slug, *former.split()}
    for row in empty:
        used = taken[getattr(row, group)]
        row.slug = free(base(row)[:90], used)
        used.add(row.slug)


def free(slug: str, taken: set[str]) -> str:
    """The slug, or with the first number behind it that makes it one of its own."""
    return next(one for number in count(1) if (one := slug if number == 1 else f"{slug}-{number}") not in taken)


def keep_former(before: Any, after: Any) -> None:
    """After a person changed a slug: the address that it was in goes on leading here."""
    if before.slug and before.slug != after.slug:
        former = [slug for slug in after.former_slugs.split() if slug != after.slug]
        after.former_slugs = " ".join(dict.fromkeys([*former, before.slug]))
