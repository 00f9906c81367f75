from rest_framework import serializers

from races.serializers import SessionRowSerializer
from telemetry.models import (
    FastF1Comparison,
    SessionQuality,
)


class SessionQualitySerializer(SessionRowSerializer):
    grades = serializers.JSONField(read_only=True, help_text="By collection: grade, rows stored, and what is lacking.")
    findings = serializers.JSONField(
        read_only=True,
        help_text="The gravest first: check, severity, message, driver_number, lap_number, stint_number, count (of rows), "
        "rows (their keys by collection, the first hundred), and proposals (corrections that would mend it: proposal_id, "
        "collection, key, field, stored, value, why).",
    )

    class Meta:
        model = SessionQuality
        fields = "__all__"


class ApplyProposalsSerializer(serializers.Serializer):
    """Which proposals of a session's findings to apply."""

    proposals = serializers.ListField(
        child=serializers.CharField(max_length=16), max_length=500, help_text="The proposal_id of each; none changes nothing."
    )
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=1000,
        help_text="Kept with the corrections; by default what the proposal says.",
    )


class FastF1ComparisonSerializer(SessionRowSerializer):
    differences = serializers.JSONField(
        read_only=True, help_text="The lap times that differ: driver_number, lap_number, openf1 and fastf1 (seconds)."
    )
    proposals = serializers.JSONField(
        read_only=True,
        help_text="Lap times that OpenF1 lacks, as FastF1 has them: driver_number, lap_number, fastf1 (seconds). They are not in "
        "the laps, unless somebody took them over: then they are corrections.",
    )
    unmatched = serializers.JSONField(
        read_only=True, help_text="Laps of one source only: driver_number, lap_number, source (openf1 or fastf1)."
    )

    class Meta:
        model = FastF1Comparison
        fields = "__all__"
