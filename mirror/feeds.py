"""A feed says how one OpenF1 collection and one model belong together, once, for both directions.

A usual feed is three lines::

    class WeatherFeed(Feed):
        collection = "weather"
        model = Weather

Fields, types, bounds and the key are read from the model; only names that differ are listed, in `rename`. Fields that are
computed from the row, because the key needs them (a digest where OpenF1 has no safe key) or because people sort by them (the
number in a column of numbers, texts and lists), are listed in `derived` and set in `derive`::

    class PitFeed(Feed):
        collection = "pit"
        model = Pit
        derived = ("digest",)

        def derive(self, rows):
            for row in rows:
                row.digest = digest(row.date)

From then on they are read, compared and written like all others. `unbuild` is the way back: stored rows as OpenF1 sends them.
"""

import datetime
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from operator import attrgetter
from typing import Annotated, Any, ClassVar

import msgspec
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations

from mirror import versions
from mirror.fields import JSONText
from mirror.grading import Grader

UTC = datetime.UTC
OWN = {"source", "changed_at", "driver"}  # on every mirrored row, and never from upstream


class Feed:
    """One collection and its model. Subclasses set the attributes; an instance serves the whole process."""

    collection: str
    model: type[models.Model]
    rename: dict[str, str] = {}  # model field -> OpenF1 field, where the names differ
    local: tuple[str, ...] = ()  # model fields that upstream knows nothing of
    derived: tuple[str, ...] = ()  # model fields that `derive` computes from a row
    lists = False  # lists races or sessions rather than rows of a session
    by_default = True  # synced when no collection is named
    computed = False  # not upstream's at all: computed here, and a person's from the moment they change it
    grader = Grader()  # how complete the rows of a session are; see `grade_by`
    per_car = False  # a piece is one car of one session, and the feed keeps it in its own way; see `cars` and `apply`

    names = {"race_id": "meeting_key", "session_id": "session_key"}  # the same in every collection
    by_model: ClassVar[dict[type[models.Model], "Feed"]] = {}  # filled as feeds are defined

    def __init_subclass__(cls):
        if "model" in vars(cls):
            Feed.by_model[cls.model] = cls()

    @classmethod
    def grade_by(cls, grader: Grader) -> None:
        """Register how the collection is graded, from an app above the feed's that knows more of a session."""
        cls.grader = grader

    @cached_property
    def columns(self) -> list[models.Field]:
        """The model's fields that come from upstream."""
        fields = self.model._meta.concrete_fields
        other = {*OWN, *self.local, *self.derived}
        return [f for f in fields if f.name not in other and not isinstance(f, models.AutoField)]

    @cached_property
    def sent(self) -> tuple[str, ...]:
        """Names of those fields, as values are read and written: `session_id`, not `session`."""
        return tuple(f.attname for f in self.columns)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """All that a sync writes, in the order of `struct`."""
        return self.sent + self.derived

    @cached_property
    def wire(self) -> dict[str, str]:
        """{model field: OpenF1 field}"""
        names = self.names | self.rename
        return {name: names.get(name, name) for name in self.sent}

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The fields that identify a row: the model's unique constraint, or its primary key."""
        constraints = [c for c in self.model._meta.constraints if isinstance(c, models.UniqueConstraint)]
        names = constraints[0].fields if constraints else (self.model._meta.pk.name,)
        return tuple(self.model._meta.get_field(name).attname for name in names)  # type: ignore[union-attr]

    @cached_property
    def struct(self) -> type[msgspec.Struct]:
        """The row as msgspec validates it: OpenF1's names outside, the model's inside; a field that is not sent is UNSET."""
        specs = [(f.attname, expected(f), default(f)) for f in self.columns]
        specs += [(name, Any, msgspec.UNSET) for name in self.derived]
        return msgspec.defstruct(f"{self.collection}_row", specs, rename=self.wire, kw_only=True, gc=False)

    @cached_property
    def moments(self) -> tuple[str, ...]:
        return tuple(f.attname for f in self.columns if isinstance(f, models.DateTimeField))

    @cached_property
    def known(self) -> set[str]:
        """OpenF1 fields that have a place here; the race is known through the session."""
        return {*self.wire.values(), "meeting_key"}

    @cached_property
    def by_car(self) -> bool:
        """Whether every row belongs to a car, so that a large answer can be asked for by car number."""
        return any(f.name == "driver_number" and not f.null for f in self.columns)

    @cached_property
    def key_of(self):
        return getter(self.key)

    def build(self, rows: list[dict]) -> tuple[list, list[tuple[dict, str]]]:
        """(validated and complete rows, [(row, reason)] of those that are not valid); moments become UTC."""
        try:
            built: list = msgspec.convert(rows, list[self.struct])  # type: ignore[name-defined]
            rejects: list[tuple[dict, str]] = []
        except msgspec.ValidationError:
            built, rejects = self._build_one_by_one(rows)
        for name in self.moments:
            for row in built:
                moment = getattr(row, name)
                if isinstance(moment, datetime.datetime) and moment.tzinfo is not UTC:
                    setattr(row, name, moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
        self.derive(built)
        return built, rejects

    def _build_one_by_one(self, rows: list[dict]) -> tuple[list, list[tuple[dict, str]]]:
        built, rejects = [], []
        for row in rows:
            try:
                built.append(msgspec.convert(row, self.struct))
            except msgspec.ValidationError as error:
                rejects.append((row, str(error)))
        return built, rejects

    def unbuild(self, rows: models.QuerySet) -> Iterator[dict[str, Any]]:
        """Stored rows as OpenF1 would send them: its names, its way of writing moments, the race of each; in the given order."""
        paths = dict(self.wire)
        if "session_id" in paths and "race_id" not in paths:
            paths = {"session__race_id": "meeting_key", **paths}
        names = tuple(paths.values())
        for values in rows.values_list(*paths).iterator():
            yield {n: v.isoformat() if isinstance(v, datetime.datetime) else v for n, v in zip(names, values, strict=True)}

    def stored(self, scope: dict[str, Any]) -> models.QuerySet:
        """What is stored of a scope given in OpenF1's names: {"session_key": 9472} or {"year": 2023}."""
        fields = {wire: name for name, wire in self.wire.items()}
        return self.model._default_manager.filter(**{fields[name]: value for name, value in scope.items()})

    def cars(self, session_id: int) -> list[int]:
        """Of a feed that is `per_car`: the numbers to ask for."""
        raise NotImplementedError

    def apply(self, rows: list[dict], scope: dict[str, Any], *, source: str, prune: bool, write: bool) -> Any:
        """Of a feed that is `per_car`: do for it what `changes.apply` does for all others."""
        raise NotImplementedError

    def files(self) -> models.QuerySet:
        """Of a feed that is `per_car`: the files its rows are in, with session, car, name, first and last moment of each."""
        raise NotImplementedError

    def read(self, name: str, columns: list[str]) -> Any:
        """Of a feed that is `per_car`: columns of a file as an Arrow table, in order of time."""
        raise NotImplementedError

    def derive(self, rows: Iterable[Any]) -> None:
        """Set the `derived` fields of rows, or of instances made by hand; a field that was not sent is UNSET."""

    def before_create(self, instances: list[models.Model], scope: dict[str, Any]) -> None:
        """Fill what upstream does not send on rows that are about to be stored for the first time."""

    def written(self, scope: dict[str, Any], *, source: str) -> None:
        """To be called, in the same transaction, by whatever created, changed or deleted rows of a piece."""
        versions.touch(self.collection, scope.get("session_key"))
        self.after_write(scope, source=source)

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        """Bring what depends on these rows up to date, after some were created, changed or deleted; same transaction."""

    def discard(self, *, source: str) -> None:
        """Delete what the rows that came from `source` keep outside the database; the rows themselves go next."""

    def derive_again(self, instance: models.Model) -> None:
        """After an edit: derive what depends on the edited fields; the key stays, for it is how upstream's row is known."""
        key = {name: getattr(instance, name) for name in self.derived if name in self.key}
        self.derive([instance])
        for name, value in key.items():
            setattr(instance, name, value)

    def stored_count(self, scope: dict[str, Any]) -> int:
        """How many rows of a scope are stored, wherever they came from: an index knows that."""
        return self.stored(scope).count()


def expected(field: models.Field) -> Any:
    """The type msgspec checks a field's value against, with the bounds the database would enforce later and less kindly."""
    if isinstance(field, models.ForeignKey):
        return expected(field.target_field)
    kind: Any
    if isinstance(field, models.BooleanField):
        kind = bool
    elif isinstance(field, models.IntegerField):
        low, high = BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]
        kind = Annotated[int, msgspec.Meta(ge=low, le=high)]
    elif isinstance(field, models.FloatField):
        kind = float
    elif isinstance(field, models.DateTimeField):
        kind = datetime.datetime
    elif isinstance(field, JSONText):
        return Any
    else:  # PostgreSQL stores no NUL character
        kind = Annotated[str, msgspec.Meta(max_length=field.max_length, pattern=r"^[^\x00]*$")]
    return kind | None if field.null else kind


def default(field: models.Field) -> Any:
    """UNSET where a row may lack the field; required where the model needs a value and has none of its own."""
    return msgspec.UNSET if field.null or field.has_default() else msgspec.NODEFAULT


def digest(*values: Any) -> int:
    """A signed 64-bit number that stands for these values in a key, where they are too many, too long or sometimes null."""
    text = msgspec.json.encode([None if value is msgspec.UNSET else value for value in values])
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)


def number(value: Any) -> Any:
    """What a column of mixed types means as a number: of a list (a time per qualifying phase) the last that is not null, of a
    text ("+1 LAP") none."""
    if isinstance(value, list):
        value = next((item for item in reversed(value) if item is not None), None)
    if value is msgspec.UNSET or isinstance(value, float):
        return value
    return float(value) if isinstance(value, int) else None


def getter(names: Iterable[str]):
    """attrgetter that always gives a tuple."""
    names = tuple(names)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: tuple(getattr(row, name) for name in names)
