from typing import Any

from rest_framework import serializers

from api.fields import LinkField
from api.serializers import RowSerializer
from races.models import Circuit, Place, Race, Session


class SessionSerializer(RowSerializer):
    id = serializers.IntegerField(source="session_id", read_only=True, help_text="The same as session_id.")

    class Meta:
        model = Session
        fields = "__all__"
        extra_kwargs = {"year": {"required": False, "help_text": "Season; the race's, unless given."}}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and "id" in data and "session_id" not in data:
            data = data | {"session_id": data["id"]}
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take what a new session does not say about place and season from its race."""
        attrs = super().validate(attrs)
        if self.instance is None:
            race = attrs["race"]
            attrs = {field.name: getattr(race, field.name) for field in Place._meta.fields} | attrs
        return attrs


class SessionRowSerializer(RowSerializer):
    """A row about a session, with the race of the session, which a body may repeat but not change."""

    race_id = serializers.IntegerField(source="session.race_id", read_only=True, help_text="The race of the session.")
    race_url = LinkField(to=Race, source="session.race_id", help_text="The race.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        session = attrs.get("session") or self.instance.session
        race_id = self.initial_data.get("race_id")
        if race_id is not None and str(race_id) != str(session.race_id):
            raise serializers.ValidationError({"race_id": [f"Session {session.pk} belongs to race {session.race_id}."]})
        return attrs


class CircuitSerializer(RowSerializer):
    """A circuit without its centre line and its corners, which its GeoJSON has."""

    class Meta:
        model = Circuit
        fields = (
            *("circuit_id", "circuit_name", "length", "clockwise", "sector_1", "sector_2"),
            *("laps", "sessions", "corners_edited", "source", "computed_at", "url"),
        )
