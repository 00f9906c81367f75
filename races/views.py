from rest_framework.decorators import action
from rest_framework.response import Response

from f1site.api.sync import SyncedAtOnceViewSet, SyncedViewSet
from f1site.openf1.pipeline import Scope
from races.filters import RaceFilter, SessionFilter
from races.models import Race, Session
from races.serializers import RaceSerializer, SessionSerializer


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
