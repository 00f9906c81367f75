"""Race engineers' questions and their answers as JSON."""

from typing import ClassVar

from rest_framework import serializers

from api.fields import ChoiceField
from drivers.filters import SessionWords
from ml.analysis.columns import TABLES


class AnalysisQuery(SessionWords):
    """The session, by its key or in words, and the effect of fuel."""

    session_id = serializers.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, help_text="The session; or race, year and session."
    )
    fuel_effect = serializers.FloatField(required=False, min_value=0, max_value=0.2, help_text="s per kg; 0.03 by default.")
    fuel_load = serializers.FloatField(
        required=False, min_value=0, max_value=200, help_text="kg at the start; by default 110, in a sprint a third of it."
    )

    table = ChoiceField(
        TABLES, required=False, help_text="Which table of the answer a file (csv, parquet) has; `rows` by default."
    )

    fields = serializers.CharField(  # type: ignore[assignment]  # declared, it leaves Serializer.fields as it is
        required=False, help_text="Columns of the rows, separated by commas; by default all."
    )
    ways: ClassVar = {"session_id": "race, year and session"}


class AskedSessionSerializer(serializers.Serializer):
    session_id = serializers.IntegerField()
    year = serializers.IntegerField()
    race = serializers.CharField()
    session_name = serializers.CharField()


class ColumnSerializer(serializers.Serializer):
    unit = serializers.CharField(allow_blank=True, help_text="s, s/lap, s/kg, %, laps or share.")
    about = serializers.CharField(help_text="What it says, and what its sign means.")


class AnswerSerializer(serializers.Serializer):
    """An answer, with what it rests on. Some questions add more: `teams`, `pairs`, `free`, `stops`, `left_out`, `median` …"""

    question = serializers.CharField()
    session = AskedSessionSerializer()
    rows = serializers.ListField(
        child=serializers.DictField(), help_text="The results; seconds, unless a name says otherwise; an `interval` is 95 %."
    )
    columns = serializers.DictField(
        child=ColumnSerializer(), help_text="What the figures in the rows are: unit, and what a positive one means."
    )
    n = serializers.IntegerField(help_text="Laps, pairs of laps, drivers or stops that the answer rests on.")
    filters = serializers.ListField(child=serializers.CharField(), help_text="Which those are.")
    assumptions = serializers.ListField(child=serializers.CharField(), help_text="What was assumed.")
    warnings = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Reasons to trust this less than usual."
    )


TEXTS_SCHEMA = {"type": "array", "items": {"type": "string"}}
QUESTIONS_SCHEMA = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "about": {"type": "string"},
            "sessions": TEXTS_SCHEMA | {"description": "Names of the sessions that it can be asked of."},
            "options": TEXTS_SCHEMA | {"description": "Optional parameters besides `session_id`."},
            "url": {"type": "string", "description": "Where to ask; append the session's ID."},
        },
    },
}
