"""Experiments, runs and predictions as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import Number
from api.links import detail_prefix
from api.serializers import RowSerializer
from ml import comparison
from ml.models import Experiment, Run


class Added(serializers.SerializerMethodField):
    """What `rows` adds to each row; described by a schema of its own."""

    def __init__(self, schema: Any, **options):
        super().__init__(**options)
        extend_schema_field(schema)(self)  # type: ignore[type-var]  # a field is described as its class would be

    def bind(self, field_name, parent):
        serializers.Field.bind(self, field_name, parent)


ENDS = [(status.value, status.value) for status in (Run.Status.COMPLETED, Run.Status.FAILED)]
FIGURES = {"type": "object", "additionalProperties": {"type": "number"}}
BEST = {
    "type": "object",
    "nullable": True,
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "model": {"type": "string"},
        "metric": {"type": "string"},
        "value": {"type": "number"},
    },
}
RUNS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "started_at": {"type": "string", "format": "date-time"},
            "status": {"type": "string"},
            "model": {"type": "string"},
            "split": {"type": "string"},
            "leaky": {"type": "boolean"},
            "metrics": FIGURES,
            "url": {"type": "string", "format": "uri"},
        },
    },
}
PARTS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "key": {"type": "string"},
            "value": {"type": "number"},
            "step": {"type": "integer"},
            "context": {"type": "string"},
        },
    },
}
FILES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "content_type": {"type": "string"},
            "size": {"type": "integer"},
            "sha256": {"type": "string"},
            "url": {"type": "string", "format": "uri"},
        },
    },
}


class ExperimentSerializer(RowSerializer):
    run_count = Added({"type": "integer"}, help_text="How many runs it has.")
    best_run = Added(BEST, help_text="The best completed run by the primary metric; never a leaky one.")
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

    def rows(self, queryset):
        rows = [*super().rows(queryset)]
        keys = [row["id"] for row in rows]
        counts, best = comparison.run_counts(keys), comparison.best_runs(keys)
        return [row | {"run_count": counts.get(row["id"], 0), "best_run": best.get(row["id"])} for row in rows]

    def validate_baseline_run_id(self, run):
        if run is not None and (self.instance is None or run.experiment_id != self.instance.pk):
            raise serializers.ValidationError(f"Run {run.pk} is not one of this experiment.")
        return run

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


class ExperimentDetailSerializer(ExperimentSerializer):
    runs = Added(RUNS, help_text="Its runs, newest first.")

    class Meta(ExperimentSerializer.Meta):
        fields: tuple[str, ...] = (*ExperimentSerializer.Meta.fields, "runs")  # type: ignore[assignment]

    def rows(self, queryset):
        prefix = detail_prefix(self.context["request"], Run)
        rows = super().rows(queryset)
        names = ("id", "started_at", "status", "model", "split", "leaky")
        for row in rows:
            runs = list(Run.objects.filter(experiment_id=row["id"]).values(*names))
            figures = comparison.figures([run["id"] for run in runs], comparison.SUMMARY)
            row["runs"] = [run | {"metrics": figures[run["id"]], "url": f"{prefix}{run['id']}/"} for run in runs]
        return rows


class RunSerializer(RowSerializer):
    """Read only: `NewRunSerializer` and `RunLogSerializer` read what is written."""

    metrics = Added(FIGURES, help_text="The main figures over all laps that were asked about; errors in seconds.")

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
            "champion",
            "dataset_sha256",
            "git_commit",
            "libraries",
            "error",
            "metrics",
            "url",
            "experiment_url",
        )

    def rows(self, queryset):
        rows = [*super().rows(queryset)]
        figures = comparison.figures([row["id"] for row in rows], comparison.SUMMARY)
        return [row | {"metrics": figures.get(row["id"], {})} for row in rows]


class RunDetailSerializer(RunSerializer):
    params = Added({"type": "object", "additionalProperties": {}}, help_text="What it was told; fixed once it has ended.")
    figures = Added(
        PARTS, help_text="Every figure: over all laps where `context` is empty, else of one race, season or compound."
    )
    artifacts = Added(FILES, help_text="Its files.")

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "params", "figures", "artifacts")

    def rows(self, queryset):
        rows = super().rows(queryset)
        keys = [row["id"] for row in rows]
        params, figures, files = comparison.params(keys), comparison.parts(keys), comparison.files(keys)
        for row in rows:
            found = [file | {"url": f"{row['url']}artifacts/{file['name']}/"} for file in files[row["id"]]]
            row |= {"params": params[row["id"]], "figures": figures[row["id"]], "artifacts": found}
        return rows


class MetricSerializer(serializers.Serializer):
    key = serializers.CharField(max_length=100)
    value = Number(help_text="A finite number.")
    step = serializers.IntegerField(default=0, min_value=-(2**31), max_value=2**31 - 1)
    context = serializers.CharField(  # type: ignore[assignment]  # a name for a field like others
        default="", allow_blank=True, max_length=100, help_text="“race=1229”; empty: all of it."
    )


class RunLogSerializer(serializers.Serializer):
    """What a running run has to say."""

    params = serializers.DictField(required=False, help_text="Parameters, by name.")
    metrics = MetricSerializer(many=True, required=False, help_text="Figures; one of the same key, context and step is replaced.")
    status = serializers.ChoiceField(ENDS, required=False, help_text="It has ended: nothing changes any more.")
    error = serializers.CharField(required=False, allow_blank=True, max_length=10_000, help_text="Why it failed.")

    def validate_params(self, params):
        if long := [name for name in params if not 1 <= len(name) <= 100]:
            raise serializers.ValidationError(f"A name has 1 to 100 characters: {long[0][:120]!r}.")
        return params


class NewRunSerializer(RunLogSerializer):
    """A training elsewhere that is to be written down here."""

    experiment_id = serializers.UUIDField(required=False, help_text="Unless the URL says it.")
    model = serializers.CharField(max_length=60, help_text="What predicts.")
    split = serializers.CharField(max_length=60, help_text="How training and test rows are told apart; `random` counts as leaky.")
    dataset_sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z", help_text="Fingerprint of what it learns from, in hexadecimal.")
    task = serializers.CharField(required=False, max_length=40, help_text="What is predicted; the experiment's by default.")
    owner = serializers.CharField(required=False, max_length=50, help_text="Who answers for it; the experiment's by default.")
    seed = serializers.IntegerField(default=0, min_value=-(2**63), max_value=2**63 - 1)
    leaky = serializers.BooleanField(default=False)


class PredictSerializer(serializers.Serializer):
    """Laps of a race that is stored (`session_id`, `driver_number`, `from_lap`), or one that is made up (`circuit_name`,
    `lap_number`)."""

    session_id = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, help_text="A race that is stored.")
    driver_number = serializers.IntegerField(required=False, min_value=0, max_value=99, help_text="A car of it.")
    from_lap = serializers.IntegerField(
        required=False, min_value=1, max_value=200, help_text="The first lap to predict: one it has driven, or the next."
    )
    horizon = serializers.IntegerField(required=False, min_value=1, max_value=100, help_text="How many laps; 1 by default.")
    race_laps = serializers.IntegerField(
        required=False, min_value=1, max_value=200, help_text="Announced length of the race, where it is not over."
    )
    circuit_name = serializers.CharField(required=False, max_length=100, help_text="Of a lap that is made up: “Sakhir”.")
    driver_id = serializers.CharField(required=False, max_length=100, help_text="“max_verstappen”")
    tyre_compound = serializers.ChoiceField(required=False, choices=("SOFT", "MEDIUM", "HARD", "INTERMEDIATE", "WET"))
    tyre_age = serializers.IntegerField(required=False, min_value=0, max_value=100, help_text="Laps done on the tyres before.")
    stint_number = serializers.IntegerField(required=False, min_value=1, max_value=20)
    lap_number = serializers.IntegerField(required=False, min_value=1, max_value=200)
    air_temperature = serializers.FloatField(required=False, min_value=-30, max_value=60, help_text="°C")
    track_temperature = serializers.FloatField(required=False, min_value=-30, max_value=80, help_text="°C")
    rainfall = serializers.BooleanField(required=False)

    STORED = ("session_id", "driver_number", "from_lap")
    MADE_UP = ("circuit_name", "lap_number")

    def validate(self, asked):
        wanted = self.STORED if "session_id" in asked else self.MADE_UP
        if missing := [name for name in wanted if name not in asked]:
            ways = f"{', '.join(self.STORED)} for a race that is stored, {', '.join(self.MADE_UP)} for a lap that is made up"
            raise serializers.ValidationError({name: [f"Required: {ways}."] for name in missing})
        stored = {*self.STORED, "horizon", "race_laps"}
        taken = stored if "session_id" in asked else set(self.fields) - stored | {"race_laps"}
        if foreign := [name for name in asked if name not in taken]:
            told = "of a lap that is made up" if "session_id" in asked else "of a race that is stored"
            raise serializers.ValidationError({name: [f"This is a property {told}: leave it out."] for name in foreign})
        if asked.get("lap_number", 0) > asked.get("race_laps", 200):
            raise serializers.ValidationError({"lap_number": [f"The race has {asked['race_laps']} laps."]})
        return asked


class PredictedLapSerializer(serializers.Serializer):
    lap_number = serializers.IntegerField()
    seconds = serializers.FloatField(help_text="Predicted lap time.")
    low = serializers.FloatField(help_text="Lower end of the 80 % interval, in seconds.")
    high = serializers.FloatField(help_text="Upper end of the 80 % interval, in seconds.")
    task = serializers.CharField(help_text="The task whose champion says so.")


class ChampionSerializer(serializers.Serializer):
    task = serializers.CharField()
    model = serializers.CharField()
    run = serializers.CharField(help_text="URL of the training.")
    split = serializers.CharField(help_text="How it was measured.")
    measured = serializers.DictField(
        child=serializers.FloatField(),
        help_text="On races it had not seen: `mae` and `baseline_mae` in seconds, `skill`, and the `coverage` of its intervals.",
    )


class PredictionSerializer(serializers.Serializer):
    laps = PredictedLapSerializer(many=True)
    champions = ChampionSerializer(many=True, help_text="The models that have answered.")
    warnings = serializers.ListField(child=serializers.CharField(), help_text="Why to trust this less than usual.")


class AnalysisQuery(serializers.Serializer):
    """Which session, and what fuel does."""

    session_id = serializers.IntegerField(min_value=0, max_value=2**31 - 1, help_text="The session that is asked about.")
    fuel_effect = serializers.FloatField(required=False, min_value=0, max_value=0.2, help_text="s per kg; 0.03 by default.")
    fuel_load = serializers.FloatField(
        required=False, min_value=0, max_value=200, help_text="kg at the start; by default 110, in a sprint a third of it."
    )


class AskedSessionSerializer(serializers.Serializer):
    session_id = serializers.IntegerField()
    year = serializers.IntegerField()
    race = serializers.CharField()
    session_name = serializers.CharField()


class AnswerSerializer(serializers.Serializer):
    """An answer, with what it rests on. Some questions add more: `teams`, `pairs`, `free`, `stops`, `left_out`, `median` …"""

    question = serializers.CharField()
    session = AskedSessionSerializer()
    rows = serializers.ListField(
        child=serializers.DictField(), help_text="What was found; seconds, unless a name says otherwise; an `interval` is 95 %."
    )
    n = serializers.IntegerField(help_text="Laps, pairs of laps, drivers or stops that the answer rests on.")
    filters = serializers.ListField(child=serializers.CharField(), help_text="Which those are.")
    assumptions = serializers.ListField(child=serializers.CharField(), help_text="What was taken for granted.")
    warnings = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Why to trust this less than usual."
    )


TEXTS = {"type": "array", "items": {"type": "string"}}
QUESTIONS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "about": {"type": "string"},
            "sessions": TEXTS | {"description": "Names of the sessions that it can be asked of."},
            "options": TEXTS | {"description": "What may be given besides `session_id`."},
            "url": {"type": "string", "description": "Where to ask; the session's ID is to be added."},
        },
    },
}
