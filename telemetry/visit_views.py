"""Visits to the pit lane of a race over REST, each with its kind and what shows it."""

from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.fields import ChoiceField
from api.formats import (
    FILES,
    BrowsableRenderer,
    CSVRenderer,
    FileRenderer,
    JSONRenderer,
    NDJSONRenderer,
    ParquetRenderer,
    table_response,
)
from api.parameters import drop_format
from api.selecting import pick_fields
from api.serializers import validate_data
from api.tables.spreadsheet import EXCEL
from drivers.filters import DRIVER, SessionWords
from mirror.limits import MAX_KEY
from races.models import RACES, Session
from telemetry.pit_visits import Kind, Visit, load_visits

KINDS = [kind.value for kind in Kind]


class PitVisitsQuery(SessionWords):
    """Which visits."""

    session_id = serializers.IntegerField(
        min_value=0, max_value=MAX_KEY, required=False, help_text="A race or sprint; or race, year and session."
    )
    driver = serializers.CharField(required=False, help_text=DRIVER)
    driver_number = serializers.IntegerField(min_value=0, max_value=999, required=False, help_text="Those of one car; or driver.")
    kind = ChoiceField(choices=KINDS, required=False, help_text="Those of one kind.")
    fields = serializers.CharField(  # type: ignore[assignment]  # declared, it leaves Serializer.fields as it is
        required=False, help_text="Fields of the visits, separated by commas; by default all."
    )
    kinds = RACES
    ways: ClassVar = {"session_id": "race, year and session"}


class PitVisitSerializer(serializers.Serializer):
    driver_number = serializers.IntegerField()
    lap_number = serializers.IntegerField(help_text="The lap at whose end the car came in.")
    kind = ChoiceField(choices=KINDS)
    is_stop = serializers.BooleanField(help_text="Whether the car stood or got other tyres, other than under a red flag.")
    reason = serializers.CharField(help_text="What shows that it was of this kind.")
    date = serializers.DateTimeField(allow_null=True, help_text="When the car left the lane (UTC).")
    seconds = serializers.FloatField(allow_null=True, help_text="In the pit lane.")
    stop_duration = serializers.FloatField(allow_null=True, help_text="Seconds at a standstill; from Austin 2024 on.")
    derived = serializers.BooleanField(
        help_text="OpenF1 has no row of the visit, as of none before Spain 2023: an out-lap shows it."
    )
    pit_id = serializers.IntegerField(allow_null=True, help_text="Its row of /api/v1/pit/; null where it is derived.")


class PitVisitsSerializer(serializers.Serializer):
    session_id = serializers.IntegerField()
    kinds = serializers.DictField(child=serializers.IntegerField(), help_text="How many visits there are of each kind.")
    visits = PitVisitSerializer(many=True, help_text="By lap and car.")


class PitVisitsView(APIView):
    """The visits to the pit lane of a race: changes of tyres, penalties, transits behind the safety car, red flags."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, *FILES, BrowsableRenderer]

    @extend_schema(
        operation_id="pit_visits",
        summary="List visits to the pit lane by kind",
        parameters=[PitVisitsQuery, OpenApiParameter("excel", str, description=EXCEL)],
        responses={
            (200, JSONRenderer.media_type): PitVisitsSerializer,
            (200, CSVRenderer.media_type): str,
            (200, NDJSONRenderer.media_type): str,
            (200, ParquetRenderer.media_type): bytes,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Every visit of a race with its kind and the reason. Visits that OpenF1 has no row of are derived from out-laps and
        stints, and marked. Files have the visits alone.
        """
        query = validate_data(PitVisitsQuery, drop_format(request.query_params.dict()))
        session = Session.objects.filter(pk=query["session_id"]).first()
        if session is None or session.session_name not in RACES:
            name = f"is a {session.session_name}" if session else "does not exist"
            raise ValidationError({"session_id": [f"Session {query['session_id']} {name}; choose a race or sprint."]})
        visits = [
            visit
            for visit in sorted(load_visits(session.pk), key=lambda visit: (visit.lap_number, visit.driver_number))
            if query.get("driver_number", visit.driver_number) == visit.driver_number
            and query.get("kind", visit.kind) == visit.kind
        ]
        kinds = {kind: count for kind in KINDS if (count := sum(visit.kind == kind for visit in visits))}
        rows = pick_fields([describe(visit) for visit in visits], query.get("fields", ""))
        if isinstance(request.accepted_renderer, FileRenderer):
            return table_response(request, rows, filename=f"pit_visits_{session.pk}")
        return Response({"session_id": session.pk, "kinds": kinds, "visits": rows})


def describe(visit: Visit) -> dict[str, Any]:
    """A visit as JSON."""
    pit = visit.pit
    return {
        "driver_number": visit.driver_number,
        "lap_number": visit.lap_number,
        "kind": visit.kind.value,
        "is_stop": visit.is_stop,
        "reason": visit.reason,
        "date": pit.date if pit else None,
        "seconds": pit.seconds if pit else None,
        "stop_duration": pit.stop_duration if pit else None,
        "derived": visit.is_derived,
        "pit_id": pit.pk if pit else None,
    }
