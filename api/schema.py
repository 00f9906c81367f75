"""The OpenAPI description, derived from the viewsets and their models, with every status code."""

import re
from typing import Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.permissions import SAFE_METHODS

from api.formats import FILES, ParquetRenderer
from api.parameters import FORMAT_PARAMETERS
from api.sync import SyncCounts, SyncScope
from api.viewsets import EntityViewSet

PREFIX = "/api/v1/"

LIST_PARAMETERS = {"include", "search", "ordering", "page", "page_size", "per_page", *FORMAT_PARAMETERS}

SUMMARIES = {
    "list": "List {many}",
    "retrieve": "Show one {one}",
    "create": "Add one {one}",
    "update": "Change one {one}",
    "partial_update": "Change one {one}",
    "destroy": "Delete one {one}",
    "sync_race": "Sync the {many} of a race weekend from OpenF1",
    "sync_all": "Sync {many} from OpenF1",
}

DESCRIPTIONS = {
    "list": "Filters are combined with *and*, several values of one filter with *or*. `lap_duration>=90` is the same as "
    "`lap_duration__gte=90`, for each field and operator. With `format=csv`, `ndjson` or `parquet` the answer is a file of all "
    "matching rows, or of one page if a page is requested. `fields=lap_number,lap_duration` answers only these fields.",
    "update": "Only the fields in the body change, as with PATCH.",
    "partial_update": "Only the fields in the body change.",
    "destroy": "Rows that belong to it are deleted with it.",
    "sync_race": "Manual changes are kept, and so are rows that OpenF1 no longer sends.",
    "sync_all": "Without a season or race every season since 2023 is synced, which takes minutes at OpenF1's pace.",
}

ERROR_SCHEMA = {
    "type": "object",
    "description": "The error.",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}
INVALID_SCHEMA = {
    "type": "object",
    "description": "The errors by field or parameter; errors of the whole request are under `detail`.",
    "additionalProperties": {"$ref": "#/components/schemas/Fault"},
    "minProperties": 1,
}
# Four schemas, each in terms of the next: generators of clients do not understand one in terms of itself.
FAULTS = ("Fault", "InnerFault", "DeepFault", "DeepestFault")

ERROR_DESCRIPTIONS = {
    400: "A parameter or a field of the body is malformed, unknown or out of range, or names a parent that does not exist.",
    401: "No login or token where one is needed, or a token that is not valid.",
    403: "The login or token lacks the permission.",
    404: "There is no such row, parent, race or page.",
    409: "Another row has the same key, or has ended already.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests, long answers at once, or wrong passwords; `Retry-After` has the seconds to wait.",
    502: "OpenF1 gave no usable answer.",
    503: "The database, or OpenF1, cannot be reached; or a session is on track and OpenF1 is closed to anonymous users.",
}


def fault_schema(within: str | None) -> dict[str, Any]:
    """What is wrong with a value; `within` names the schema of what is wrong with its parts, None where anything may follow."""
    parts = {"$ref": f"#/components/schemas/{within}"} if within else {}
    return {
        "description": "What is wrong: a reason or several; of a list or an object, what is wrong with its items or fields.",
        "oneOf": [{"type": "string"}, {"type": "array", "items": parts}, {"type": "object", "additionalProperties": parts}],
    }


def only_v1(endpoints: list[tuple]) -> list[tuple]:
    """The endpoints under /api/v1/; the same routes without the prefix are left out."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]


def share_parameters(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Move repeated parameters to the shared components, which cuts the description to a third of its length."""
    shared: dict[str, dict[str, Any]] = {}
    names: dict[bytes, str] = {}
    for item in result["paths"].values():
        for operation in item.values():
            for index, parameter in enumerate(operation.get("parameters", [])):
                content = msgspec.json.encode(parameter)
                if content not in names:
                    names[content] = f"{parameter['name']}_{len(names)}"
                    shared[names[content]] = parameter
                operation["parameters"][index] = {"$ref": f"#/components/parameters/{names[content]}"}
    result["components"]["parameters"] = shared
    return result


def parameter_order(parameter: dict[str, Any]) -> tuple[bool, int]:
    """Sort key of parameters: those of the path, those of every list, the fields, then `comparisons`."""
    name = parameter["name"]
    return parameter["in"] != "path", 0 if name in LIST_PARAMETERS else 2 if name == "comparisons" else 1


