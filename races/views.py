from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.filters import ModelFilter
from api.serializers import RowSerializer
from api.sync import SyncedAtOnceViewSet, SyncedViewSet
from api.viewsets import ReadOnlyViewSet
from mirror.planning import Scope
from races.filters import RaceFilter, SessionFilter, SessionRowFilter
from races.models import Neutralisation, Race, RaceControl, Session, Weather
from races.serializers import SessionRowSerializer, SessionSerializer


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


class RaceControlViewSet(SessionRows, SyncedViewSet):
    queryset = RaceControl.objects.all()


class NeutralisationViewSet(SessionRows, ReadOnlyViewSet):
    queryset = Neutralisation.objects.all()
