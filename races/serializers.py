from rest_framework import serializers

from api.fields import Link
from api.serializers import RowSerializer
from races.models import Place, Race, RaceControl, Session, Weather


class RaceSerializer(RowSerializer):
    class Meta:
        model = Race
        fields = "__all__"


class SessionSerializer(RowSerializer):
    id = serializers.IntegerField(source="session_id", read_only=True, help_text="The same as session_id.")

    class Meta:
        model = Session
        fields = "__all__"
        extra_kwargs = {"year": {"required": False, "help_text": "Season; the race's, unless given."}}

    def to_internal_value(self, data):
        if isinstance(data, dict) and "id" in data and "session_id" not in data:
            data = data | {"session_id": data["id"]}
        return super().to_internal_value(data)

    def validate(self, attrs):
        """A new session is where and when its race is, unless it says otherwise."""
        attrs = super().validate(attrs)
        if self.instance is None:
            race = attrs["race"]
            attrs = {field.name: getattr(race, field.name) for field in Place._meta.fields} | attrs
        return attrs


class SessionRowSerializer(RowSerializer):
    """Rows about a session: they show its race, which a body may repeat but not change."""

    race_id = serializers.IntegerField(source="session.race_id", read_only=True, help_text="The race of the session.")
    race_url = Link(to=Race, source="session.race_id", help_text="The race.")

    def validate(self, attrs):
        attrs = super().validate(attrs)
        session = attrs.get("session") or self.instance.session
        said = self.initial_data.get("race_id")
        if said is not None and str(said) != str(session.race_id):
            raise serializers.ValidationError({"race_id": [f"Session {session.pk} belongs to race {session.race_id}."]})
        return attrs


class WeatherSerializer(SessionRowSerializer):
    class Meta:
        model = Weather
        fields = "__all__"


class RaceControlSerializer(SessionRowSerializer):
    class Meta:
        model = RaceControl
        fields = "__all__"
