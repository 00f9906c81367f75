"""Runs as JSON, and the bodies that record them."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.fields import ChoiceField, FiniteFloatField, JSONObjectField
from api.serializers import RowSerializer
from ml import comparison
from ml.models import Run
from ml.serializers.added import FIGURES_SCHEMA, AddedField, array_of

END_STATUSES = [(status.value, status.value) for status in (Run.Status.COMPLETED, Run.Status.FAILED)]
ALL_FIGURES_SCHEMA = array_of(
    {"key": {"type": "string"}, "value": {"type": "number"}, "step": {"type": "integer"}, "context": {"type": "string"}}
)
FILES_SCHEMA = array_of(
    {
        "name": {"type": "string"},
        "content_type": {"type": "string"},
        "size": {"type": "integer"},
        "sha256": {"type": "string"},
        "url": {"type": "string", "format": "uri"},
    }
)


class RunSerializer(RowSerializer):
    """Read-only: bodies are validated by `NewRunSerializer` and `RunLogSerializer`."""

    metrics = AddedField(FIGURES_SCHEMA, help_text="The main figures over all predicted laps; errors in seconds.")

    class Meta:
        model = Run
        fields: tuple[str, ...] = (
            "id",
            "experiment_id",
            "status",
            "started_at",
            "ended_at",
            "owner",
            "task",
            "model",
            "seed",
            "split",
            "leaky",
            "elsewhere",
            "champion",
            "dataset_sha256",
            "git_commit",
            "libraries",
            "error",
            "metrics",
            "url",
            "experiment_url",
        )

    def rows(self, queryset: QuerySet) -> list[dict[str, Any]]:  # type: ignore[override]
        rows = [*super().rows(queryset)]
        figures = comparison.metric_values([row["id"] for row in rows], comparison.SUMMARY_METRICS)
        return [row | {"metrics": figures.get(row["id"], {})} for row in rows]


class RunDetailSerializer(RunSerializer):
    params = AddedField({"type": "object", "additionalProperties": {}}, help_text="Its parameters; fixed once it has ended.")
    figures = AddedField(
        ALL_FIGURES_SCHEMA,
        help_text="Every figure: over all laps where `context` is empty, else of one race, season or compound.",
    )
    artifacts = AddedField(FILES_SCHEMA, help_text="Its files.")

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "params", "figures", "artifacts")

    def rows(self, queryset: QuerySet) -> list[dict[str, Any]]:  # type: ignore[override]
        rows = super().rows(queryset)
        keys = [row["id"] for row in rows]
        params, figures, files = comparison.params(keys), comparison.all_metrics(keys), comparison.files(keys)
        for row in rows:
            artifacts = [file | {"url": f"{row['url']}artifacts/{file['name']}/"} for file in files[row["id"]]]
            row |= {"params": params[row["id"]], "figures": figures[row["id"]], "artifacts": artifacts}
        return rows


class MetricSerializer(serializers.Serializer):
    key = serializers.CharField(max_length=100)
    value = FiniteFloatField(help_text="A finite number.")
    step = serializers.IntegerField(default=0, min_value=-(2**31), max_value=2**31 - 1)
    context = serializers.CharField(  # type: ignore[assignment]  # Serializer has an attribute of this name
        default="", allow_blank=True, max_length=100, help_text="For example “race=1229”; empty: over all laps."
    )


class RunLogSerializer(serializers.Serializer):
    """What a program records of a run that is running."""

    params = JSONObjectField(required=False, help_text="Parameters, by name.")
    metrics = MetricSerializer(many=True, required=False, help_text="Figures; one of the same key, context and step is replaced.")
    status = ChoiceField(END_STATUSES, required=False, help_text="Ends the run: nothing can change after that.")
    error = serializers.CharField(required=False, allow_blank=True, max_length=10_000, help_text="Why it failed.")

    def validate_params(self, params: dict[str, Any]) -> dict[str, Any]:
        if long := [name for name in params if not 1 <= len(name) <= 100]:
            raise serializers.ValidationError(f"A name has 1 to 100 characters: {long[0][:120]!r}.")
        return params


class NewRunSerializer(RunLogSerializer):
    """A training elsewhere that is recorded here."""

    experiment_id = serializers.UUIDField(required=False, help_text="Needed unless the URL names the experiment.")
    model = serializers.CharField(max_length=60, help_text="Name of the model.")
    split = serializers.CharField(max_length=60, help_text="How training and test rows are told apart; `random` counts as leaky.")
    dataset_sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z", help_text="SHA-256 of the training data, in hexadecimal.")
    task = serializers.CharField(required=False, max_length=40, help_text="What is predicted; the experiment's by default.")
    owner = serializers.CharField(required=False, max_length=50, help_text="Who is responsible; the experiment's by default.")
    seed = serializers.IntegerField(default=0, min_value=-(2**63), max_value=2**63 - 1)
    leaky = serializers.BooleanField(default=False)
    git_commit = serializers.CharField(default="", allow_blank=True, max_length=40, help_text="Of the program that trains.")
    libraries = JSONObjectField(default=dict, help_text="Versions of the libraries that it trains with, by name.")
