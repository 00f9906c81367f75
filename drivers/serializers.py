from typing import Any

from rest_framework.exceptions import ValidationError

from drivers.models import Driver, DriverAlias, Entry
from drivers.names import driver_id
from f1site.api.errors import Conflict
from f1site.api.serializers import RowSerializer
from races.serializers import SessionRowSerializer

RESERVED = {"sync"}  # the URL of a driver of that name means something else


class DriverSerializer(RowSerializer):
    class Meta:
        model = Driver
        fields = "__all__"
        extra_kwargs = {
            "driver_id": {"help_text": "e.g. charles_leclerc; derived from the full name, unless given."},
            "full_name": {"required": False, "help_text": "e.g. Charles Leclerc; first and last name, unless given."},
        }

    def validate(self, attrs):
        attrs = super().validate(attrs)
        return attrs if self.instance else self.introduced(attrs)

    def introduced(self, attrs):
        """A new driver has a full name, and an ID that is nobody else's."""
        attrs.setdefault("full_name", " ".join(filter(None, [attrs.get("first_name"), attrs.get("last_name")])))
        if not attrs["full_name"]:
            raise ValidationError({"full_name": ["A new driver needs a name."]})
        attrs["driver_id"] = person = attrs.get("driver_id") or driver_id(attrs["full_name"])
        if not person:
            raise ValidationError({"driver_id": ["The full name has no letters to make an ID of; give one."]})
        if person in RESERVED:
            raise ValidationError({"driver_id": [f"{person!r} cannot be an ID."]})
        alias = DriverAlias.objects.filter(pk=person).first()
        if alias:
            raise Conflict(f"{person!r} is another spelling of the driver '{alias.driver_id}'.")
        return attrs


class EntrySerializer(SessionRowSerializer):
    class Meta:
        model = Entry
        fields = "__all__"
        extra_kwargs = {"driver_id": {"read_only": True, "help_text": "The person whom the names of the entry mean."}}


class CarSerializer(SessionRowSerializer):
    """Rows about a car of a session: the driver is whoever the session's entries say drove it."""

    def validate(self, attrs):
        attrs = super().validate(attrs)
        was: tuple[Any, Any] = (self.instance.session_id, self.instance.driver_number) if self.instance else (None, None)
        session_id = attrs["session"].pk if "session" in attrs else was[0]
        number = attrs.get("driver_number", was[1])
        if (session_id, number) != was:
            attrs["driver_id"] = Entry.objects.numbers(session_id).get(number)
        return attrs
