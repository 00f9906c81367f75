"""Jobs over HTTP. A person sees and cancels their own; the staff those of all."""

from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from api.errors import Conflict
from api.jobs.filters import JobFilter
from api.jobs.serializers import (
    EntryIdSerializer,
    JobSerializer,
    NewJobSerializer,
    StopSerializer,
    TimeEntrySerializer,
    TimesQuery,
    TrackSerializer,
)
from api.serializers import read
from api.viewsets import EntityViewSet, find
from jobs import queue, times
from jobs.models import MANUAL, Job


class JobPermission(IsAuthenticated):
    """Everybody with a login has jobs of their own; to give workers something to do takes the permission to add jobs."""

    def has_permission(self, request, view):
        known = super().has_permission(request, view)
        return known and (view.action != "create" or request.user.has_perm("jobs.add_job"))


@extend_schema_view(
    create=extend_schema(
        operation_id="jobs_add",
        summary="Give the workers something to do",
        request=NewJobSerializer,
        responses={202: OpenApiResponse(JobSerializer, "It is queued; its URL, also in Location, tells how it goes.")},
    ),
    destroy=extend_schema(
        summary="Cancel one job",
        description="One that waits ends at once, one that runs at its next step. The row stays.",
        responses={200: JobSerializer},
    ),
)
class JobViewSet(EntityViewSet):
    """Pieces of work: what workers do in the background, and what people log by hand."""

    queryset = Job.objects.all()
    serializer_class = JobSerializer
    filterset_class = JobFilter
    permission_classes = [JobPermission]
    search_fields = ("description",)
    http_method_names = ["get", "post", "delete", "head", "options"]
    failures = {"destroy": {409}, "track": {404}, "stop": {404, 409}, "times": {403, 404}}  # besides the usual ones

    def get_queryset(self):
        user: Any = self.request.user
        return super().get_queryset() if user.is_staff else super().get_queryset().filter(owner_id=user.pk)

    def create(self, request, *args, **kwargs):
        """Syncs, checks and exports are done by workers, one after another; this answers at once."""
        asked = read(NewJobSerializer, request.data)
        job = queue.add(asked["kind"], asked["parameters"], description=asked.get("description", ""), owner=request.user)
        body = self.get_serializer().to_representation(job)
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": body["url"]})

    def destroy(self, request, *args, **kwargs):
        """A job that has ended cannot be cancelled: 409."""
        job = self.get_object()
        if job.state not in Job.UNFINISHED:
            raise Conflict(f"Job '{job.pk}' has ended already: {job.state}.")
        queue.cancel(job)
        return Response(self.get_serializer().to_representation(job))

    @extend_schema(summary="Begin to log work by hand", request=TrackSerializer, responses={201: EntryIdSerializer})
    @action(detail=False, methods=["post"], filter_backends=[])
    def track(self, request):
        """A person logs their own work; the staff anybody's."""
        asked = read(TrackSerializer, request.data)
        entry = times.track(person(request.user, asked.get("user_id")), asked["description"])
        return Response({"id": entry.pk}, status=status.HTTP_201_CREATED)

    @extend_schema(summary="End work that is logged by hand", request=StopSerializer, responses={200: TimeEntrySerializer})
    @action(detail=False, methods=["post"], filter_backends=[])
    def stop(self, request):
        """404 for an entry that does not exist, 409 for one that has ended, 403 for somebody else's."""
        key = read(StopSerializer, request.data)["id"]
        entry = find(Job.objects.filter(kind=MANUAL), key)
        if entry.owner_id != request.user.pk and not request.user.is_staff:
            raise PermissionDenied("This is the entry of somebody else.")
        if not times.stop(entry):
            raise Conflict(f"Entry '{key}' has ended already.")
        entry.refresh_from_db()
        entry.time_spent = (entry.ended_at - entry.started_at).total_seconds()
        return Response(TimeEntrySerializer(entry).data)

    @extend_schema(
        summary="Show what a person spent a day on", parameters=[TimesQuery], responses={200: TimeEntrySerializer(many=True)}
    )
    @action(detail=False, filter_backends=[], pagination_class=None)
    def times(self, request):
        """Jobs and work logged by hand that overlap the day, clipped to it; what still runs counts until now."""
        query = request.query_params.dict()
        query.pop("format", None)
        asked = read(TimesQuery, query)
        now = timezone.now()
        entries = times.jobs_on_day(person(request.user, asked.get("user_id")), asked.get("date", now.date()), now=now)
        return Response(TimeEntrySerializer(entries, many=True).data)


def person(asking: Any, user_id: int | None) -> Any:
    """Whose time it is about: one's own, or for the staff anybody's."""
    if user_id is None or user_id == asking.pk:
        return asking
    if not asking.is_staff:
        raise PermissionDenied("This takes a member of the staff.")
    user = get_user_model()._default_manager.filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"There is no user '{user_id}'.")
    return user
