"""Names as OpenF1 writes them, and the people they mean."""

import re

from anyascii import anyascii

NAMES = ("full_name", "first_name", "last_name")


def words(name: str | None) -> list[str]:
    """Lower-case ASCII words of a name; apostrophes and dots disappear: "Zak O'SULLIVAN" -> ["zak", "osullivan"]."""
    return re.findall(r"[a-z0-9]+", re.sub(r"['’`.]", "", anyascii(name or "")).lower())


def driver_id(full_name: str | None) -> str | None:
    """ "Charles LECLERC" -> "charles_leclerc"; None when there is no name to derive it from."""
    return "_".join(words(full_name)) or None


def tidy(full_name: str, *parts: str | None) -> str:
    """A full name without shouting: "Patricio O'WARD" -> "Patricio O'Ward".

    Words that `parts` (first and last name) have too are spelled as there.
    """
    spelled = {word.casefold(): word for part in parts if part for word in part.split()}
    return " ".join(spelled.get(word.casefold()) or (word.title() if word.isupper() else word) for word in full_name.split())


def agree(full_name: str | None, first_name: str | None, last_name: str | None) -> bool:
    """Whether the full name can belong to the first and last name; a missing name contradicts nothing.

    Upstream once mixed a junior grid into a Formula 1 session (9223): number 1 was "Paul ARON", first name Max, last
    name Verstappen. "Kimi ANTONELLI" and "Andrea Kimi" "Antonelli" do agree, and so do "ZHOU Guanyu" and "Guanyu" "Zhou".
    """
    full, parts = set(words(full_name)), {*words(first_name), *words(last_name)}
    return not full or not parts or full <= parts or parts <= full
