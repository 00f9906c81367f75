"""Facts about circuits that people have set, on their way from one site to another in the file of corrections."""

from collections import Counter
from functools import partial
from typing import Any

import msgspec
from django.core.exceptions import ValidationError

from mirror.exchange_parts import apply_each, parse_part
from mirror.json_input import has_nul
from ml.models import CircuitFact

PART = "circuit_facts"  # of the file


class SharedFact(msgspec.Struct):
    """A fact in the file."""

    circuit_name: str
    fact: str
    value: float


class Document(msgspec.Struct):
    """The part of the file that is about circuits; older files have none."""

    circuit_facts: list[SharedFact] = []


def dump() -> dict[str, Any]:
    """The part of the file; empty where nobody has set a fact."""
    rows = CircuitFact.objects.filter(edited=True)
    shared = [SharedFact(row.circuit_name, row.fact, row.value) for row in rows]
    return {PART: msgspec.to_builtins(shared)} if shared else {}


def parse(content: bytes) -> list[SharedFact]:
    """The facts of a file of corrections; ValueError says what is wrong with them."""
    return parse_part(content, Document, "facts about circuits").circuit_facts


def apply(shared: list[SharedFact], *, overwrite: bool) -> tuple[Counter, list[str]]:
    """Take over facts from elsewhere; returns ({outcome: facts}, a line for each that was not taken over).

    The outcomes are those of corrections: `applied`, `known`, `refused` (a value that cannot be) or, unless `overwrite`,
    `skipped` (somebody here has set another value).
    """
    return apply_each(shared, partial(apply_one, overwrite=overwrite), lambda each: f"{each.fact} at {each.circuit_name}")


def apply_one(shared: SharedFact, *, overwrite: bool) -> tuple[str, str]:
    """Take over one fact; (outcome, problem or "")."""
    if has_nul(shared.circuit_name) or has_nul(shared.fact):
        return "refused", "a name has the NUL character"
    row = CircuitFact.objects.filter(circuit_name=shared.circuit_name, fact=shared.fact).first()
    if row and row.edited and row.value == shared.value:
        return "known", ""
    if row and row.edited and not overwrite:
        return "skipped", f"{row.value:g} was set here"
    row = row or CircuitFact(circuit_name=shared.circuit_name, fact=shared.fact)
    row.value, row.edited = shared.value, True
    try:
        row.full_clean()
    except ValidationError as error:
        return "refused", " ".join(error.messages)
    row.save()
    return "applied", ""