class Schema(AutoSchema):
    """Describes an `EntityViewSet` from its action and model; other views use `@extend_schema`."""

    @property
    def entity(self) -> EntityViewSet | None:
        return self.view if isinstance(self.view, EntityViewSet) else None

    @property
    def action(self) -> str:
        return getattr(self.view, "action", None) or ""

    def get_summary(self) -> str | None:
        template = SUMMARIES.get(self.action)
        if not self.entity or not template:
            return super().get_summary()
        meta = self.entity.model._meta
        summary = template.format(one=meta.verbose_name, many=meta.verbose_name_plural)
        return f"{summary} of one {self.entity.parent}" if self.entity.parent else summary

    def get_description(self) -> Any:  # type: ignore[override]  # as spectacular's own method does
        if not self.entity or self.action not in SUMMARIES:
            return super().get_description()
        model_description = " ".join((self.entity.model.__doc__ or "").split())
        return "\n\n".join(filter(None, [model_description, DESCRIPTIONS.get(self.action)]))

    def get_operation_id(self) -> str:
        if not self.entity:
            return super().get_operation_id()
        return "_".join([*self._tokenize_path(), self.action]).replace("-", "_")

    def get_tags(self) -> list[str]:
        """The entity's own tag, also for a list below a parent."""
        return self._tokenize_path()[-1:] if self.entity and self.entity.parent else super().get_tags()

    def get_auth(self) -> list[dict[str, Any]]:
        auth = super().get_auth()
        return [*auth, {}] if self.method in SAFE_METHODS and {} not in auth else auth

    def get_request_serializer(self) -> Any:
        match self.action:
            case "sync_race":
                return None
            case "sync_all":
                return SyncScope
            case "update" | "partial_update":
                return self.entity.get_serializer(partial=True) if self.entity else None
        return super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        match self.action:
            case "sync_race" | "sync_all":
                from api.jobs.serializers import JobSerializer  # which reads the kinds of jobs that apps have registered

                return {200: SyncCounts, 202: OpenApiResponse(JobSerializer, "It would wait for OpenF1: a worker does it.")}
            case "destroy":
                return {200: OpenApiResponse(self.component("Error", ERROR_SCHEMA), "It is deleted.")}
        return super().get_response_serializers()

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        for body in bodies.values():
            for media_type, content in body.get("content", {}).items():
                if media_type == ParquetRenderer.media_type:
                    content["schema"] = {"type": "string", "format": "binary"}
                elif media_type in {renderer.media_type for renderer in FILES}:
                    content["schema"] = {"type": "string"}
        if "201" in bodies:
            location = {"description": "URL of the new row.", "schema": {"type": "string", "format": "uri"}}
            bodies["201"]["headers"] = {"Location": location}
        return dict(sorted({**{str(status): self.error_response(status) for status in self.error_statuses()}, **bodies}.items()))

    def error_response(self, status: int) -> dict[str, str]:
        """A reference to the description of an error response."""
        for name, within in zip(FAULTS, (*FAULTS[1:], None), strict=True):
            self.component(name, fault_schema(within))
        body = self.component("Invalid", INVALID_SCHEMA) if status == 400 else self.component("Error", ERROR_SCHEMA)
        answer = {"description": ERROR_DESCRIPTIONS[status], "content": {"application/json": {"schema": body}}}
        return self.component(f"Failure{status}", answer, kind="responses")

    def error_statuses(self) -> list[int]:
        """The status codes of the errors that a request can cause."""
        statuses = {400, 401, 429, 503}
        writes = self.method not in SAFE_METHODS
        if writes:
            statuses |= {403}
        if self.method in ("POST", "PUT", "PATCH") and self.action != "sync_race":
            statuses |= {413, 415}
        if self.action in ("create", "update", "partial_update"):
            statuses |= {409}
        if self.action.startswith("sync"):
            statuses |= {404, 502}
        if self.action == "list" or "{" in self.path:
            statuses |= {404}
        return sorted(statuses | getattr(self.view, "failures", {}).get(self.action, set()))

    def component(self, name: str, content: dict[str, Any], kind: str = ResolvedComponent.SCHEMA) -> dict[str, str]:
        """A reference to a component, which is registered at its first use."""
        component = ResolvedComponent(name=name, type=kind, schema=content, object=name)
        self.registry.register_on_missing(component)
        return component.ref

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        return [self.path_parameter(name) for name in variables]

    def path_parameter(self, name: str) -> dict[str, Any]:
        """A key in the path: an integer where its pattern takes digits only."""
        match = re.search(rf"\(\?P<{name}>([^)]+)\)", self.path_regex)
        integer = bool(match and "a-z" not in match[1])
        schema: dict[str, Any] = {"type": "integer"} if integer else {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
        description = f"The {name.removesuffix('_id')}'s key."
        if self.action == "sync_race" and name != "race_id":
            description = "The race_id of a race weekend (not the key of a row, in spite of its name here)."
        return {"name": name, "in": OpenApiParameter.PATH, "required": True, "description": description, "schema": schema}
