"""Corrections, sync runs and the changes of a sync run over HTTP."""

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.filters import ModelFilter
from api.serializers import RowSerializer
from api.viewsets import ReadOnlyViewSet
from mirror.models import Correction, Reject, SyncPiece, SyncRun
from mirror.versions import Version


class CorrectionSerializer(RowSerializer):
    key = serializers.JSONField(read_only=True, help_text="The row's key: {field: value}.")
    upstream = serializers.JSONField(read_only=True, help_text="Upstream's value; for a deleted row all its values.")
    corrected = serializers.JSONField(read_only=True, help_text="The value that replaces it.")
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
    modified_field = "updated_at"


class RejectSerializer(RowSerializer):
    row = serializers.JSONField(read_only=True, help_text="The row as upstream sent it.")

    class Meta:
        model = Reject
        fields = (
            "reject_id",
            "collection",
            "season",
            "race_id",
            "session_id",
            "driver_number",
            "source",
            "reason",
            "row",
            "first_seen",
            "last_seen",
            "url",
        )


class RejectViewSet(ReadOnlyViewSet):
    queryset = Reject.objects.all()
    serializer_class = RejectSerializer
    search_fields = ("collection", "reason")
    modified_field = "last_seen"


class SyncRunSerializer(RowSerializer):
    scope = serializers.JSONField(read_only=True, help_text="The collections, seasons, races and sessions to sync.")

    class Meta:
        model = SyncRun
        fields = "__all__"


class ChangedPieceSerializer(serializers.ModelSerializer):
    """Upstream's changes in one piece: exact counts, and the changed rows up to the number that a piece describes."""

    changes = serializers.JSONField(
        help_text="Per row: its key, and the old and new value of each field or that the row vanished."
    )

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
    modified_field = "ended_at"

    def version(self) -> Version | None:
        return None if SyncRun.objects.filter(state=SyncRun.State.RUNNING).exists() else super().version()

    @extend_schema(summary="Show what upstream changed", responses=ChangesSerializer)
    @action(detail=True, filterset_class=None)
    def changes(self, request: Request, run_id: str) -> Response:
        """The rows that a sync found changed or vanished, by piece; new rows are not listed."""
        run = self.get_object()
        pieces = run.pieces.filter(Q(updated__gt=0) | Q(vanished__gt=0))
        totals = {name: sum(getattr(piece, name) for piece in pieces) for name in ("updated", "vanished")}
        return Response(ChangesSerializer({"run_id": run.pk, **totals, "pieces": pieces}).data)
