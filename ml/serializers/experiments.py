"""Experiments as JSON."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.links import detail_prefix
from api.serializers import RowSerializer
from ml import comparison
from ml.models import Experiment, Run
from ml.serializers.added import FIGURES_SCHEMA, AddedField, array_of

BEST_RUN_SCHEMA = {
    "type": "object",
    "nullable": True,
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "model": {"type": "string"},
        "metric": {"type": "string"},
        "value": {"type": "number"},
    },
}
RUNS_SCHEMA = array_of(
    {
        "id": {"type": "string", "format": "uuid"},
        "started_at": {"type": "string", "format": "date-time"},
        "status": {"type": "string"},
        "model": {"type": "string"},
        "split": {"type": "string"},
        "leaky": {"type": "boolean"},
        "metrics": FIGURES_SCHEMA,
        "url": {"type": "string", "format": "uri"},
    }
)


class ExperimentSerializer(RowSerializer):
    run_count = AddedField({"type": "integer"}, help_text="Number of its runs.")
    best_run = AddedField(BEST_RUN_SCHEMA, help_text="The best completed run by the primary metric; never a leaky one.")
    tags = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, max_length=50, help_text="Words to find it by."
    )

    class Meta:
        model = Experiment
        fields = (
            "id",
            "name",
            "owner",
            "description",
            "status",
            "tags",
            "task",
            "primary_metric",
            "baseline_run_id",
            "created_at",
            "updated_at",
            "run_count",
            "best_run",
            "url",
        )

    def rows(self, queryset: QuerySet) -> list[dict[str, Any]]:  # type: ignore[override]  # a list is iterated over once, too
        rows = [*super().rows(queryset)]
        keys = [row["id"] for row in rows]
        counts, best = comparison.run_counts(keys), comparison.best_runs(keys)
        return [row | {"run_count": counts.get(row["id"], 0), "best_run": best.get(row["id"])} for row in rows]

    def validate_baseline_run_id(self, run: Run | None) -> Run | None:
        if run is not None and (self.instance is None or run.experiment_id != self.instance.pk):
            raise serializers.ValidationError(f"Run {run.pk} is not one of this experiment.")
        return run

    def validate_name(self, name: str) -> str:
        """Stored in lower case."""
        return name.lower()

    def validate_status(self, status: str) -> str:
        """A new experiment has the status `created`; the view refuses changes that are not allowed."""
        if self.instance is None and status != Experiment.Status.CREATED:
            raise serializers.ValidationError("A new experiment is created; it runs with its first run.")
        return status

    def edit(self, row: Experiment, values: dict[str, Any]) -> Experiment:
        for name, value in values.items():
            setattr(row, name, value)
        if row._state.adding:
            row.created_by = self.context["request"].user
        row.save()
        return row


class ExperimentDetailSerializer(ExperimentSerializer):
    runs = AddedField(RUNS_SCHEMA, help_text="Its runs, newest first.")

    class Meta(ExperimentSerializer.Meta):
        fields: tuple[str, ...] = (*ExperimentSerializer.Meta.fields, "runs")  # type: ignore[assignment]

    def rows(self, queryset: QuerySet) -> list[dict[str, Any]]:  # type: ignore[override]
        prefix = detail_prefix(self.context["request"], Run)
        rows = super().rows(queryset)
        names = ("id", "started_at", "status", "model", "split", "leaky")
        for row in rows:
            runs = list(Run.objects.filter(experiment_id=row["id"]).values(*names))
            figures = comparison.metric_values([run["id"] for run in runs], comparison.SUMMARY_METRICS)
            row["runs"] = [run | {"metrics": figures[run["id"]], "url": f"{prefix}{run['id']}/"} for run in runs]
        return rows
