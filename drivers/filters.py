"""Filters of drivers and of rows about cars, also by what people call a driver: `?driver=LEC`."""

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.datastructures import MultiValueDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api import closed
from api.filters import Meaning
from drivers.models import Driver, Entry
from drivers.words import DriverName, find_car, find_drivers
from mirror.feeds import Feed
from mirror.limits import MAX_KEY
from mirror.models import Correction, Reject, SyncPiece, SyncRun
from races.filters import RACE, SESSION, SessionRowFilter, refuse
from races.models import Race, Session
from races.words import LATEST, Unclear, find_session, newest

DRIVER = "The driver: driver_id (charles_leclerc), acronym (LEC), last name, or the number in the session."
DRIVERS = f"{DRIVER} Several are separated by commas."


def check_numbers(column: models.Field, values: list[Any]) -> list[Any]:
    """The car numbers, each of which a driver, an entry or a row of the list has."""
    missing = set(values)
    for model in (Driver, Entry):
        if missing:
            numbers = model._default_manager.order_by().filter(driver_number__in=missing)
            missing -= set(numbers.values_list("driver_number", flat=True).distinct())
    if missing and column.model is not Driver:
        # In the order of the rows' index, which ends at the first one: without entries, every list of a car's rows asks this.
        rows = column.model._default_manager.order_by("session_id", column.name)
        missing = {number for number in missing if not rows.filter(**{column.name: number}).values_list("pk")[:1]}
    if missing:
        raise closed.UnknownValue(f"There is no car {min(missing)} here; /api/v1/entries/ lists the cars of each session.")
    return values


NUMBERS = ("driver_number", "overtaking_driver_number", "overtaken_driver_number")
closed.register(*NUMBERS, check=check_numbers)


class CarRowFilter(SessionRowFilter):
    """Filters of rows about a car in a session: also by its driver."""

    words: ClassVar[dict[str, str]] = SessionRowFilter.words | {"driver": DRIVERS}

    @classmethod
    def meaning(cls, words: dict[str, str], sessions: list[int] | None) -> Meaning:
        of_sessions = super().meaning(words, sessions)
        if "driver" not in words:
            return of_sessions
        names = [name.strip() for name in words["driver"].split(",")]
        found = [(find_drivers(name, sessions=sessions), int(name) if name.isdecimal() else None) for name in names]

        def of_drivers(rows: QuerySet) -> QuerySet:
            chosen = of_sessions(rows)
            return reduce(or_, (cls.of_driver(chosen, drivers, number=number) for drivers, number in found))

        return of_drivers

    @classmethod
    def of_driver(cls, rows: QuerySet, drivers: list[DriverName], *, number: int | None) -> QuerySet:
        """The rows about a driver; with a number those about the cars with it."""
        people = {driver.driver_id for driver in drivers}
        names = {field.name for field in rows.model._meta.concrete_fields}
        if "overtaking_driver" in names:
            if number is not None:
                return rows.filter(Q(overtaking_driver_number=number) | Q(overtaken_driver_number=number))
            return rows.filter(Q(overtaking_driver__in=people) | Q(overtaken_driver__in=people))
        if number is not None:
            return rows.filter(driver_number=number)
        if "driver" in names:
            return rows.filter(driver__in=people)
        same_car = Entry.objects.filter(session=OuterRef("session_id"), driver_number=OuterRef("driver_number"))
        return rows.filter(Exists(same_car.filter(driver__in=people)))


class LooseRowFilter(CarRowFilter):
    """Filters of rows that stand below no session, but have to do with some: the season, too, is a word."""

    related: ClassVar[dict[str, str]] = {}
    words: ClassVar[dict[str, str]] = {"race": RACE, "year": "The season.", "session": SESSION, "driver": DRIVERS}

    @classmethod
    def meaning(cls, words: dict[str, str], sessions: list[int] | None) -> Meaning:
        meaning = super().meaning(words, sessions)
        return meaning if sessions is None else lambda rows: cls.of_sessions(meaning(rows), sessions)


def is_key(value: str) -> bool:
    """Whether a value can be a key; others are refused with all that a filter cannot take."""
    return value.isdecimal() and len(value) <= len(str(MAX_KEY)) and int(value) <= MAX_KEY


