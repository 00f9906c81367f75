"""Filters of drivers and of rows about cars, also by what people call a driver: `?driver=LEC`."""

from typing import ClassVar

from django.db.models import Q, QuerySet

from api.filters import Meaning
from drivers.models import Driver, Entry
from drivers.words import DriverName, find_drivers
from races.filters import RACE, SESSION, SessionRowFilter

DRIVER = "The driver: driver_id (charles_leclerc), acronym (LEC), last name, or the number in the session."


class CarRowFilter(SessionRowFilter):
    """Filters of rows about a car in a session: also by its driver."""

    words: ClassVar[dict[str, str]] = SessionRowFilter.words | {"driver": DRIVER}

    @classmethod
    def meaning(cls, words: dict[str, str], sessions: list[int] | None) -> Meaning:
        of_sessions = super().meaning(words, sessions)
        if "driver" not in words:
            return of_sessions
        drivers = find_drivers(words["driver"], sessions=sessions)
        number = int(words["driver"]) if words["driver"].isdecimal() else None
        return lambda rows: cls.of_driver(of_sessions(rows), drivers, number=number)

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
        return rows.filter(driver__in=people)


class DriverFilter(CarRowFilter):
    """Filters of drivers; race, year and session mean those who were entered there."""

    related: ClassVar[dict[str, str]] = {}
    words: ClassVar[dict[str, str]] = {"race": RACE, "year": "The season.", "session": SESSION, "driver": DRIVER}

    class Meta:
        model = Driver

    @classmethod
    def meaning(cls, words: dict[str, str], sessions: list[int] | None) -> Meaning:
        meaning = super().meaning(words, sessions)
        return meaning if sessions is None else lambda rows: cls.of_sessions(meaning(rows), sessions)

    @classmethod
    def of_sessions(cls, rows: QuerySet, sessions: list[int]) -> QuerySet:
        return rows.filter(pk__in=Entry.objects.filter(session__in=sessions).values("driver"))

    @classmethod
    def of_driver(cls, rows: QuerySet, drivers: list[DriverName], *, number: int | None) -> QuerySet:
        return rows.filter(pk__in={driver.driver_id for driver in drivers})
