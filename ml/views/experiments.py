"""Experiments, and the comparison of their runs."""

from typing import Any

from django.db import transaction
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from api import history
from api.errors import Conflict
from api.formats import JSONRenderer
from api.pagination import Pages
from api.viewsets import EntityViewSet, get_row_or_404
from ml import comparison, recording
from ml.filters import ExperimentFilter
from ml.models import Experiment, Run
from ml.pages import ComparisonPage
from ml.serializers.experiments import ExperimentDetailSerializer, ExperimentSerializer

DEFAULT_COMPARED_RUNS = 10
MAX_COMPARED_RUNS = 50


class SmallPages(Pages):
    default_size, max_size = 20, 100


class ExperimentViewSet(EntityViewSet):
    """Questions, and the runs that try to answer them."""

    queryset = Experiment.objects.all()
    serializer_class = ExperimentSerializer
    pagination_class = SmallPages
    filterset_class = ExperimentFilter
    permission_classes = [IsAuthenticatedOrReadOnly]
    search_fields = ("name", "owner", "description")
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    failures = {"create": {409}, "partial_update": {409}, "compare": {404}}  # besides the usual ones

    def get_serializer_class(self) -> type[ExperimentSerializer]:
        return ExperimentDetailSerializer if self.action == "retrieve" else ExperimentSerializer

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the given fields. 409 for a change of `status` that is not allowed."""
        with transaction.atomic():
            row = self.get_own_experiment()
            before = row.status
            serializer = self.get_serializer(row, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            after = serializer.validated_data.get("status", before)
            if after != before and after not in Experiment.NEXT[Experiment.Status(before)]:
                raise Conflict(f"An experiment that is {before} cannot become {after}.")
            self.save(serializer)
            history.log_change(request.user, row, serializer.validated_data)
        return Response(serializer.to_representation(row))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete the experiment with all its runs and their files."""
        with transaction.atomic():
            row = self.get_own_experiment()
            history.log_deletion(request.user, row)
            recording.delete_experiment(row)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Compare runs of an experiment",
        parameters=[
            OpenApiParameter("runs", str, description="IDs of runs, separated by commas; by default the newest ten."),
            OpenApiParameter("format", exclude=True),  # the HTML page is for browsers, which need no description
        ],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    @action(detail=True, filter_backends=[], pagination_class=None)
    def compare(self, request: Request, **kwargs: Any) -> Response:
        """The parameters that differ, each metric side by side with its difference to the baseline (the experiment's, or else the
        first of the runs that is neither leaky nor measured elsewhere), and the error of each race in seconds. A browser gets a
        page.
        """
        experiment = self.get_object()
        runs = select_runs(experiment, request.query_params)
        return Response(comparison.compare(experiment, runs))

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), ComparisonPage()] if self.action == "compare" else super().get_renderers()

    def get_own_experiment(self) -> Experiment:
        """The row that the URL names, locked; 403 where the caller may not change it."""
        row = self.get_object(lock=True)
        require_owner(self.request.user, row)
        return row


def require_owner(user: Any, row: Experiment | Run) -> None:
    """403 unless the user has created the row or is staff."""
    if row.created_by_id != user.pk and not user.is_staff:
        raise PermissionDenied(f"This is the {row._meta.verbose_name} of somebody else.")


def select_runs(experiment: Experiment, query: QueryDict) -> list[Run]:
    """The runs that a comparison names, in that order; 404 for one that the experiment does not have."""
    names = [name for text in query.getlist("runs") for name in text.split(",") if name]
    if not names:
        runs = list(experiment.runs.all()[:DEFAULT_COMPARED_RUNS])
        if not runs:
            raise NotFound(f"The experiment '{experiment.pk}' has no runs yet.")
        return runs
    if len(names) > MAX_COMPARED_RUNS:
        raise ValidationError({"runs": [f"{len(names)} runs are too many to compare; at most {MAX_COMPARED_RUNS}."]})
    return [get_row_or_404(experiment.runs.all(), name) for name in dict.fromkeys(names)]
