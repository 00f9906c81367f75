"""Operations (a route and a method) of an OpenAPI description."""

import re
from typing import Any

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
VARIABLES = {("sync-runs", "run_id"): "sync_run_id"}  # where two entities have keys of the same name
AFTER_OTHERS = {"jobs_stop_stop"}  # stops what another request starts


class Operation:
    """A route and a method with their description."""

    def __init__(self, *, schema: Json, path: str, method: str):
        self.schema, self.path, self.method = schema, path, method
        self.description: Json = schema["paths"][path][method]
        self.name, self.tag = self.description["operationId"], self.description["tags"][0]
        self.path_keys = re.findall(r"([\w-]+)/\{(\w+)\}", path)  # [(segment, name of the key behind it)]
        self.is_row = bool(re.fullmatch(rf"/api/v1/{self.tag}/\{{\w+\}}/", path)) and method == "get"
        self.key = (variable_name(*self.path_keys[0]), self.path_keys[0][1]) if self.path_keys else ("", "")
        self.syncs = self.name.endswith("sync_race")
        adds = method == "post" and bool({"201", "202"} & self.description["responses"].keys())
        self.creates = adds and path == f"/api/v1/{self.tag}/"
        self.creates_below = adds and not self.creates and self.name.endswith("_create")
        self.writes = self.creates or (bool(self.path_keys) and method != "get" and not self.syncs)
        content = self.description.get("requestBody", {}).get("content", {})
        self.media_type = next(iter(content), "")
        self.body = self.resolve(content[self.media_type].get("schema", {})) if content else {}
        self.examples = [each["value"] for each in content[self.media_type].get("examples", {}).values()] if content else []
        self.properties: Json = self.body.get("properties", {})

    def resolve(self, part: Json) -> Json:
        """Return a part of the description with its `allOf` and `$ref` followed."""
        if "allOf" in part:
            part = part | part["allOf"][0]
        if "$ref" not in part:
            return part
        target: Any = self.schema
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return target

    def parameters(self, place: str) -> list[Json]:
        """Return the parameters in "path" or "query"."""
        return [each for each in map(self.resolve, self.description.get("parameters", [])) if each["in"] == place]

    def sort_key(self) -> tuple[int, str]:
        """Order the operations of an entity: list, add, show, change, sync, delete, and last what adds below a deleted parent."""
        if self.method == "post":
            syncs = self.syncs or self.name.endswith("sync_all")
            position = 1 if self.creates else 9 if self.creates_below else 7 if syncs else 2 + (self.name in AFTER_OTHERS)
        else:
            position = {"get": 4 if self.path_keys else 0, "put": 5, "patch": 6, "delete": 8}[self.method]
        return position, self.path


def read_operations(schema: Json) -> list[Operation]:
    """Return all operations of an OpenAPI description; /v1, which anybody's client of OpenF1 knows, is left out."""
    paths = [(path, item) for path, item in schema["paths"].items() if path.startswith("/api/")]
    return [Operation(schema=schema, path=path, method=method) for path, item in paths for method in METHODS if method in item]


def variable_name(segment: str, name: str) -> str:
    """Return the Postman variable for the key `name` behind a path segment: lap_id for laps/{id}."""
    return VARIABLES.get((segment, name)) or (f"{segment.rstrip('s')}_id" if name == "id" else name)
