"""Over HTTP: what people corrected, what the syncs did, and what upstream changed."""

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.filters import ModelFilter
from api.serializers import RowSerializer
from api.viewsets import ReadOnlyViewSet
from mirror.models import Correction, SyncPiece, SyncRun
from mirror.versions import Version


class CorrectionSerializer(RowSerializer):
    key = serializers.JSONField(read_only=True, help_text="What identifies the row, by field.")
    upstream = serializers.JSONField(read_only=True, help_text="Upstream's value; of a deleted row all its values.")
    corrected = serializers.JSONField(read_only=True, help_text="The value that a person put in its place.")
    user = serializers.CharField(source="user.username", read_only=True, allow_null=True, help_text="Who corrected it.")

    class Meta:
        model = Correction
        fields = (
            "correction_id",
            "collection",
            "session_id",
            "key",
            "field",
            "upstream",
            "corrected",
            "state",
            "source",
            "reason",
            "user",
            "created_at",
            "updated_at",
            "url",
        )


class CorrectionFilter(ModelFilter):
    related = {"user": "user__username"}

    class Meta:
        model = Correction


class CorrectionViewSet(ReadOnlyViewSet):
    queryset = Correction.objects.all()
    serializer_class = CorrectionSerializer
    filterset_class = CorrectionFilter
    search_fields = ("collection", "field", "reason")
    dated_by = "updated_at"


class SyncRunSerializer(RowSerializer):
    scope = serializers.JSONField(read_only=True, help_text="What was asked for: collections, seasons, races, sessions.")

    class Meta:
        model = SyncRun
        fields = "__all__"


class ChangedPieceSerializer(serializers.ModelSerializer):
    """What upstream changed in one piece. The counts are exact, the rows as many as a piece describes."""

    changes = serializers.JSONField(help_text="Rows: key, and per field the old and the new value; or that the row vanished.")

    class Meta:
        model = SyncPiece
        fields = ("collection", "race_id", "session_id", "driver_number", "updated", "vanished", "pruned", "changes")


class ChangesSerializer(serializers.Serializer):
    run_id = serializers.IntegerField()
    updated = serializers.IntegerField(help_text="Rows that upstream had changed.")
    vanished = serializers.IntegerField(help_text="Rows stored here that upstream no longer sent.")
    pieces = ChangedPieceSerializer(many=True)


class SyncRunViewSet(ReadOnlyViewSet):
    queryset = SyncRun.objects.all()
    serializer_class = SyncRunSerializer
    search_fields = ("error",)
    dated_by = "ended_at"

    def version(self) -> Version | None:
        return None if SyncRun.objects.filter(state=SyncRun.State.RUNNING).exists() else super().version()

    @extend_schema(summary="Show what upstream changed", responses=ChangesSerializer)
    @action(detail=True, filterset_class=None)
    def changes(self, request: Request, run_id: str) -> Response:
        """The rows that a sync found changed or gone, piece by piece; new rows are no changes."""
        run = self.get_object()
        pieces = run.pieces.filter(Q(updated__gt=0) | Q(vanished__gt=0))
        totals = {name: sum(getattr(piece, name) for piece in pieces) for name in ("updated", "vanished")}
        return Response(ChangesSerializer({"run_id": run.pk, **totals, "pieces": pieces}).data)
