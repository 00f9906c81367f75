"""Names as OpenF1 writes them, and the driver IDs made from them."""

import re

from anyascii import anyascii


def ascii_words(name: str | None) -> list[str]:
    """Lower-case ASCII words of a name; apostrophes and dots disappear: "Zak O'SULLIVAN" -> ["zak", "osullivan"]."""
    return re.findall(r"[a-z0-9]+", re.sub(r"['\u2019`.]", "", anyascii(name or "")).lower())


def driver_id(full_name: str | None) -> str | None:
    """ "Charles LECLERC" -> "charles_leclerc"; None if the name has no letter or digit."""
    return "_".join(ascii_words(full_name)) or None


def format_full_name(full_name: str, *parts: str | None) -> str:
    """A full name in mixed case: "Patricio O'WARD" -> "Patricio O'Ward".

    Words that also occur in `parts` (first and last name) are spelled as there.
    """
    spellings = {word.casefold(): word for part in parts if part for word in part.split()}
    words = full_name.split()
    return " ".join(spellings.get(word.casefold()) or (word.title() if word.isupper() else word) for word in words)


def names_match(full_name: str | None, first_name: str | None, last_name: str | None) -> bool:
    """Whether the full name can belong to the first and last name; a missing name contradicts nothing.

    OpenF1 once mixed the entries of a junior series into a Formula 1 session (9223): number 1 had the full name "Paul ARON", the
    first name Max and the last name Verstappen. "Kimi ANTONELLI" matches "Andrea Kimi" "Antonelli", and "ZHOU Guanyu" matches
    "Guanyu" "Zhou".
    """
    full, parts = set(ascii_words(full_name)), {*ascii_words(first_name), *ascii_words(last_name)}
    return not full or not parts or full <= parts or parts <= full
