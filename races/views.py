from rest_framework.decorators import action
from rest_framework.response import Response

from api.sync import SyncedAtOnceViewSet, SyncedViewSet
from mirror.pipeline import Scope
from races.filters import RaceControlFilter, RaceFilter, SessionFilter, WeatherFilter
from races.models import Race, RaceControl, Session, Weather
from races.serializers import RaceControlSerializer, RaceSerializer, SessionSerializer, WeatherSerializer


class RaceViewSet(SyncedAtOnceViewSet):
    queryset = Race.objects.all()
    serializer_class = RaceSerializer
    filterset_class = RaceFilter

    @action(detail=True, methods=["post"], url_path="sync", url_name="sync-one")
    def sync_race(self, request, race_id):
        return Response(self.counts(Scope(races=(int(race_id),))))


class SessionViewSet(SyncedViewSet):
    queryset = Session.objects.all()
    serializer_class = SessionSerializer
    filterset_class = SessionFilter


class WeatherViewSet(SyncedViewSet):
    queryset = Weather.objects.all()
    serializer_class = WeatherSerializer
    filterset_class = WeatherFilter


class RaceControlViewSet(SyncedViewSet):
    queryset = RaceControl.objects.all()
    serializer_class = RaceControlSerializer
    filterset_class = RaceControlFilter
