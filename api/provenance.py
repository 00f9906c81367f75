"""Corrections, sync runs and the changes of a sync run over HTTP."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from api import history
from api.errors import Conflict
from api.fields import ChoiceField
from api.serializers import RowSerializer, validate_data
from api.viewsets import ReadOnlyViewSet
from mirror import decisions
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


class DecisionSerializer(serializers.Serializer):
    """What becomes of a correction."""

    KEEP, TAKE, WITHDRAW = "keep_mine", "take_upstream", "withdraw"

    decision = ChoiceField(
        (KEEP, TAKE, WITHDRAW),
        help_text=f"{KEEP}: the person's value holds, whatever OpenF1 says. {TAKE} or {WITHDRAW}: the row gets OpenF1's value "
        "(if it was deleted, it comes back), and the correction is gone.",
    )
    reason = serializers.CharField(
        required=False, max_length=1000, help_text=f"Why, with {KEEP}; replaces the correction's reason."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "reason" in attrs and attrs["decision"] != self.KEEP:
            raise serializers.ValidationError({"reason": [f"Only with {self.KEEP}: nothing of the correction is left."]})
        return attrs


class DecidedSerializer(serializers.Serializer):
    detail = serializers.CharField(help_text="What was done.")


class ChangeCorrections(BasePermission):
    """Deciding a correction needs the permission to change it."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return request.user.is_authenticated and request.user.has_perm("openf1.change_correction")


class CorrectionViewSet(ReadOnlyViewSet):
    queryset = Correction.objects.all()
    serializer_class = CorrectionSerializer
    search_fields = ("collection", "field", "reason")
    modified_field = "updated_at"
    failures = {"decide": {403, 404, 409}}

    @extend_schema(summary="Decide a correction", request=DecisionSerializer, responses=DecidedSerializer)
    @action(
        detail=True,
        methods=["post"],
        filterset_class=None,
        permission_classes=[ChangeCorrections],
        http_method_names=["post", "options"],
    )
    def decide(self, request: Request, correction_id: str) -> Response:
        """Keep the person's value, or give the row back to OpenF1. 409 where the row of a deletion cannot come back, because
        what it belongs to is not stored.
        """
        body = validate_data(DecisionSerializer, request.data)
        try:
            with transaction.atomic():
                correction = self.get_object(lock=True)
                done = self.apply_decision(correction, **body)
                history.log_change(request.user, correction, ["state"])
        except KeyError as error:
            raise Conflict(f"{error.args[0]} is not a collection of this site any more.") from error
        except IntegrityError as error:
            raise Conflict("The row cannot come back: what it belongs to is not stored.") from error
        return Response({"detail": done})

    def apply_decision(self, correction: Correction, *, decision: str, reason: str = "") -> str:
        """Carry out a decision and say what was done."""
        if decision == DecisionSerializer.KEEP:
            if reason:
                correction.reason = reason
                correction.save(update_fields=["reason", "updated_at"])
            decisions.keep_mine(correction)
            return f"The corrected value holds: {correction}."
        what = str(correction)
        key = correction.pk
        decisions.take_upstream(correction)
        correction.pk = key  # for the log entry
        return f"The row has OpenF1's value again: {what}."


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
