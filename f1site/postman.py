"""The REST API as a Postman collection, made from its OpenAPI description: every route, in an order in which it can be run.

First come a few questions whose answers are the ids that later requests need (`session_id` …). Then each entity: it is listed,
one is added, shown, changed, synced and deleted. What others hang below (races, sessions, experiments) is deleted last of all.
Ids of rows that the run has added begin with `new_`; nothing else is changed or deleted.
"""

import json
import re
from typing import Any

from ml.analysis import QUESTIONS

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")

# A new route needs nothing here as long as its description says what is asked for: by an example, or by names that other
# routes use for the same thing. These are the exceptions.
VARIABLES = {("sync-runs", "run_id"): "sync_run_id"}  # where two entities call their keys alike
FILES = {"get": "model_card.md", "post": "example.txt"}  # names of files below a training
REMEMBERED = {"jobs_track_track": ("entry_id", "id")}  # a variable, and where the answer has it
BODIES: dict[str, Json] = {
    "jobs_stop_stop": {"id": "{{entry_id}}#"},
    "drivers_create": {"driver_id": "example-{{unique}}", "full_name": "Example {{unique}}"},  # either would do
}
AFTER_OTHERS = {"jobs_stop_stop"}  # ends what another request begins
KINDS = {
    "Race": "race_session_id",
    "Practice 2": "practice_id",
    "Qualifying": "qualifying_id",
}  # of sessions, and their variables
FIGURES = [  # what looks like itself: (name, value)
    ("lap_duration", 93.4),
    ("sector_", 31.1),
    ("speed", 291),
    ("temperature", 31.5),
    ("year", 2026),
    ("lap_", 12),
    ("driver_number", 44),
]

# What is asked first: (name, path, {variable: where the first row has it}).
BEGINNING: list[tuple[str, str, dict[str, str]]] = [
    *(
        (
            f"The newest session: {kind}",
            f"/api/v1/sessions/?session_name={kind}&ordering=-date_start&page_size=1",
            {name: "session_id", "session_id": "session_id"},
        )
        for kind, name in reversed(KINDS.items())
    ),
    ("One with samples", "/api/v1/sample-files/?page_size=1", {"session_id": "session_id", "driver_number": "driver_number"}),
    ("A lap of it", "/api/v1/laps/?session_id={{session_id}}&driver_number={{driver_number}}&lap_number=5", {"lap_id": "lap_id"}),
    ("Its race weekend", "/api/v1/sessions/?session_id={{session_id}}", {"race_id": "race_id"}),
]
BEFORE_EACH = [
    "const last = Number(pm.collectionVariables.get('unique')) || Math.floor(Date.now() / 1000);",
    "pm.collectionVariables.set('unique', last + 1);",
]
AFTER_EACH = ["pm.test('answers 2xx', () => pm.expect(pm.response.code).to.be.within(200, 299));"]


def environment() -> Json:
    """Where the site is, and who asks."""
    values = [
        {"key": "base_url", "value": "http://127.0.0.1:8000", "type": "default"},
        {"key": "token", "value": "", "type": "secret"},
    ]
    return {"name": "F1 Stats on this machine", "values": values, "_postman_variable_scope": "environment"}


