"""`/v1` in the OpenAPI description: its collections with their fields, read from the feeds."""

import datetime
from typing import Any

from api.openf1.catalogue import Collection, find_collection
from api.tables.columns import Column
from api.tables.writers import FORMATS
from mirror.feeds import registry

TYPES = {int: "integer", float: "number", bool: "boolean", str: "string", datetime.datetime: "string"}
ABOUT = (
    "The paths, parameters and answers are OpenF1's. Every field can be compared: `lap_duration>=90`, `date<2024-05-26`; several "
    "comparisons are joined by *and*, values of the same field by *or*. `session_key` and `meeting_key` also take `latest`. "
    "Where nothing matches, the answer is 404 with `No results found.`, as upstream's is, unless `empty=list` is asked for."
)
OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "limit": ({"type": "integer", "minimum": 0}, "At most so many rows."),
    "offset": ({"type": "integer", "minimum": 0}, "Leave out so many rows first."),
    "order_by": ({"type": "string"}, "Fields to sort by, separated by commas; `-` before one sorts downwards."),
    "fields": ({"type": "string"}, "Only these fields, separated by commas."),
    "format": ({"type": "string", "enum": [*FORMATS]}, "How the rows are written."),
    "excel": ({"type": "string"}, "With `format=csv`, for spreadsheets: 1 for dates in UTC, or a time zone (`Europe/Berlin`)."),
    "csv": ({"type": "string", "enum": ["true"]}, "The same as `format=csv`, as upstream has it."),
}
FAILURES = {400: "Failure400", 404: "Failure404", 429: "Failure429", 503: "Failure503"}


def add_openf1(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Hook of the description: add one operation for each collection."""
    for name in sorted(registry()):
        collection = find_collection(name)
        if collection is not None:
            result["paths"][f"/v1/{name}"] = {"get": operation(collection)}
    return result


def operation(collection: Collection) -> dict[str, Any]:
    rows = {"type": "array", "items": {"type": "object", "properties": {c.name: schema(c) for c in collection.columns.values()}}}
    kinds = {FORMATS["json"].content_type: {"schema": rows}}
    kinds |= {f.content_type.split(";")[0]: {"schema": {"type": "string"}} for name, f in FORMATS.items() if name != "json"}
    failures = {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in FAILURES.items()}
    return {
        "operationId": f"openf1_{collection.name}",
        "summary": f"OpenF1's {collection.name}",
        "description": f"{first_line(collection.model)}\n\n{ABOUT}",
        "tags": ["v1 (OpenF1)"],
        "security": [{}],
        "parameters": [*map(comparison, collection.columns.values()), *(option(name) for name in OPTIONS)],
        "responses": {"200": {"description": "The rows that match.", "content": kinds}, **failures},
    }


def first_line(model: Any) -> str:
    return (model.__doc__ or "").strip().split("\n")[0]


def schema(column: Column) -> dict[str, Any]:
    """A field of a row; JSON values may be numbers, texts and lists."""
    return {} if column.is_json else {"type": TYPES[column.type], "nullable": True}


def comparison(column: Column) -> dict[str, Any]:
    about = f"Rows with this {column.name}."
    return {"in": "query", "name": column.name, "description": about, "schema": {"type": "string"}}


def option(name: str) -> dict[str, Any]:
    described, about = OPTIONS[name]
    return {"in": "query", "name": name, "description": about, "schema": described}