class KeptRowFilter(LooseRowFilter):
    """Filters of rows that keep the keys of races and sessions, stored ones or not."""

    parents: ClassVar = {"race_id": (Race, "pk"), "session_id": (Session, "pk"), "season": (Race, "year")}

    @classmethod
    def read_words(cls, parameters: MultiValueDict, *, keys: dict[str, Any]) -> Meaning:
        meaning = super().read_words(parameters, keys=keys)
        for name in cls.parents.keys() & cls.paths.keys() & parameters.keys():
            for value in filter(is_key, parameters.getlist(name)):
                cls.check_key(name, int(value))
        return meaning

    @classmethod
    def check_key(cls, name: str, value: int) -> None:
        """ValidationError for a key that neither a race or session nor one of the rows has."""
        parent, column = cls.parents[name]
        known = parent._default_manager.filter(**{column: value}), cls._meta.model._default_manager.filter(**{name: value})
        if not any(rows.exists() for rows in known):
            raise ValidationError({name: [f"There is no {name.removesuffix('_id')} {value} here."]})


class CorrectionFilter(KeptRowFilter):
    related = {"user": "user__username"}
    closed = {"field": lambda: {name for feed in Feed.by_model.values() for name in feed.column_names}}
    words = {name: text for name, text in KeptRowFilter.words.items() if name != "driver"}  # not every collection has one

    class Meta:
        model = Correction


def of_sessions_or_weekends(rows: QuerySet, sessions: list[int]) -> QuerySet:
    """The rows of sessions, and those of whole weekends that have no other sessions."""
    others = Session.objects.exclude(pk__in=sessions).values("race")
    weekends = Race.objects.filter(sessions__in=sessions).exclude(pk__in=others)
    return rows.filter(Q(session_id__in=sessions) | Q(session_id=None, race_id__in=weekends.values("pk")))


class RejectFilter(KeptRowFilter):
    of_sessions = staticmethod(of_sessions_or_weekends)

    class Meta:
        model = Reject


class SyncRunFilter(LooseRowFilter):
    """Filters of syncs; words mean those that asked for such rows: of a driver for samples, which alone are asked for by car."""

    of_sessions = staticmethod(of_sessions_or_weekends)

    class Meta:
        model = SyncRun

    @classmethod
    def meaning(cls, words: dict[str, str], sessions: list[int] | None) -> Meaning:
        if not words:
            return lambda rows: rows
        pieces = super().meaning(words, sessions)(SyncPiece.objects.order_by())
        return lambda rows: rows.filter(Exists(pieces.filter(run=OuterRef("pk"))))


class DriverFilter(LooseRowFilter):
    """Filters of drivers; race, year and session mean those who were entered there."""

    class Meta:
        model = Driver

    @classmethod
    def of_sessions(cls, rows: QuerySet, sessions: list[int]) -> QuerySet:
        return rows.filter(pk__in=Entry.objects.filter(session__in=sessions).values("driver"))

    @classmethod
    def of_driver(cls, rows: QuerySet, drivers: list[DriverName], *, number: int | None) -> QuerySet:
        return rows.filter(pk__in={driver.driver_id for driver in drivers})


def resolve_words(data: Any, *, kinds: Collection[str] = ()) -> Any:
    """A query or body about one session with `session_id` in place of race, year and session, and `driver_number` in place of
    driver; where no session is named, `driver` becomes `driver_id`. Of several sessions those called as one of `kinds` are meant.
    ValidationError for words that are unclear.
    """
    if not isinstance(data, dict):
        return data
    words = {name: str(data[name]) for name in ("race", "year", "session", "driver") if data.get(name) not in (None, "")}
    rest = data.copy()  # of a query string too, with every value of a repeated parameter
    for name in words:
        del rest[name]
    driver = words.pop("driver", None)
    try:
        if rest.get("session_id") == LATEST:
            rest["session_id"] = newest(Session.objects.all(), "session_id").pk
        if words and "session_id" in rest:
            raise ValidationError({name: ["This is said by session_id: leave one of them out."] for name in words})
        if words:
            rest["session_id"] = find_session(**words, kinds=kinds).session_id
        if driver is not None and "session_id" in rest:
            rest["driver_number"] = find_car(driver, session=find_session(session=str(rest["session_id"])).session_id)
        elif driver is not None:
            rest["driver_id"] = find_drivers(driver)[0].driver_id
    except Unclear as error:
        raise refuse(error) from error
    return rest


class SessionWords(serializers.Serializer):
    """A query or body about one session: `session_id`, or what people call it."""

    race = serializers.CharField(required=False, help_text=RACE)
    year = serializers.CharField(required=False, help_text="The season of the race, or `latest`.")
    session = serializers.CharField(required=False, help_text=SESSION)
    kinds: ClassVar[Collection[str]] = ()  # what the sessions are called that this is about; any, or those of the context
    ways: ClassVar[dict[str, str]] = {}  # what is required, and what does as well

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if missing := {name: [f"This is required, or {words}."] for name, words in self.ways.items() if name not in attrs}:
            raise serializers.ValidationError(missing)
        return attrs

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(resolve_words(data, kinds=self.context.get("kinds", self.kinds)))
