from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.filters import ModelFilter
from api.jobs import views as jobs
from api.serializers import RowSerializer
from api.sync import SyncedAtOnceViewSet, SyncedViewSet
from api.viewsets import ReadOnlyViewSet
from mirror.planning import Scope
from races.circuits import to_geojson, to_svg
from races.filters import CircuitFilter, JobFilter, RaceFilter, SessionFilter, SessionRowFilter
from races.models import Circuit, Neutralisation, Race, Session, Weather
from races.serializers import CircuitSerializer, SessionRowSerializer, SessionSerializer


class SessionRows:
    """For viewsets of rows about a session: they also show and filter by its race, name and season."""

    serializer_base: type[RowSerializer] = SessionRowSerializer
    filterset_base: type[ModelFilter] = SessionRowFilter


class RaceViewSet(SyncedAtOnceViewSet):
    queryset = Race.objects.all()
    filterset_class = RaceFilter

    @action(detail=True, methods=["post"], url_path="sync", url_name="sync-one")
    def sync_race(self, request: Request, race_id: str) -> Response:
        return Response(self.sync_and_count(Scope(races=(int(race_id),))))


class SessionViewSet(SyncedViewSet):
    queryset = Session.objects.all()
    serializer_class = SessionSerializer
    filterset_class = SessionFilter


class WeatherViewSet(SessionRows, SyncedViewSet):
    queryset = Weather.objects.all()


class NeutralisationViewSet(SessionRows, ReadOnlyViewSet):
    queryset = Neutralisation.objects.all()


class CircuitViewSet(ReadOnlyViewSet):
    queryset = Circuit.objects.all()
    serializer_class = CircuitSerializer
    filterset_class = CircuitFilter
    modified_field = "computed_at"

    @extend_schema(summary="Show a circuit as GeoJSON", responses={200: {"type": "object"}})
    @action(detail=True, url_path="geojson", filterset_class=None)
    def geojson(self, request: Request, circuit_id: str) -> Response:
        """The centre line, and points for the start line, the sector lines and the corners, in metres from a local origin."""
        return Response(to_geojson(self.get_object()))

    @extend_schema(summary="Show a circuit as a picture", responses={(200, "image/svg+xml"): str})
    @action(detail=True, url_path="svg", filterset_class=None)
    def svg(self, request: Request, circuit_id: str) -> HttpResponse:
        """An SVG with the centre line, the start line, the direction, the sector lines and the numbers of the corners."""
        return HttpResponse(to_svg(self.get_object()), content_type="image/svg+xml")


class JobViewSet(jobs.JobViewSet):
    filterset_class = JobFilter
