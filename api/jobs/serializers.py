"""Serializers of jobs and of the time spent on them."""

from typing import Any

from rest_framework import serializers

from api.fields import ChoiceField
from api.serializers import RowSerializer
from jobs.kinds import KINDS
from jobs.models import Job

KEY_RANGE: dict[str, Any] = {"min_value": 1, "max_value": 2**63 - 1}


class JobSerializer(RowSerializer):
    parameters = serializers.JSONField(read_only=True, help_text="Options of the job; they depend on the kind.")
    result = serializers.JSONField(read_only=True, allow_null=True, help_text="Outcome of the job; depends on the kind.")
    owner = serializers.CharField(
        source="owner.username", read_only=True, allow_null=True, help_text="Name of the user who queued it."
    )

    class Meta:
        model = Job
        fields = (
            "job_id",
            "kind",
            "description",
            "parameters",
            "owner",
            "state",
            "done",
            "total",
            "message",
            "created_at",
            "started_at",
            "ended_at",
            "heartbeat_at",
            "request_id",
            "attempts",
            "cancel_requested",
            "error",
            "result",
            "url",
        )


class NewJobSerializer(serializers.Serializer):
    """A job to be queued."""

    kind = ChoiceField(sorted(KINDS), help_text="; ".join(f"{name}: {kind.about}" for name, kind in sorted(KINDS.items())))
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, help_text="A description for people.")
    parameters = serializers.DictField(required=False, help_text="Options of the job; they depend on the kind.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        parameters = KINDS[attrs["kind"]].parameters(data=attrs.get("parameters", {}))
        if not parameters.is_valid():
            messages = [f"{name}: {join_errors(errors)}" for name, errors in parameters.errors.items()]
            raise serializers.ValidationError({"parameters": messages})
        return attrs | {"parameters": dict(parameters.validated_data)}


def join_errors(errors: Any) -> str:
    """The errors of a parameter, or of several of its values, in one line."""
    parts = errors.values() if isinstance(errors, dict) else errors
    return " ".join(join_errors(part) if isinstance(part, dict | list) else str(part) for part in parts)


class TrackSerializer(serializers.Serializer):
    """Work that a user starts to log."""

    user_id = serializers.IntegerField(required=False, **KEY_RANGE, help_text="The user; you by default.")
    description = serializers.CharField(max_length=500, help_text="A description of the work.")


class StopSerializer(serializers.Serializer):
    """An entry that ends."""

    id = serializers.IntegerField(**KEY_RANGE, help_text="The id that `track` returned.")


class TimesQuery(serializers.Serializer):
    """A user and a day."""

    user_id = serializers.IntegerField(required=False, **KEY_RANGE, help_text="The user; you by default.")
    date = serializers.DateField(required=False, help_text="The day, in UTC; today by default.")


class EntryIdSerializer(serializers.Serializer):
    """The key of an entry."""

    id = serializers.IntegerField(help_text="Send it to `stop`.")


class TimeEntrySerializer(serializers.ModelSerializer):
    """A job, or work logged by hand, with the time spent on it on a day."""

    id = serializers.IntegerField(source="pk")
    time_spent = serializers.FloatField(help_text="Seconds on that day; until now, if it is unfinished.")

    class Meta:
        model = Job
        fields = ("id", "kind", "description", "state", "started_at", "ended_at", "time_spent")
