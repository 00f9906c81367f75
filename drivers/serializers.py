from typing import Any

from rest_framework.exceptions import ValidationError

from api.errors import Conflict
from api.serializers import RowSerializer
from drivers.models import Driver, DriverAlias, Entry
from drivers.names import driver_id
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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        return attrs if self.instance else self.complete_new_driver(attrs)

    def complete_new_driver(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Add the full name and the ID where they are not given; refuse an ID that is reserved or belongs to another driver."""
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
