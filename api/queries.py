"""Several tables brought in by a single query, and queries whose SQL is made once.

Each table's rows come as JSON arrays, all tables in one UNION ALL; msgspec decodes them into structures. Building SQL takes the
ORM longer than running it takes the database, so it is built once per process, with a `parameter` for each value.
"""

import datetime
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgspec
from django.db import connection, models
from django.db.models import F, QuerySet, Value

from api.openf1.rows import DatetimeText
from mirror.fields import JSONText

Moment = datetime.datetime | None
Stored = TypeVar("Stored", bound=models.Model)


class Row(msgspec.Struct, array_like=True, gc=False):
    """A stored row; fields and units are the model's."""

    PATHS: ClassVar[dict[str, str]] = {}  # {field: where the model has it}, where the names differ


@cache
def columns(model: type[models.Model], *names: str) -> type[Row]:
    """A structure of all columns of a model, or of these, for rows that `as_model` makes instances of."""
    kinds = {models.DateTimeField: Moment, models.BooleanField: bool | None, models.FloatField: float | None}
    fields = [model._meta.get_field(name) for name in names] or model._meta.concrete_fields
    own = [(field.attname, kinds.get(type(field), Any)) for field in fields]  # type: ignore[union-attr]
    return msgspec.defstruct(f"{model.__name__}Row", own, bases=(Row,))  # type: ignore[return-value]


def as_model(model: type[Stored], row: Row) -> Stored:
    """A row as an instance; columns that were not read are read where they are asked for."""
    return model.from_db(connection.alias, row.__struct_fields__, msgspec.structs.astuple(row))


Tables = Mapping[str, tuple[type[Row], QuerySet]]  # {name: (structure, rows)}


class Parameter(NamedTuple):
    """Among the parameters of a statement: the place of a value that is given when it runs."""

    name: str


class Statement(NamedTuple):
    """SQL with its parameters, of which some are `Parameter`."""

    sql: str
    params: tuple[Any, ...]

    def run(self, **values: Any) -> list[tuple[Any, ...]]:
        params = [values[each.name] if isinstance(each, Parameter) else each for each in self.params]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            return cursor.fetchall()


def parameter(name: str) -> Any:
    """Stands in a query set for a value that `Statement.run` gets by this name."""
    return Value(Parameter(name))


def statement(queryset: QuerySet) -> Statement:
    sql, params = queryset.query.sql_with_params()
    return Statement(sql, tuple(params))


def fetch(wanted: Tables) -> dict[str, list[Any]]:
    """{name: rows} of several tables, with one query; in no order."""
    return read_tables(wanted, union(wanted))


def read_tables(wanted: Tables, query: Statement, **values: Any) -> dict[str, list[Any]]:
    """The same by a statement that `union` has made of these tables."""
    texts: dict[str, list[str]] = {name: [] for name in wanted}
    for name, text in query.run(**values):
        texts[name].append(text)
    return {
        name: msgspec.json.decode("[" + ",".join(texts[name]) + "]", type=list[structure], strict=False)  # type: ignore[valid-type]
        for name, (structure, _) in wanted.items()
    }


def union(wanted: Tables) -> Statement:
    """All rows of these tables as (name, JSON array of the structure's fields)."""
    parts = [as_arrays(name, structure, queryset) for name, (structure, queryset) in wanted.items()]
    return Statement(" UNION ALL ".join(part.sql for part in parts), tuple(value for part in parts for value in part.params))


def as_arrays(name: str, structure: type[Row], queryset: QuerySet) -> Statement:
    """A table's rows as ('name', JSON array of the structure's fields)."""
    fields = {field.attname: field for field in queryset.model._meta.concrete_fields}
    columns: dict[str, Any] = {}
    for number, column in enumerate(structure.__struct_fields__):
        moment = isinstance(fields.get(column), models.DateTimeField)
        path = structure.PATHS.get(column, column)
        columns[f"c{number}"] = DatetimeText(F(path)) if moment else F(path)
    sql, params = statement(queryset.order_by().values(**columns))
    cells = ", ".join(
        as_json(f"c{number}") if isinstance(fields.get(column), JSONText | models.JSONField) else f"c{number}"
        for number, column in enumerate(structure.__struct_fields__)
    )
    array = f"json_array({cells})" if connection.vendor == "sqlite" else f"json_build_array({cells})::text"
    return Statement(f"SELECT '{name}', {array} FROM ({sql}) AS {name}", params)  # noqa: S608 - names of ours, values are parameters


def as_json(cell: str) -> str:
    """A cell whose text is JSON already."""
    return f"json({cell})" if connection.vendor == "sqlite" else f"{cell}::json"


class Instances:
    """Instances of several query sets, brought in by a single query; in no order."""

    def __init__(self, wanted: Mapping[str, QuerySet]) -> None:
        self.models = {name: queryset.model for name, queryset in wanted.items()}
        self.tables: Tables = {name: (columns(queryset.model), queryset) for name, queryset in wanted.items()}  # type: ignore[arg-type]
        self.query = union(self.tables)

    def read_instances(self, **values: Any) -> dict[str, list[Any]]:
        """{name: instances}; values: of the parameters"""
        found = read_tables(self.tables, self.query, **values)
        return {name: [as_model(self.models[name], row) for row in rows] for name, rows in found.items()}