def collection(schema: Json) -> Json:
    """The collection of an OpenAPI description."""
    paths = schema["paths"].items()
    operations = [Operation(schema, path, method, item[method]) for path, item in paths for method in METHODS if method in item]
    keys = {each.tag: each.key for each in operations if each.is_row}
    owners = {variable: tag for tag, (variable, _) in keys.items()}  # of the keys that bodies can name
    needs: dict[str, set[str]] = {each.tag: set() for each in operations}
    for each in operations:
        if each.creates:
            needs[each.tag] |= {owners[name] for name in each.properties if name in owners} - {each.tag}
        needs[each.tag] |= {segment for segment, _ in each.inner} & keys.keys() - {each.tag}
    parents = set().union(*needs.values())
    required = {each.tag: {*each.body.get("required", [])} for each in operations if each.creates}
    requests = Requests(keys=keys, needs=needs, required=required)

    def items(chosen: list[Operation]) -> list[Json]:
        return [item for each in chosen for item in requests.of(each)]

    last = [each for each in operations if each.method == "delete" and each.tag in parents]
    order = ordered(needs, parents)
    folders = [
        {
            "name": tag,
            "item": items(sorted((each for each in operations if each.tag == tag and each not in last), key=Operation.turn)),
        }
        for tag in order
    ]
    cleared = items(sorted(last, key=lambda each: -order.index(each.tag)))
    auth = {"key": "Authorization", "value": "Token {{token}}", "in": "header"}
    return {
        "info": {
            "name": schema["info"]["title"],
            "description": f"{schema['info']['description']}\n\n{(__doc__ or '').strip()}",
            "version": schema["info"]["version"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "apikey", "apikey": [{"key": key, "value": value} for key, value in auth.items()]},
        "event": [script("prerequest", BEFORE_EACH), script("test", AFTER_EACH)],
        "item": [
            {"name": "Ids for what follows", "event": [], "item": beginning()},
            *folders,
            {"name": "What was added is deleted", "item": cleared},
        ],
    }


def ordered(needs: dict[str, set[str]], parents: set[str]) -> list[str]:
    """Every entity after those that its rows belong to; these first."""
    found: list[str] = []
    while left := [tag for tag in sorted(needs) if tag not in found]:
        ready = [tag for tag in left if needs[tag] <= set(found)] or left  # what needs each other comes as it may
        found += [tag for tag in ready if tag in parents] or ready
    return found


def beginning() -> list[Json]:
    first = script("prerequest", ["pm.collectionVariables.clear();", *BEFORE_EACH])
    return [
        {
            "name": name,
            "event": [
                *([first] if number == 0 else []),
                script("test", ["const row = pm.response.json().results[0];", *kept(variables)]),
            ],
            "request": {"method": "GET", "header": [], "url": url(path)},
        }
        for number, (name, path, variables) in enumerate(BEGINNING)
    ]


def kept(variables: dict[str, str]) -> list[str]:
    return [f"if (row) pm.collectionVariables.set('{variable}', row.{field});" for variable, field in variables.items()]


def script(when: str, lines: list[str]) -> Json:
    return {"listen": when, "script": {"type": "text/javascript", "exec": lines}}


def url(path: str) -> Json:
    place, _, query = path.partition("?")
    asked = [{"key": key, "value": value} for key, _, value in (part.partition("=") for part in query.split("&") if part)]
    return {"raw": "{{base_url}}" + path, "host": ["{{base_url}}"], "path": place.strip("/").split("/") + [""], "query": asked}


class Operation:
    """A route and a method, and what its description tells."""

    def __init__(self, schema: Json, path: str, method: str, told: Json):
        self.schema, self.path, self.method, self.told = schema, path, method, told
        self.name, self.tag = told["operationId"], told["tags"][0]
        self.inner = re.findall(r"([\w-]+)/\{(\w+)\}", path)  # [(segment, name of the key behind it)]
        self.is_row = bool(re.fullmatch(rf"/api/v1/{self.tag}/\{{\w+\}}/", path)) and method == "get"
        self.key = (variable(*self.inner[0]), self.inner[0][1]) if self.inner else ("", "")
        self.syncs = self.name.endswith("sync_race")
        adds = method == "post" and bool({"201", "202"} & told["responses"].keys())
        self.creates = adds and path == f"/api/v1/{self.tag}/"
        self.creates_below = adds and not self.creates and self.name.endswith("_create")
        self.writes = self.creates or (bool(self.inner) and method != "get" and not self.syncs)
        content = told.get("requestBody", {}).get("content", {})
        self.media = next(iter(content), "")
        self.body = self.resolved(content[self.media].get("schema", {})) if content else {}
        self.examples = [each["value"] for each in content[self.media].get("examples", {}).values()] if content else []
        self.properties: Json = self.body.get("properties", {})

    def resolved(self, part: Json) -> Json:
        """A part of the description, where it may stand elsewhere."""
        if "allOf" in part:
            part = part | part["allOf"][0]
        found: Any = part
        if "$ref" in part:
            found = self.schema
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
        return found

    def parameters(self, place: str) -> list[Json]:
        return [each for each in map(self.resolved, self.told.get("parameters", [])) if each["in"] == place]

    def turn(self) -> tuple[int, str]:
        """Lists, then what is added, shown, changed, synced and deleted; and what is added below a parent once that has gone."""
        if self.method == "post":
            syncs = self.syncs or self.name.endswith("sync_all")
            turn = 1 if self.creates else 9 if self.creates_below else 7 if syncs else 2 + (self.name in AFTER_OTHERS)
        else:
            turn = {"get": 4 if self.inner else 0, "put": 5, "patch": 6, "delete": 8}[self.method]
        return turn, self.path


def variable(segment: str, name: str) -> str:
    return VARIABLES.get((segment, name)) or (f"{segment.rstrip('s')}_id" if name == "id" else name)


class Requests:
    """Makes Postman's requests of operations."""

    def __init__(self, *, keys: dict[str, tuple[str, str]], needs: dict[str, set[str]], required: dict[str, set[str]]):
        self.keys, self.required = keys, required
        self.references = {tag: {keys[parent][0] for parent in parents} for tag, parents in needs.items()}

    def of(self, operation: Operation) -> list[Json]:
        """The request; one for each value of a key that takes few."""
        values = next((each["schema"]["enum"] for each in operation.parameters("path") if "enum" in each["schema"]), [None])
        return [
            {
                "name": operation.told["summary"] + (f": {value}" if value else ""),
                "event": [script("test", lines)] if (lines := self.remembering(operation)) else [],
                "request": self.request(operation, value),
            }
            for value in values
        ]

    def request(self, operation: Operation, choice: str | None) -> Json:
        path = operation.path
        for segment, name in operation.inner:
            path = path.replace(f"{{{name}}}", choice or self.inserted(operation, segment, name))
        request = {
            "method": operation.method.upper(),
            "header": [{"key": "Content-Type", "value": operation.media}] if operation.media else [],
            "url": url(path + self.query(operation, choice)),
            "description": operation.told.get("description", ""),
        }
        if operation.media == "application/json":
            # A variable that stands for a number has no quotes; ids that are texts keep theirs.
            raw = re.sub(r'"(\{\{\w+\}\})#"', r"\1", json.dumps(self.example(operation), indent=2))
            request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
        elif operation.media:
            request["body"] = {"mode": "raw", "raw": "An example."}
        return request

    def inserted(self, operation: Operation, segment: str, name: str) -> str:
        """What stands for a key in the path."""
        if operation.syncs:
            return "{{race_id}}"
        if name != "id" and not name.endswith("_id"):
            return FILES[operation.method]
        return f"{{{{{'new_' * operation.writes}{variable(segment, name)}}}}}"

    def query(self, operation: Operation, choice: str | None) -> str:
        """Parameters that must be given; and of a list only a few rows."""
        names = {each["name"]: each for each in operation.parameters("query")}
        asked = {name: each.get("example", f"{{{{{name}}}}}") for name, each in names.items() if each.get("required")}
        asked |= {"page_size": 5} if "page_size" in names else {}
        if choice in QUESTIONS:
            asked["session_id"] = f"{{{{{next(KINDS[kind] for kind in QUESTIONS[choice].kinds if kind in KINDS)}}}}}"
        return "?" * bool(asked) + "&".join(f"{name}={value}" for name, value in asked.items())

    def remembering(self, operation: Operation) -> list[str]:
        """JavaScript that keeps the id of a row."""
        if operation.name in REMEMBERED:
            name, field = REMEMBERED[operation.name]
            return [f"pm.collectionVariables.set('{name}', pm.response.json().{field});"]
        name, field = self.keys.get(operation.tag, ("", ""))
        unless_known = f"if (row && !pm.collectionVariables.get('{name}')) pm.collectionVariables.set('{name}', row.{field});"
        if name and operation.creates:
            return ["const row = pm.response.json();", f"pm.collectionVariables.set('new_{name}', row.{field});", unless_known]
        if name and operation.name.endswith("_list") and not operation.inner:
            return ["const row = pm.response.json().results[0];", unless_known]
        return []

    def example(self, operation: Operation) -> Any:
        """A body: the description's own example, or one made of what it says of each field."""
        if operation.name in BODIES:
            return BODIES[operation.name]
        if operation.examples:
            known = {name for name, _ in self.keys.values()} | {"driver_number"}
            return {name: f"{{{{{name}}}}}#" if name in known else value for name, value in operation.examples[0].items()}
        required = operation.body.get("required", [])
        if operation.method == "patch":
            optional = [name for name in operation.properties if name not in self.required.get(operation.tag, ())]
            name = next((name for name in optional if not name.endswith("_id")), [*operation.properties][-1])
            return {name: self.value(operation, name)}
        if not required and operation.method == "post":
            name = next((name for name in operation.properties if name == "race_id"), next(iter(operation.properties)))
            return {name: f"{{{{{name}}}}}#"}
        chosen = [name for name in operation.properties if name in required or self.plain(operation, name)]
        return {name: self.value(operation, name) for name in chosen}

    def plain(self, operation: Operation, name: str) -> bool:
        """Whether an optional field can be made up without knowing more about it."""
        if name.endswith("_id"):
            return name in self.references[operation.tag]
        told = operation.resolved(operation.properties[name])
        return "enum" not in told and told.get("type") in ("number", "integer", "boolean") and "default" not in told

    def value(self, operation: Operation, name: str) -> Any:
        if name in self.references[operation.tag]:
            return f"{{{{new_{name}}}}}" + "#" * (operation.properties[name].get("type") == "integer")
        if name == self.keys.get(operation.tag, ("",))[0]:
            number = "#" * (operation.properties[name].get("type") == "integer")
            return f"{{{{unique}}}}{number}" if operation.method == "post" else f"{{{{new_{name}}}}}{number}"
        told = operation.resolved(operation.properties[name])
        figure = next((value for part, value in FIGURES if part in name), None)
        return figure if figure and told.get("type") in ("integer", "number") else made_up(operation, told)


def made_up(operation: Operation, told: Json) -> Any:
    """A value that a description allows."""
    told = operation.resolved(told)
    told = operation.resolved(next((each for each in told.get("oneOf", []) if each.get("type") != "array"), told))
    for word in ("example", "default"):
        if word in told:
            return told[word]
    if "enum" in told:
        return told["enum"][0]
    match told.get("type"):
        case "integer":
            return max(told.get("minimum", 1), 1)
        case "number":
            return max(told.get("minimum", 1.5), 1.5)
        case "boolean":
            return False
        case "array":
            return [made_up(operation, told["items"])]
        case "object":
            return {name: made_up(operation, told["properties"][name]) for name in told.get("required", [])}
    return text(told)


def text(told: Json) -> str:
    texts = {"date-time": "2026-03-08T15:00:00Z", "date": "2026-03-08", "uri": "https://example.org/"}
    if told.get("format") in texts:
        return texts[told["format"]]
    if length := re.search(r"\{(\d+)\}\$", told.get("pattern", "")):
        return "0" * int(length[1])
    return (
        "example-{{unique}}"[: told.get("maxLength", 100)] if told.get("maxLength", 100) > 18 else "EXAMPLE"[: told["maxLength"]]
    )
