"""Jobs and time entries as JSON."""

from typing import Any

from rest_framework import serializers

from api.serializers import RowSerializer
from jobs.kinds import KINDS
from jobs.models import Job

KEYS: dict[str, Any] = {"min_value": 1, "max_value": 2**63 - 1}


class JobSerializer(RowSerializer):
    parameters = serializers.JSONField(read_only=True, help_text="What exactly is to be done; depends on the kind.")
    result = serializers.JSONField(read_only=True, allow_null=True, help_text="What came of it; depends on the kind.")
    owner = serializers.CharField(source="owner.username", read_only=True, allow_null=True, help_text="Whose work it is.")

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
    """What is to be done."""

    kind = serializers.ChoiceField(sorted(KINDS), help_text="; ".join(f"{name}: {kind.about}" for name, kind in KINDS.items()))
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, help_text="What it is about, in words.")
    parameters = serializers.DictField(required=False, help_text="What exactly is to be done; depends on the kind.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        read = KINDS[attrs["kind"]].parameters(data=attrs.get("parameters", {}))
        if not read.is_valid():
            told = [f"{name}: {flat(errors)}" for name, errors in read.errors.items()]
            raise serializers.ValidationError({"parameters": told})
        return attrs | {"parameters": dict(read.validated_data)}


def flat(errors: Any) -> str:
    """What is wrong with a parameter, or with several of its values, in one line."""
    found = errors.values() if isinstance(errors, dict) else errors
    return " ".join(flat(error) if isinstance(error, dict | list) else str(error) for error in found)


class TrackSerializer(serializers.Serializer):
    """Work that somebody begins."""

    user_id = serializers.IntegerField(required=False, **KEYS, help_text="Whose work it is; your own by default.")
    description = serializers.CharField(max_length=500, help_text="What is being done.")


class StopSerializer(serializers.Serializer):
    """Work that is over."""

    id = serializers.IntegerField(**KEYS, help_text="What `track` answered.")


class TimesQuery(serializers.Serializer):
    """A person and a day."""

    user_id = serializers.IntegerField(required=False, **KEYS, help_text="Whose; your own by default.")
    date = serializers.DateField(required=False, help_text="The day, in UTC; today by default.")


class EntryIdSerializer(serializers.Serializer):
    """The key of an entry."""

    id = serializers.IntegerField(help_text="Send it to `stop`.")


class TimeEntrySerializer(serializers.ModelSerializer):
    """Time that was spent on a day, on a job or on work logged by hand."""

    id = serializers.IntegerField(source="pk")
    time_spent = serializers.FloatField(help_text="Seconds on that day; of what still runs, until now.")

    class Meta:
        model = Job
        fields = ("id", "kind", "description", "state", "started_at", "ended_at", "time_spent")
