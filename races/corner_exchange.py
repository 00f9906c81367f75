"""Corners that people have edited, on their way from one site to another in the file of corrections."""

from collections import Counter
from functools import partial
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from mirror.exchange_parts import apply_each, parse_part
from mirror.json_input import has_nul
from races.models import Circuit, Corner

PART = "corners"  # of the file


class SharedCorner(msgspec.Struct, omit_defaults=True):
    """A corner in the file."""

    number: int
    distance: float
    letter: str = ""


class SharedCircuit(msgspec.Struct):
    """All corners of a circuit."""

    circuit_id: int
    corners: list[SharedCorner]


class Document(msgspec.Struct):
    """The part of the file that is about corners; older files have none."""

    corners: list[SharedCircuit] = []


def dump() -> dict[str, Any]:
    """The part of the file; empty where nobody has edited corners."""
    circuits = Circuit.objects.filter(corners_edited=True).order_by("pk").prefetch_related("corners")
    shared = [SharedCircuit(circuit.pk, corners_of(circuit)) for circuit in circuits]
    return {PART: msgspec.to_builtins(shared)} if shared else {}


def corners_of(circuit: Circuit) -> list[SharedCorner]:
    return [SharedCorner(corner.number, corner.distance, corner.letter) for corner in circuit.corners.all()]


def parse(content: bytes) -> list[SharedCircuit]:
    """The corners of a file of corrections; ValueError says what is wrong with them."""
    return parse_part(content, Document, "corners").corners


def apply(shared: list[SharedCircuit], *, overwrite: bool) -> tuple[Counter, list[str]]:
    """Take over corners from elsewhere; returns ({outcome: circuits}, a line for each that was not taken over).

    The outcomes are those of corrections: `applied`, `known`, `missing` (no such circuit is stored here), `refused` (a corner
    that cannot be) or, unless `overwrite`, `skipped` (somebody here edited the same circuit's corners).
    """
    return apply_each(shared, partial(apply_one, overwrite=overwrite), lambda each: f"corners of circuit {each.circuit_id}")


def apply_one(shared: SharedCircuit, *, overwrite: bool) -> tuple[str, str]:
    """Take over the corners of one circuit; (outcome, problem or "")."""
    circuit = Circuit.objects.filter(pk=shared.circuit_id).first()
    if circuit is None:
        return "missing", "no such circuit is stored"
    if circuit.corners_edited and corners_of(circuit) == sorted(shared.corners, key=lambda corner: corner.distance):
        return "known", ""
    if circuit.corners_edited and not overwrite:
        return "skipped", "they were edited here"
    corners = [Corner(circuit=circuit, number=c.number, letter=c.letter, distance=c.distance) for c in shared.corners]
    try:
        check(corners, circuit)
    except ValueError as error:
        return "refused", str(error)
    with transaction.atomic():
        circuit.corners.all().delete()
        Corner.objects.bulk_create(corners)
        circuit.corners_edited = True
        circuit.save()
    return "applied", ""


def check(corners: list[Corner], circuit: Circuit) -> None:
    """ValueError unless these can be the corners of a circuit."""
    if len({corner.label for corner in corners}) < len(corners):
        raise ValueError("a number stands twice")
    for corner in corners:
        if has_nul(corner.letter):
            raise ValueError("a letter is the NUL character")
        if corner.distance > circuit.length:
            raise ValueError(f"corner {corner.label} at {corner.distance:g} m lies beyond the lap of {circuit.length:g} m")
        try:
            corner.clean_fields(exclude=["circuit"])
        except ValidationError as error:
            raise ValueError(f"corner {corner.label}: {' '.join(error.messages)}") from error
