"""What the parts of the file of corrections have in common that are no corrections: reading one, and taking it over."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from mirror.json_input import parse_json

Document = TypeVar("Document")
Shared = TypeVar("Shared")


def parse_part(content: bytes, document: type[Document], what: str) -> Document:
    """A part of the file; ValueError says what is wrong with `what`."""
    try:
        return msgspec.convert(parse_json(content), document)
    except msgspec.ValidationError as error:
        raise ValueError(f"its {what} are not: {error}") from error


def apply_each(
    shared: Iterable[Shared], apply_one: Callable[[Shared], tuple[str, str]], name_of: Callable[[Shared], str]
) -> tuple[Counter, list[str]]:
    """Take over each; returns ({outcome: how many}, a line for each that was not taken over).

    apply_one: gives (outcome, problem or "") of one; name_of: what such a line calls it.
    """
    counts: Counter = Counter()
    problems = []
    for each in shared:
        outcome, problem = apply_one(each)
        counts[outcome] += 1
        if problem:
            problems.append(f"{name_of(each)}: {problem}")
    return counts, problems
