"""Experiments as JSON."""

from rest_framework import serializers

from f1site.api.serializers import RowSerializer
from ml.models import Experiment


class ExperimentSerializer(RowSerializer):
    tags = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, max_length=50, help_text="Words to find it by."
    )

    class Meta:
        model = Experiment
        fields = (
            "id", "name", "owner", "description", "status", "tags", "task", "primary_metric", "created_at", "updated_at", "url",
        )  # fmt: skip

    def validate_name(self, name: str) -> str:
        """Kept in lower case."""
        return name.lower()

    def validate_status(self, status: str) -> str:
        """New ones are created; the view refuses steps that lead nowhere."""
        if self.instance is None and status != Experiment.Status.CREATED:
            raise serializers.ValidationError("A new experiment is created; it runs with its first run.")
        return status

    def edit(self, row, values):
        for name, value in values.items():
            setattr(row, name, value)
        if row._state.adding:
            row.created_by = self.context["request"].user
        row.save()
        return row
