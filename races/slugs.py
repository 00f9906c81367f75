"""Names in addresses: `/f1/2024/emilia-romagna/sprint-qualifying/`."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from anyascii import anyascii
from django.db import models

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


def race_slugs(races: Iterable[Any]) -> list[str]:
    """A slug for each race that is about to be stored, which its season does not have yet; one that it has stays."""
    return slugs(Race, races, group="year", base=lambda race: race_slug(race.race_name) or f"race-{race.race_id}")


def session_slugs(sessions: Iterable[Any]) -> list[str]:
    """A slug for each session that is about to be stored, which its weekend does not have yet; one that it has stays."""
    return slugs(
        Session, sessions, group="race_id", base=lambda each: session_slug(each.session_name) or f"session-{each.session_id}"
    )


def slugs(model: type[models.Model], rows: Iterable[Any], *, group: str, base: Callable[[Any], str]) -> list[str]:
    rows = list(rows)
    taken: dict[Any, set[str]] = defaultdict(set)
    stored = model._default_manager.filter(**{f"{group}__in": {getattr(row, group) for row in rows}})
    for key, slug, former in stored.values_list(group, "slug", "former_slugs"):
        taken[key] |= {slug, *former.split()}
    result = []
    for row in rows:
        used = taken[getattr(row, group)]
        slug = getattr(row, "slug", "") or free(base(row)[:90], used)  # a struct of upstream's row has none
        used.add(slug)
        result.append(slug)
    return result


def free(slug: str, taken: set[str]) -> str:
    """The slug, or with the first number behind it that makes it one of its own."""
    return next(one for number in count(1) if (one := slug if number == 1 else f"{slug}-{number}") not in taken)


def keep_former(before: Any, after: Any) -> None:
    """After a person changed a slug: the address that it was in goes on leading here."""
    if before.slug and before.slug != after.slug:
        former = [slug for slug in after.former_slugs.split() if slug != after.slug]
        after.former_slugs = " ".join(dict.fromkeys([*former, before.slug]))
