"""Stored values outside the limits, formats and closed sets that the models declare, and the checks that name them."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Cast

from drivers.people import car_fields
from jobs.wording import plural
from mirror.feeds import Feed
from mirror.limits import LAPS_BEHIND, ClosedText, format_of, limits_of, shape_of
from races.models import Race, Session
from telemetry.quality.findings import ERROR, WARNING, Finding, check, join_words
from telemetry.quality.rows import OutsideRow
from telemetry.quality.session_rows import SessionRows

SHOWN_VALUES = 5


def load_outside(session_ids: list[int], *, first_sessions: dict[int, int]) -> dict[int, list[OutsideRow]]:
    """{session_id: its values outside}, in one query per model; those of a race under its session in `first_sessions`."""
    outside: dict[int, list[OutsideRow]] = defaultdict(list)
    for feed in Feed.by_model.values():
        model = feed.model
        if model._meta.abstract:
            continue
        if model is Race:
            rows: models.QuerySet = Race.objects.filter(sessions__in=session_ids).distinct()
            sessions = F("pk")
        elif model is Session:
            sessions, rows = F("pk"), Session.objects.filter(pk__in=session_ids)
        elif any(field.name == "session" for field in model._meta.concrete_fields):
            sessions, rows = F("session_id"), model._default_manager.filter(session_id__in=session_ids)
        else:
            continue
        for session, row in outside_rows(feed, rows, sessions):
            outside[first_sessions.get(session, 0) if model is Race else session].append(row)
    return outside


def outside_rows(feed: Feed, rows: models.QuerySet, session: F) -> Iterator[tuple[int, OutsideRow]]:
    """(session or race, value outside) of some rows of a feed's model."""
    conditions = {field.attname: condition for field in feed.model._meta.concrete_fields if (condition := outside(field))}
    if not conditions:
        return
    names = {field.name for field in feed.model._meta.concrete_fields}
    car = next((F(number) for _, number in car_fields(feed.model)), Value(None, output_field=models.IntegerField()))
    lap = F("lap_number") if "lap_number" in names else Value(None, output_field=models.IntegerField())
    lists = {f"text_of_{name}": Cast(name, TextField()) for name in conditions if is_list(feed.model, name)}
    any_outside = Q()
    for condition in conditions.values():
        any_outside |= condition
    found = rows.order_by("pk").alias(**lists).filter(any_outside).values_list(session, "pk", car, lap, *conditions)
    for owner, pk, number, lap_number, *values in found:
        for name, value in zip(conditions, values, strict=True):
            field: Any = feed.model._meta.get_field(name)
            if value is not None and is_outside(field, value):
                yield owner, OutsideRow(pk, feed.collection, name, value, number, lap_number)


def outside(field: models.Field) -> Q | None:
    """The condition that a field's value is outside; None where nothing limits it."""
    if isinstance(field, ClosedText):
        return Q(**{f"{field.name}__isnull": False}) & ~Q(**{f"{field.name}__in": field.known})
    if text_format := format_of(field):
        return Q(**{f"{field.name}__gt": ""}) & ~Q(**{f"{field.name}__regex": text_format.pattern})
    if shape := shape_of(field):
        text = f"text_of_{field.name}"
        if shape.kind.only_lists:
            return Q(**{f"{field.name}__isnull": False}) & ~Q(**{f"{text}__startswith": "["})
        return Q(**{f"{text}__contains": '"'}) & ~Q(**{f"{text}__regex": rf'^"{LAPS_BEHIND}"\Z'})
    least, most = limits_of(field)
    return None if least is None else Q(**{f"{field.name}__lt": least}) | Q(**{f"{field.name}__gt": most})


def is_list(model: type[models.Model], name: str) -> bool:
    return shape_of(model._meta.get_field(name)) is not None  # type: ignore[arg-type]


def is_outside(field: models.Field, value: Any) -> bool:
    if isinstance(field, ClosedText):
        return value not in field.known
    if shape := shape_of(field):
        return not shape.kind.allows(value)
    if text_format := format_of(field):
        return not text_format.allows(value)
    least, most = limits_of(field)
    return value < least or value > most


def describe(row: OutsideRow) -> str:
    """ "99999 (car 4, lap 7)"."""
    value = row.value.isoformat() if isinstance(row.value, datetime) else repr(row.value)[:60]
    where = [f"{what} {number}" for what, number in (("car", row.driver_number), ("lap", row.lap_number)) if number is not None]
    return f"{value} ({', '.join(where)})" if where else value


def by_field(rows: Collection[OutsideRow]) -> Iterator[tuple[models.Field, list[OutsideRow]]]:
    """(model field, rows) in the order of collections and fields."""
    models_of = {feed.collection: model for model, feed in Feed.by_model.items()}
    grouped: dict[tuple[str, str], list[OutsideRow]] = defaultdict(list)
    for row in rows:
        grouped[row.collection, row.field].append(row)
    for (collection, name), of_field in grouped.items():
        field: Any = models_of[collection]._meta.get_field(name)
        yield field, of_field


def finding(rows: list[OutsideRow], what: str, advice: str) -> Finding:
    first = rows[0]
    shown = join_words((describe(row) for row in rows), SHOWN_VALUES)
    return Finding(
        message=f"{plural(len(rows), 'row')} of {first.collection} with {first.field} {what}: {shown}. {advice}",
        driver_number=first.driver_number if len(rows) == 1 else None,
        lap_number=first.lap_number if len(rows) == 1 else None,
        rows={first.collection: [row.pk for row in rows]},
    )


@check(ERROR, "impossible-values")
def values_outside_limits(rows: SessionRows) -> Iterator[Finding]:
    """A value that cannot be, such as a speed of 99,999 km/h: upstream sent it so, and it is kept. Correct it or leave it out."""
    for field, of_field in by_field(rows.surroundings.outside.get(rows.session.pk, [])):
        if isinstance(field, ClosedText) or format_of(field):
            continue
        if shape := shape_of(field):
            yield finding(of_field, f"that is not {shape.kind.description}", "Correct it.")
            continue
        least, most = limits_of(field)
        limits = f"{least.year} to {most.year}" if isinstance(least, datetime) else f"{least} to {most}"
        yield finding(of_field, f"outside {limits}", "Look it up elsewhere and correct it.")


@check(WARNING, "unknown-texts")
def texts_unknown(rows: SessionRows) -> Iterator[Finding]:
    """A text that is none of its closed set, in no known spelling: what asks for the known ones passes over it."""
    for field, of_field in by_field(rows.surroundings.outside.get(rows.session.pk, [])):
        if isinstance(field, ClosedText):
            yield finding(
                of_field, "that is not known", f"Known are {join_words(field.known, 20)}: correct it if it means one of these."
            )


@check(WARNING, "unknown-texts")
def texts_misshapen(rows: SessionRows) -> Iterator[Finding]:
    """A text that is not of its field's format, such as a team colour of five digits: what needs the format passes over it."""
    for field, of_field in by_field(rows.surroundings.outside.get(rows.session.pk, [])):
        if text_format := format_of(field):
            yield finding(of_field, f"that is not {text_format.kind.description}", "Look it up elsewhere and correct it.")
