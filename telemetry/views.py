from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from api import history
from api.errors import Conflict
from api.serializers import validate_data
from api.sync import SyncedViewSet
from api.viewsets import EntityViewSet, ReadOnlyViewSet
from drivers.views import CarRows
from mirror import versions
from mirror.versions import Version
from races.views import SessionRows
from telemetry import lap_columns
from telemetry.models import (
    FastF1Comparison,
    Interval,
    Lap,
    Overtake,
    Pit,
    Position,
    SampleFile,
    SessionQuality,
    Stint,
    TeamRadio,
    Telemetry,
)
from telemetry.quality.applying import DoesNotFit, UnknownProposal, apply_proposals
from telemetry.samples.serializers import TraceSerializer
from telemetry.samples.trace import lap_trace
from telemetry.serializers import ApplyProposalsSerializer, FastF1ComparisonSerializer, SessionQualitySerializer


class LapViewSet(CarRows, SyncedViewSet):
    queryset = Lap.objects.all()
    included = lap_columns.INCLUDED

    def version(self) -> Version | None:
        """Whether a lap is clean is also found by checks, which change no mirrored row."""
        version = super().version()
        if version is None or "include" not in self.request.query_params:
            return version
        return version.with_also(versions.of_table(SessionQuality, "checked_at"))

    search_fields = ("driver__full_name",)

    @extend_schema(summary="Show the samples of one lap", responses=TraceSerializer)
    @action(detail=True, url_path="telemetry", filterset_class=None)
    def telemetry(self, request: Request, lap_id: str) -> Response:
        """The car's samples of a lap in order, with the distance along the lap and the nearest position."""
        return Response(lap_trace(self.get_object()))


class StintViewSet(CarRows, SyncedViewSet):
    queryset = Stint.objects.all()
    search_fields = ("driver__full_name",)


class PitViewSet(CarRows, SyncedViewSet):
    queryset = Pit.objects.all()
    search_fields = ("driver__full_name",)


class PositionViewSet(CarRows, SyncedViewSet):
    queryset = Position.objects.all()
    search_fields = ("driver__full_name",)


class IntervalViewSet(CarRows, SyncedViewSet):
    queryset = Interval.objects.all()
    search_fields = ("driver__full_name",)


class OvertakeViewSet(CarRows, SyncedViewSet):
    queryset = Overtake.objects.all()
    search_fields = ("overtaking_driver__full_name", "overtaken_driver__full_name")


class TeamRadioViewSet(CarRows, SyncedViewSet):
    queryset = TeamRadio.objects.all()
    search_fields = ("driver__full_name",)


class TelemetryViewSet(CarRows, EntityViewSet):
    queryset = Telemetry.objects.all()
    search_fields = ("driver__full_name",)


class SampleFileViewSet(CarRows, ReadOnlyViewSet):
    queryset = SampleFile.objects.all()
    search_fields = ("driver__full_name",)


class SessionQualityViewSet(SessionRows, ReadOnlyViewSet):
    queryset = SessionQuality.objects.all()
    serializer_class = SessionQualitySerializer
    modified_field = "checked_at"
    search_fields = ("session__session_name", "session__location")
    failures = {"apply_proposals": {403, 404, 409}}  # besides the usual ones

    @extend_schema(
        operation_id="quality_apply_proposals",
        summary="Apply proposed corrections",
        request=ApplyProposalsSerializer,
        responses={200: SessionQualitySerializer},
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="apply-proposals",
        filterset_class=None,
        permission_classes=[IsAuthenticated],
        http_method_names=["post", "options"],
    )
    def apply_proposals(self, request: Request, quality_id: str) -> Response:
        """Make proposals of the findings corrections, all or none, and check the session again.

        Needs the permission to change each of the rows. 404 for a proposal that the session does not have, 409 for one that no
        longer fits because the value that it replaces has changed.
        """
        quality = self.get_object()
        body = validate_data(ApplyProposalsSerializer, request.data)
        try:
            edited = apply_proposals(quality, body["proposals"], user=request.user, reason=body.get("reason", ""))
        except UnknownProposal as error:
            raise NotFound(str(error)) from error
        except DoesNotFit as error:
            raise Conflict(str(error)) from error
        for row, field in edited:
            history.log_change(request.user, row, [field])
        quality.refresh_from_db()
        return Response(self.get_serializer(quality).data)


class FastF1ComparisonViewSet(SessionRows, ReadOnlyViewSet):
    queryset = FastF1Comparison.objects.all()
    serializer_class = FastF1ComparisonSerializer
    modified_field = "compared_at"
    search_fields = ("session__session_name", "session__location")
