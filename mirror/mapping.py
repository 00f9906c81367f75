"""How the rows of one OpenF1 collection and one model correspond: names, types, key and validation.

Nothing here reads or writes the database, and nothing speaks HTTP.
"""

import datetime
from collections.abc import Callable, Iterable
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations

from mirror.fields import JSONText
from mirror.limits import HARD_YEARS, MAX_NUMBER, NO_NUL, ClosedText, Shape, abbreviate, hard_limits_of, has_nul, shape_of
from mirror.values import to_json_value

UTC = datetime.UTC
PROVENANCE = {"source", "changed_at", "driver"}  # fields of every mirrored row that upstream never sends


class Mapping:
    """The correspondence of a collection and a model. Fields, types, bounds and the key are read from the model."""

    collection: str
    model: type[models.Model]
    rename: dict[str, str] = {}  # model field -> OpenF1 field, where the names differ
    local: tuple[str, ...] = ()  # model fields that upstream knows nothing of
    derived: tuple[str, ...] = ()  # model fields that `derive` computes from a row
    together: tuple[str, ...] | None = None  # fields of the key: rows that agree in them are derived together; None: each alone

    names = {"race_id": "meeting_key", "session_id": "session_key"}  # renamed alike in every collection

    @cached_property
    def columns(self) -> list[models.Field]:
        """The model's fields that come from upstream."""
        fields = self.model._meta.concrete_fields
        other = {*PROVENANCE, *self.local, *self.derived}
        return [f for f in fields if f.name not in other and not isinstance(f, models.AutoField)]

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The attribute names of `columns`: `session_id`, not `session`."""
        return tuple(f.attname for f in self.columns)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The names of all fields that a sync writes, in the order of `struct`."""
        return self.column_names + self.derived

    @cached_property
    def wire(self) -> dict[str, str]:
        """{model field: OpenF1 field}"""
        names = self.names | self.rename
        return {name: names.get(name, name) for name in self.column_names}

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The fields that identify a row: a primary key that upstream sends, else the model's first unique constraint."""
        primary: Any = self.model._meta.pk
        constraints = [c for c in self.model._meta.constraints if isinstance(c, models.UniqueConstraint)]
        names = constraints[0].fields if constraints and isinstance(primary, models.AutoField) else (primary.name,)
        return tuple(self.model._meta.get_field(name).attname for name in names)  # type: ignore[union-attr]

    @cached_property
    def struct(self) -> type[msgspec.Struct]:
        """The struct that msgspec validates a row with: OpenF1's names outside, the model's inside; a missing field is UNSET."""
        specs = [(f.attname, accepted(f), default(f)) for f in self.columns]
        specs += [(name, Any, msgspec.UNSET) for name in self.derived]
        return msgspec.defstruct(f"{self.collection}_row", specs, rename=self.wire, kw_only=True, gc=False)

    @cached_property
    def datetime_names(self) -> tuple[str, ...]:
        return tuple(f.attname for f in self.columns if isinstance(f, models.DateTimeField))

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """{field: shape} of the fields with JSON values."""
        return {f.attname: shape for f in self.columns if (shape := shape_of(f))}

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """The fields that are true or false; where upstream sends null it has not said which."""
        return tuple(f.attname for f in self.columns if isinstance(f, models.BooleanField))

    @cached_property
    def closed_texts(self) -> list[ClosedText]:
        return [f for f in self.columns if isinstance(f, ClosedText)]

    @cached_property
    def openf1_fields(self) -> set[str]:
        """The OpenF1 fields that are stored; a row's race is stored through its session."""
        return {*self.wire.values(), "meeting_key"}

    @cached_property
    def by_car(self) -> bool:
        """Whether every row belongs to one car, so that a request can be narrowed by car number."""
        return any(f.name == "driver_number" and not f.null for f in self.columns)

    @cached_property
    def key_of(self) -> Callable[[Any], tuple]:
        """A function that gives a row's or an instance's key as a tuple."""
        return getter(self.key)

    @cached_property
    def group_of(self) -> Callable[[tuple], tuple]:
        """A function that gives the `together` part of a key: rows whose derived fields depend on each other have the same."""
        places = [self.key.index(name) for name in self.key if self.together is None or name in self.together]
        return lambda key: tuple(key[place] for place in places)

    def json_key(self, key: tuple) -> dict[str, Any]:
        """A key by field, in JSON's types, as logs and corrections store it."""
        return to_json_value(dict(zip(self.key, key, strict=True)))

    def build(self, rows: list[dict]) -> tuple[list, list[tuple[dict, str]]]:
        """Validate rows as OpenF1 sends them.

        Returns (structs with derived fields set and datetimes in UTC, [(row, reason)] of the rows that are not valid).
        """
        sent = rows
        rejects: list[tuple[dict, str]] = []
        try:
            built: list = msgspec.convert(rows, list[self.struct])  # type: ignore[name-defined]
        except msgspec.ValidationError:
            built, sent, rejects = self._build_one_by_one(rows)
        if faults := self._normalise(built):
            rejects += [(sent[index], reason) for index, reason in sorted(faults.items())]
            built = [row for index, row in enumerate(built) if index not in faults]
        self.derive(built)
        return built, rejects

    def _build_one_by_one(self, rows: list[dict]) -> tuple[list, list[dict], list[tuple[dict, str]]]:
        """(structs, the rows they were built from, rejects)."""
        built, sent, rejects = [], [], []
        for row in rows:
            try:
                built.append(msgspec.convert(row, self.struct))
                sent.append(row)
            except msgspec.ValidationError as error:
                rejects.append((row, self._shape_fault(row) or str(error)))
        return built, sent, rejects

    def _shape_fault(self, row: dict) -> str:
        """What is wrong with the first JSON value of a row that is not of its shape, if there is one."""
        for name, shape in self.shapes.items():
            value = row.get(self.wire[name])
            if value is not None and not shape.is_storable(value):
                return f"{self.wire[name]}: {abbreviate(value)} is not {shape.kind.description}"
        return ""

    def _normalise(self, built: list) -> dict[int, str]:
        """Bring moments to UTC and texts of closed sets to their usual spelling; {index: reason} of invalid rows."""
        faults: dict[int, str] = {}
        for name in self.datetime_names:
            if all_usual(list(map(attrgetter(name), built))):
                continue
            for index, row in enumerate(built):
                moment = getattr(row, name)
                if not isinstance(moment, datetime.datetime):
                    continue
                if moment.year not in HARD_YEARS:
                    faults[index] = f"{self.wire[name]}: {moment.isoformat()} is not between {HARD_YEARS[0]} and {HARD_YEARS[-1]}"
                elif moment.tzinfo is not UTC:
                    setattr(row, name, moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
        for name, shape in self.shapes.items():
            for index, row in enumerate(built if shape.kind.has_texts else ()):
                if has_nul(getattr(row, name)):
                    faults[index] = self._shape_fault({self.wire[name]: getattr(row, name)})
        self.normalise_texts(built)
        self.unset_flags(built)
        return faults

    def unset_flags(self, built: list) -> None:
        for name in self.flags:
            for row in built:
                if getattr(row, name) is None:
                    setattr(row, name, msgspec.UNSET)

    def normalise_texts(self, rows: Iterable[Any]) -> None:
        """Give the texts of closed sets in structs or model instances their usual spelling."""
        for field in self.closed_texts:
            for row in rows:
                value = getattr(row, field.attname)
                if value not in field.known:
                    setattr(row, field.attname, field.normalise(value))

    def derive(self, rows: Iterable[Any]) -> None:
        """Set the `derived` fields of structs or of model instances; a field that was not sent is UNSET."""

    def derive_after_edit(self, row: Any) -> None:
        """Derive what depends on edited fields, except for the key: by it upstream's row is recognised."""
        key = {name: getattr(row, name) for name in self.derived if name in self.key}
        self.derive([row])
        for name, value in key.items():
            setattr(row, name, value)

    def initial_columns(self, rows: list, scope: dict[str, Any]) -> dict[str, list]:
        """Values of fields that upstream does not send, by field, for rows (structs or instances) stored for the first time."""
        return {}

    def fill_initially(self, instance: models.Model, scope: dict[str, Any]) -> None:
        """Set the initial values of an instance that is stored for the first time."""
        for name, [value] in self.initial_columns([instance], scope).items():
            setattr(instance, name, value)

    def before_edit(self, before: Any, after: Any) -> None:
        """Set on an instance, before a person's change is stored, what depends on how it was before."""

    def stays_unlisted(self, keys: list[tuple]) -> set[tuple]:
        """Those of the keys, which upstream's answer lacks, whose rows have not vanished, because others need them."""
        return set()

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        """Bring what depends on these rows up to date, after some were created, changed or deleted; same transaction."""


def all_usual(moments: list) -> bool:
    """Whether all are moments in UTC of the years that are taken, as those of samples are, of which there are very many."""
    if not all(type(moment) is datetime.datetime and moment.tzinfo is UTC for moment in moments):
        return False
    return not moments or (min(moments).year in HARD_YEARS and max(moments).year in HARD_YEARS)


def expected(field: models.Field) -> Any:
    """The type that msgspec checks a field's value against, with the bounds that the database would enforce by an error."""
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
    else:
        kind = Annotated[str, msgspec.Meta(max_length=field.max_length, pattern=NO_NUL)]
    return kind | None if field.null else kind


def accepted(field: models.Field) -> Any:
    """The type that upstream's values are checked against: as `expected`, with shapes and hard limits."""
    kind: Any
    least, most = hard_limits_of(field)
    if shape := shape_of(field):
        kind = shape.kind.accepted
    elif isinstance(field, models.BooleanField):
        return bool | None
    elif isinstance(field, models.FloatField):
        limits = msgspec.Meta(ge=-MAX_NUMBER if least is None else least, le=MAX_NUMBER if most is None else most)
        kind = Annotated[float, limits]
    elif most is not None:
        kind = Annotated[int, msgspec.Meta(ge=0, le=most)]
    else:
        return expected(field)
    return kind | None if field.null else kind


def default(field: models.Field) -> Any:
    """UNSET where a row may lack the field; required where the model needs a value and has no default."""
    return msgspec.UNSET if field.null or field.has_default() else msgspec.NODEFAULT


def field_by_attname(model: type[models.Model], attname: str) -> models.Field:
    """The model's field with this attribute name (`session_id`); StopIteration when there is none."""
    return next(field for field in model._meta.concrete_fields if field.attname == attname)


def getter(names: Iterable[str]) -> Callable[[Any], tuple]:
    """An attrgetter that gives a tuple also for a single name."""
    names = tuple(names)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: tuple(getattr(row, name) for name in names)
