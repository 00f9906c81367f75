"""Views of jobs. Users see and cancel their own jobs, the staff those of everybody."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Conflict
from api.jobs.serializers import (
    EntryIdSerializer,
    JobSerializer,
    NewJobSerializer,
    StopSerializer,
    TimeEntrySerializer,
    TimesQuery,
    TrackSerializer,
)
from api.serializers import validate_data
from api.viewsets import EntityViewSet, get_row_or_404
from jobs import queue, times
from jobs.models import MANUAL, Job


class JobPermission(IsAuthenticated):
    """Jobs need a login; queueing one needs the permission to add jobs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        authenticated = super().has_permission(request, view)
        return authenticated and (view.action != "create" or request.user.has_perm("jobs.add_job"))


@extend_schema_view(
    create=extend_schema(
        operation_id="jobs_add",
        summary="Queue a job",
        request=NewJobSerializer,
        responses={202: OpenApiResponse(JobSerializer, "The job is queued; its URL, also in Location, shows its progress.")},
    ),
    destroy=extend_schema(
        summary="Cancel one job",
        description="A queued job ends at once, a running one at its next step. The row stays.",
        responses={200: JobSerializer},
    ),
)
class JobViewSet(EntityViewSet):
    """Jobs that workers run in the background, and work that people log by hand."""

    queryset = Job.objects.all()
    serializer_class = JobSerializer
    permission_classes = [JobPermission]
    search_fields = ("description",)
    http_method_names = ["get", "post", "delete", "head", "options"]
    failures = {"destroy": {409}, "track": {404}, "stop": {404, 409}, "times": {403, 404}}  # besides the usual ones

    def get_queryset(self) -> QuerySet[Job]:
        user: Any = self.request.user
        return super().get_queryset() if user.is_staff else super().get_queryset().filter(owner_id=user.pk)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Workers run syncs, checks, dumps and trainings; this answers at once."""
        body = validate_data(NewJobSerializer, request.data)
        job = queue.add(body["kind"], body["parameters"], description=body.get("description", ""), owner=request.user)
        answer = self.get_serializer().to_representation(job)
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": answer["url"]})

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A job that has ended cannot be cancelled: 409."""
        job = self.get_object()
        if job.state not in Job.UNFINISHED:
            raise Conflict(f"Job '{job.pk}' has ended already: {job.state}.")
        queue.cancel(job)
        return Response(self.get_serializer().to_representation(job))

    @extend_schema(summary="Start to log work by hand", request=TrackSerializer, responses={201: EntryIdSerializer})
    @action(detail=False, methods=["post"], filter_backends=[])
    def track(self, request: Request) -> Response:
        """Users log their own work, the staff that of everybody."""
        body = validate_data(TrackSerializer, request.data)
        entry = times.track(find_user(request.user, body.get("user_id")), body["description"])
        return Response({"id": entry.pk}, status=status.HTTP_201_CREATED)

    @extend_schema(summary="End work that is logged by hand", request=StopSerializer, responses={200: TimeEntrySerializer})
    @action(detail=False, methods=["post"], filter_backends=[])
    def stop(self, request: Request) -> Response:
        """404 for an entry that does not exist, 409 for one that has ended, 403 for that of another user."""
        key = validate_data(StopSerializer, request.data)["id"]
        entry = get_row_or_404(Job.objects.filter(kind=MANUAL), key)
        if entry.owner_id != request.user.pk and not request.user.is_staff:
            raise PermissionDenied("This entry belongs to another user.")
        if not times.stop(entry):
            raise Conflict(f"Entry '{key}' has ended already.")
        entry.refresh_from_db()
        entry.time_spent = (entry.ended_at - entry.started_at).total_seconds()
        return Response(TimeEntrySerializer(entry).data)

    @extend_schema(
        summary="List the jobs of a user on a day", parameters=[TimesQuery], responses={200: TimeEntrySerializer(many=True)}
    )
    @action(detail=False, filter_backends=[], pagination_class=None)
    def times(self, request: Request) -> Response:
        """Jobs and work logged by hand that overlap the day, clipped to it; unfinished ones count until now."""
        parameters = request.query_params.dict()
        parameters.pop("format", None)
        query = validate_data(TimesQuery, parameters)
        now = timezone.now()
        entries = times.jobs_on_day(find_user(request.user, query.get("user_id")), query.get("date", now.date()), now=now)
        return Response(TimeEntrySerializer(entries, many=True).data)


def find_user(requester: Any, user_id: int | None) -> Any:
    """The user of that id, by default the requester; others are for the staff only."""
    if user_id is None or user_id == requester.pk:
        return requester
    if not requester.is_staff:
        raise PermissionDenied("Only the staff may name another user.")
    user = get_user_model()._default_manager.filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"There is no user '{user_id}'.")
    return user
