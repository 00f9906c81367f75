"""Names in addresses: `/f1/2024/emilia-romagna/sprint-qualifying/`."""

import re

from anyascii import anyascii

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
