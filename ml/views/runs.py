"""Runs of experiments, and their files."""

from typing import Any, cast

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import parsers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Conflict, TooLarge
from api.serializers import validate_data
from api.viewsets import EntityViewSet, get_row_or_404
from ml import recording, splits
from ml.filters import RunFilter
from ml.models import Experiment, Run
from ml.serializers.runs import NewRunSerializer, RunDetailSerializer, RunLogSerializer, RunSerializer
from ml.views.experiments import SmallPages, require_owner

INLINE_TYPES = {"image/png", "application/json"}  # others are downloaded: an uploaded HTML page must not run as one of this site


@extend_schema_view(
    create=extend_schema(request=NewRunSerializer, responses={201: RunDetailSerializer}),
    partial_update=extend_schema(request=RunLogSerializer, responses={200: RunDetailSerializer}),
)
class RunViewSet(EntityViewSet):
    """Trainings of an experiment: by train_model, or recorded here by programs that train elsewhere."""

    queryset = Run.objects.all()
    serializer_class = RunSerializer
    pagination_class = SmallPages
    filterset_class = RunFilter
    permission_classes = [IsAuthenticatedOrReadOnly]
    search_fields = ("model", "owner", "task")
    http_method_names = ["get", "post", "patch", "head", "options"]
    failures = {"create": {404, 409}, "partial_update": {409}, "artifacts": {404, 409}, "add_artifact": {404, 409, 413}}

    def get_serializer_class(self) -> type[RunSerializer]:
        return RunSerializer if self.action == "list" else RunDetailSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Start a run, which is running until a PATCH ends it. 403 unless the experiment is the caller's own."""
        values = validate_data(NewRunSerializer, self.add_parent(request.data))
        if "experiment_id" not in values:
            raise ValidationError({"experiment_id": ["This field is required."]})
        experiment = get_row_or_404(Experiment.objects.all(), values.pop("experiment_id"))
        require_owner(request.user, experiment)
        log: dict[str, Any] = {name: values.pop(name) for name in ("metrics", "status", "error") if name in values}
        commit = values.pop("git_commit")
        leaky = values.pop("leaky") or values["split"] == "random"
        dataset = recording.find_dataset(values["dataset_sha256"])
        elsewhere = dataset is None or not splits.is_known(values["split"])
        with transaction.atomic():
            run = recording.start_run(
                experiment=experiment,
                user=request.user,
                leaky=leaky,
                dataset=dataset,
                elsewhere=elsewhere,
                commit=commit,
                **values,
            )
            record_log(run, log)
        body = self.get_serializer().to_representation(run)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": body["url"]})

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add parameters and metrics, and end the run. 409 once it has ended: a run that has ended never changes."""
        run = self.get_object()
        require_owner(request.user, run)
        log = validate_data(RunLogSerializer, request.data)
        with transaction.atomic():
            record_log(run, log)
        return Response(self.get_serializer().to_representation(run))

    @extend_schema(summary="Fetch a file of a run", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, filter_backends=[], pagination_class=None, url_path="artifacts/(?P<name>[-A-Za-z0-9_./]{1,100})")
    def artifacts(self, request: Request, name: str, **kwargs: Any) -> HttpResponse:
        """409 where the SHA-256 of the file is not the one in the database."""
        artifact = self.get_object().artifacts.filter(name=name).first()
        if artifact is None:
            raise NotFound(f"The run has no file {name!r}.")
        try:
            content = recording.read_artifact(artifact)
        except (ValueError, OSError) as error:
            raise Conflict(f"The file {name!r} cannot be trusted: {error}") from error
        inline = artifact.content_type in INLINE_TYPES
        content_type = artifact.content_type if inline else "application/octet-stream"
        disposition = f'{"inline" if inline else "attachment"}; filename="{name}"'
        headers = {"Content-Disposition": disposition, "X-SHA256": artifact.sha256}
        return HttpResponse(content, content_type=content_type, headers=headers)

    @extend_schema(
        summary="Keep a file of a run",
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: OpenApiResponse(OpenApiTypes.OBJECT, "Its name, size and SHA-256.")},
    )
    @artifacts.mapping.post
    def add_artifact(self, request: Request, name: str, **kwargs: Any) -> Response:
        """Store the body as a file; one of the same name is replaced. 409 once the run has ended."""
        run = self.get_object()
        require_owner(request.user, run)
        content_type = str(request.content_type)[:100]
        try:
            artifact = recording.store_artifact(run=run, name=name, content=cast(bytes, request.data), content_type=content_type)
        except recording.Ended as error:
            raise Conflict(str(error)) from error
        except ValueError as error:
            raise ValidationError({"name": [str(error)]}) from error
        return Response(
            {"name": name, "size": artifact.size, "sha256": artifact.sha256},
            status=status.HTTP_201_CREATED,
            headers={"Location": request.build_absolute_uri()},
        )

    def get_parsers(self) -> list[Any]:
        method = str(self.request.method).lower() if self.request else ""
        return [RawParser()] if self.action_map and self.action_map.get(method) == "add_artifact" else super().get_parsers()


def record_log(run: Run, log: dict[str, Any]) -> None:
    """Record the validated fields of a RunLogSerializer; 409 once the run has ended."""
    try:
        if "params" in log:
            recording.log_params(run=run, params=log["params"])
        for row in log.get("metrics", ()):
            recording.log_metrics(run=run, metrics={row["key"]: row["value"]}, step=row["step"], context=row["context"])
        if "status" in log:
            recording.end_run(run=run, status=log["status"], error=log.get("error", ""))
    except recording.Ended as error:
        raise Conflict(str(error)) from error


class RawParser(parsers.BaseParser):
    """Gives the body as bytes, unparsed; 413 where it is too large."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        from django.conf import settings

        content = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(content) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.")
        return content
