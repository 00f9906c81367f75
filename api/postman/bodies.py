"""Example bodies: the description's own example, or one generated from the types of the fields."""

import re
from typing import Any

from api.postman.operations import Json, Operation

# Bodies that the description does not determine.
BODIES: dict[str, Json] = {
    "quality_apply_proposals": {"proposals": []},
    "jobs_stop_stop": {"id": "{{entry_id}}#"},
    "token_create": {"username": "{{username}}", "password": "{{password}}"},
    "drivers_create": {"driver_id": "example-{{unique}}", "full_name": "Example {{unique}}"},  # one of the two is required
}
TYPICAL_NUMBERS = [  # (part of a field's name, value)
    ("lap_duration", 93.4),
    ("sector_", 31.1),
    ("speed", 291),
    ("temperature", 31.5),
    ("year", 2026),
    ("lap_", 12),
    ("driver_number", 44),
]
TYPICAL_TEXTS = {"date-time": "2026-03-08T15:00:00Z", "date": "2026-03-08", "uri": "https://example.org/"}  # by format


class Bodies:
    """Generates example bodies.

    A `{{variable}}` that stands for a number is marked with a `#`, for the caller to remove its quotes.
    keys: {tag: (variable, field)}; references: {tag: variables of the rows that it refers to}; required: {tag: required fields}.
    """

    def __init__(self, *, keys: dict[str, tuple[str, str]], references: dict[str, set[str]], required: dict[str, set[str]]):
        self.keys, self.references, self.required = keys, references, required

    def example(self, operation: Operation) -> Any:
        """Return a body that the site accepts."""
        if operation.name in BODIES:
            return BODIES[operation.name]
        if operation.examples:
            variables = {name for name, _ in self.keys.values()} | {"driver_number"}
            return {name: f"{{{{{name}}}}}#" if name in variables else value for name, value in operation.examples[0].items()}
        required = operation.body.get("required", [])
        if operation.method == "patch":
            optional = [name for name in operation.properties if name not in self.required.get(operation.tag, ())]
            name = next((name for name in optional if not name.endswith("_id")), [*operation.properties][-1])
            return {name: self.value(operation, name)}
        if not required and operation.method == "post":
            name = next((name for name in operation.properties if name == "race_id"), next(iter(operation.properties)))
            return {name: f"{{{{{name}}}}}#"}
        chosen = [name for name in operation.properties if name in required or self.is_generated(operation, name)]
        return {name: self.value(operation, name) for name in chosen}

    def is_generated(self, operation: Operation, name: str) -> bool:
        """Whether an optional field can be filled knowing its type only."""
        if name.endswith("_id"):
            return name in self.references[operation.tag]
        field = operation.resolve(operation.properties[name])
        return "enum" not in field and field.get("type") in ("number", "integer", "boolean") and "default" not in field

    def value(self, operation: Operation, name: str) -> Any:
        """Return the value of a field: a variable for keys and references, else an example."""
        number_mark = "#" * (operation.properties[name].get("type") == "integer")
        if name in self.references[operation.tag]:
            return f"{{{{new_{name}}}}}{number_mark}"
        if name == self.keys.get(operation.tag, ("",))[0]:
            return f"{{{{unique}}}}{number_mark}" if operation.method == "post" else f"{{{{new_{name}}}}}{number_mark}"
        field = operation.resolve(operation.properties[name])
        typical = next((value for part, value in TYPICAL_NUMBERS if part in name), None)
        if typical and field.get("type") in ("integer", "number"):
            return within(typical, field)
        return example_value(operation, field)


def example_value(operation: Operation, field: Json) -> Any:
    """Return a value that the description of a field allows."""
    field = operation.resolve(field)
    field = operation.resolve(next((each for each in field.get("oneOf", []) if each.get("type") != "array"), field))
    given = [field[word] for word in ("example", "default") if word in field] + field.get("enum", [])
    if given:
        return given[0]
    match field.get("type"):
        case "integer" | "number" as kind:
            least = 1 if kind == "integer" else 1.5
            return within(least, field)
        case "boolean":
            return False
        case "array":
            return [example_value(operation, field["items"])]
        case "object":
            return {name: example_value(operation, field["properties"][name]) for name in field.get("required", [])}
    return example_text(field)


def within(number: float, field: Json) -> float:
    """The number, or the nearest to it that the description of a field allows."""
    return min(max(number, field.get("minimum", number)), field.get("maximum", number))


def example_text(field: Json) -> str:
    """Return a text of the field's format, pattern and length."""
    if field.get("format") in TYPICAL_TEXTS:
        return TYPICAL_TEXTS[field["format"]]
    if field.get("pattern", "").startswith("^https"):
        return "https://example.org/{{unique}}"
    if length := re.search(r"\{(\d+)\}\$", field.get("pattern", "")):
        return "0" * int(length[1])
    max_length = field.get("maxLength", 100)
    return "example-{{unique}}"[:max_length] if max_length > 18 else "EXAMPLE"[:max_length]
