"""Postman's requests, generated from operations."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from api.postman.bodies import Bodies
from api.postman.operations import Json, Operation, variable_name

# Requests that need a session and perhaps a car; neither is required by name, for both could be named in words.
ABOUT_A_SESSION, ITS_KEYS = {"car-data", "location", "pit-visits", "strategy"}, {"session_id", "driver_number"}
FILES = {"get": "model_card.md", "post": "example.txt"}  # names of files of a training run
REMEMBERED = {"jobs_track_track": ("entry_id", "id")}  # operation: (variable, field of the answer)
SESSION_VARIABLES = {"Race": "race_session_id", "Practice 2": "practice_id", "Qualifying": "qualifying_id"}  # by kind of session


class Requests:
    """Generates the requests of operations. session_kinds: {value of a path key: kinds of sessions that it is about}."""

    def __init__(self, *, keys: dict[str, tuple[str, str]], bodies: Bodies, session_kinds: Mapping[str, Sequence[str]]):
        self.keys, self.bodies, self.session_kinds = keys, bodies, session_kinds

    def items(self, operation: Operation) -> list[Json]:
        """Return the request; one for each value of a path key that is an enum."""
        values = next((each["schema"]["enum"] for each in operation.parameters("path") if "enum" in each["schema"]), [None])
        return [
            {
                "name": operation.description["summary"] + (f": {value}" if value else ""),
                "event": [script("test", lines)] if (lines := self.remember_id(operation)) else [],
                "request": self.request(operation, value),
            }
            for value in values
        ]

    def request(self, operation: Operation, choice: str | None) -> Json:
        """Return the request with its address, headers and body; `choice` replaces a path key that is an enum."""
        path = operation.path
        for segment, name in operation.path_keys:
            path = path.replace(f"{{{name}}}", choice or self.path_value(operation, segment, name))
        request = {
            "method": operation.method.upper(),
            "header": [{"key": "Content-Type", "value": operation.media_type}] if operation.media_type else [],
            "url": url(path + self.query(operation, choice)),
            "description": operation.description.get("description", ""),
        }
        if operation.media_type == "application/json":
            # A variable that stands for a number must not be in quotes; ids that are texts keep theirs.
            raw = re.sub(r'"(\{\{\w+\}\})#"', r"\1", json.dumps(self.bodies.example(operation), indent=2))
            request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
        elif operation.media_type:
            request["body"] = {"mode": "raw", "raw": "An example."}
        return request

    def path_value(self, operation: Operation, segment: str, name: str) -> str:
        """Return what replaces a key in the path: a variable, or the name of a file."""
        if operation.syncs:
            return "{{race_id}}"
        if name != "id" and not name.endswith("_id"):
            return FILES[operation.method]
        added = operation.writes and operation.tag in self.bodies.required  # the run can have added a row
        return f"{{{{{'new_' * added}{variable_name(segment, name)}}}}}"

    def query(self, operation: Operation, choice: str | None) -> str:
        """Return the query string: required parameters, and a page of 5 rows of a list."""
        parameters = {each["name"]: each for each in operation.parameters("query")}
        needed = {name for name, each in parameters.items() if each.get("required")}
        needed |= ITS_KEYS if operation.tag in ABOUT_A_SESSION else set()
        values = {name: example(each) or f"{{{{{name}}}}}" for name, each in parameters.items() if name in needed}
        values |= {"page_size": 5} if "page_size" in parameters else {}
        if choice and choice in self.session_kinds:
            kind = next(kind for kind in self.session_kinds[choice] if kind in SESSION_VARIABLES)
            values["session_id"] = f"{{{{{SESSION_VARIABLES[kind]}}}}}"
        return "?" * bool(values) + "&".join(f"{name}={value}" for name, value in values.items())

    def remember_id(self, operation: Operation) -> list[str]:
        """Return the JavaScript that keeps the id of an added or listed row in a variable."""
        if operation.name in REMEMBERED:
            name, field = REMEMBERED[operation.name]
            return [f"pm.collectionVariables.set('{name}', pm.response.json().{field});"]
        name, field = self.keys.get(operation.tag, ("", ""))
        unless_known = f"if (row && !pm.collectionVariables.get('{name}')) pm.collectionVariables.set('{name}', row.{field});"
        if name and operation.creates:
            return ["const row = pm.response.json();", f"pm.collectionVariables.set('new_{name}', row.{field});", unless_known]
        if name and operation.name.endswith("_list") and not operation.path_keys:
            return ["const row = pm.response.json().results[0];", unless_known]
        return []


def example(parameter: Json) -> Any:
    """The example that the schema gives of a parameter; None without one."""
    others = (each["value"] for each in parameter.get("examples", {}).values())
    return parameter.get("example", next(others, None))


def script(event: str, lines: list[str]) -> Json:
    """Return Postman's form of JavaScript that runs before ("prerequest") or after ("test") a request."""
    return {"listen": event, "script": {"type": "text/javascript", "exec": lines}}


def url(address: str) -> Json:
    """Return Postman's form of a path with its query string."""
    path, _, query = address.partition("?")
    pairs = [{"key": key, "value": value} for key, _, value in (part.partition("=") for part in query.split("&") if part)]
    return {"raw": "{{base_url}}" + address, "host": ["{{base_url}}"], "path": [*path.strip("/").split("/"), ""], "query": pairs}
