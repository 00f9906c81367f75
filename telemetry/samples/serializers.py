"""How samples look in JSON; rows are made by Arrow and numpy; these classes describe them."""

from django.db import models
from rest_framework import serializers

from telemetry.models import CarSample, LocationSample


def sample_fields(model: type[models.Model]) -> dict[str, serializers.Field]:
    """A field for each column of a kind of sample."""
    fields: dict[str, serializers.Field] = {}
    for column in model._meta.fields:
        kind = serializers.DateTimeField if column.name == "date" else serializers.IntegerField
        fields[column.name] = kind(help_text=column.help_text, allow_null=column.null)
    return fields


CarSampleSerializer = type("CarSampleSerializer", (serializers.Serializer,), sample_fields(CarSample))
LocationSampleSerializer = type("LocationSampleSerializer", (serializers.Serializer,), sample_fields(LocationSample))


class TraceSampleSerializer(serializers.Serializer):
    """A sample of a lap. Pedals that send no data are null."""

    date = serializers.DateTimeField(help_text="When Formula 1's feed stamped the sample (UTC).")
    time = serializers.FloatField(help_text="Seconds since the lap began.")
    distance = serializers.FloatField(help_text="Metres along the lap: speed integrated over time.")
    speed = serializers.IntegerField(allow_null=True, help_text="km/h.")
    rpm = serializers.IntegerField(allow_null=True)
    n_gear = serializers.IntegerField(allow_null=True)
    throttle = serializers.IntegerField(allow_null=True, help_text="Per cent.")
    brake = serializers.IntegerField(allow_null=True, help_text="0 or 100.")
    drs = serializers.IntegerField(allow_null=True)
    x = serializers.IntegerField(allow_null=True, help_text="Nearest position in time, tenths of a metre.")
    y = serializers.IntegerField(allow_null=True)
    z = serializers.IntegerField(allow_null=True)


class TraceSerializer(serializers.Serializer):
    """A lap with its samples."""

    lap_id = serializers.IntegerField()
    session_id = serializers.IntegerField()
    driver_number = serializers.IntegerField()
    lap_number = serializers.IntegerField()
    lap_duration = serializers.FloatField(allow_null=True, help_text="Seconds.")
    samples = TraceSampleSerializer(many=True)


def page_of(sample: type[serializers.Serializer]) -> type[serializers.Serializer]:
    """A page of samples: `next` leads to the page after it."""
    fields = {
        "next": serializers.URLField(allow_null=True, help_text="The page after this one."),
        "results": sample(many=True),
    }
    return type(sample.__name__.replace("Serializer", "Page"), (serializers.Serializer,), fields)
