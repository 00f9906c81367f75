"""Samples over HTTP: pages of one car's file, filtered in the file, or the whole of it as CSV or Parquet."""

from typing import Any
from urllib.parse import urlencode

from django.core.files.storage import default_storage
from django.db import models
from django.http import FileResponse, HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from api.fields import bounds, value_field
from api.formats import FILES, BrowsableRenderer, FileRenderer, JSONRenderer, ParquetRenderer, file_response
from api.links import canonical_url
from api.openf1.catalogue import Column, plain_type
from api.parameters import conditions
from telemetry.models import CarSample, LocationSample, SampleFile
from telemetry.samples import files, query
from telemetry.samples.serializers import CarSampleSerializer, LocationSampleSerializer, page_of

SIZE, MAX_SIZE = 1_000, 10_000  # rows of a page: unless the caller says, and at most
LOOKUPS = (*query.OPERATORS, "in", "isnull")
NUMBER = bounds(models.PositiveIntegerField())


class SamplesView(APIView):
    """One collection of samples. `session_id` and `driver_number` say which file; the rest are conditions on its columns."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, *FILES, BrowsableRenderer]
    collection: str
    sample: type[models.Model]

    def get(self, request):
        asked = conditions(request.query_params)
        file = self.file(asked)
        size, after = self.page(asked)
        asked.pop("format", None)
        where = self.where(asked)
        if isinstance(request.accepted_renderer, FileRenderer):
            return self.download(file, where, request.accepted_renderer)
        names = [column.name for column in self.sample._meta.fields]
        found = list(query.rows(query.select(file.name, names, where, after=after, limit=size + 1)))
        rows, more = found[:size], len(found) > size
        last = rows[-1]["row"] if rows else after
        for row in rows:
            del row["row"]
        return Response({"next": self.next(request, last) if more else None, "results": rows})

    # What was asked

    def file(self, asked) -> SampleFile:
        """The file that the two required parameters name."""
        reader = serializers.IntegerField(**(NUMBER | {"min_value": 0}))
        key = {name: self.read(asked, name, reader) for name in ("session_id", "driver_number")}
        if missing := [name for name, value in key.items() if value is None]:
            raise ValidationError(
                {name: ["This parameter is required: samples are kept by session and car."] for name in missing}
            )
        file = SampleFile.objects.filter(collection=self.collection, **key).first()
        if file is None or not default_storage.exists(file.name):
            raise NotFound(
                f"There are no samples of car {key['driver_number']} in session {key['session_id']}; bring them in with "
                f"`manage.py sync_openf1 {self.collection} --session {key['session_id']}`."
            )
        return file

    def page(self, asked) -> tuple[int, int]:
        """(rows of a page, the row of the file after which it begins)"""
        size = self.read(asked, "page_size", serializers.IntegerField(min_value=1, max_value=MAX_SIZE))
        after = self.read(asked, "cursor", serializers.IntegerField(**(NUMBER | {"min_value": 0})))
        return size or SIZE, -1 if after is None else after

    def read(self, asked, name: str, reader: serializers.Field) -> Any:
        texts = asked.pop(name, [])
        if len(texts) > 1:
            raise ValidationError({name: ["Give this only once."]})
        return self.value(name, texts[0], reader) if texts else None

    def value(self, name: str, text: str, reader: serializers.Field) -> Any:
        try:
            return reader.run_validation(text)
        except ValidationError as error:
            raise ValidationError({name: [f"{text!r}: {reason}" for reason in error.detail]}) from error

    def where(self, asked) -> list[query.Where]:
        """The conditions on columns; 400 for a parameter that is none, with those there are."""
        columns = {column.name: column for column in self.sample._meta.fields}
        found = []
        for name, texts in asked.lists():
            field, _, lookup = name.partition("__")
            lookup = lookup or "exact"
            if field not in columns or lookup not in LOOKUPS:
                raise ValidationError({name: [self.advice(list(columns))]})
            reader = serializers.BooleanField() if lookup == "isnull" else value_field(columns[field])
            if lookup == "in" or (lookup == "exact" and len(texts) > 1):
                lookup, texts = "in", [part for text in texts for part in text.split(",")]
                found.append(query.Where(field, lookup, [self.value(name, text, reader) for text in texts]))
            else:
                found += [query.Where(field, lookup, self.value(name, text, reader)) for text in texts]
        return found

    def advice(self, columns: list[str]) -> str:
        return (
            f"There is no such parameter. Valid are session_id, driver_number, page_size, cursor, format, and the columns "
            f"{', '.join(columns)}, each also with {', '.join(f'__{lookup}' for lookup in LOOKUPS if lookup != 'exact')}."
        )

    # The answer

    def next(self, request, last: int) -> str:
        texts = [(name, text) for name, texts in request.query_params.lists() for text in texts if name != "cursor"]
        return f"{canonical_url(request)}?{urlencode([*texts, ('cursor', last)])}"

    def download(self, file: SampleFile, where: list[query.Where], renderer: FileRenderer):
        """All matching rows as a file: the stored one as it is where everything matches."""
        name = f"{self.collection}_{file.session_id}_{file.driver_number}"
        filename = f"{name}.{renderer.format}"
        names = [column.name for column in self.sample._meta.fields]
        if not isinstance(renderer, ParquetRenderer):
            found = query.rows(query.select(file.name, names, where))
            columns = [Column(field.name, field.name, *plain_type(field)) for field in self.sample._meta.fields]
            return file_response(renderer, columns, (tuple(row[n] for n in names) for row in found), filename=name)
        if not where:
            content = default_storage.open(file.name)
            return FileResponse(content, as_attachment=True, filename=filename, content_type=ParquetRenderer.media_type)
        table = query.select(file.name, names, where).read_all().drop_columns(["row"])
        disposition = {"Content-Disposition": f'attachment; filename="{filename}"'}
        return HttpResponse(files.encode(table), content_type=ParquetRenderer.media_type, headers=disposition)


def described(sample: type[models.Model], serializer: type[serializers.Serializer], about: str):
    """The OpenAPI description of a view of samples."""
    required = [
        OpenApiParameter("session_id", int, required=True, description="The session."),
        OpenApiParameter("driver_number", int, required=True, description="The car."),
    ]
    own = [
        OpenApiParameter(
            "page_size", {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": SIZE}, description="Rows."
        ),
        OpenApiParameter("cursor", {"type": "integer", "minimum": 0}, description="Where the page begins; see `next`."),
        OpenApiParameter(
            "format", {"type": "string", "enum": ["json", "csv", "ndjson", "parquet"]}, description="All but json: all rows."
        ),
    ]
    columns = []
    for column in sample._meta.fields:
        kind = {"type": "string", "format": "date-time"} if column.name == "date" else {"type": "integer", **limits(column)}
        columns.append(OpenApiParameter(column.name, kind, description=f"{column.help_text} Also with __gt, __gte, __lt, __lte."))
    errors = {400: "A parameter is missing, unknown or malformed.", 404: "There are no samples of this car in this session."}
    return extend_schema(
        summary=about,
        description=f"{about}, in order. `speed>=300` is the same as `speed__gte=300`, for each column and operator.",
        parameters=[*required, *own, *columns],
        responses={
            (200, "application/json"): page_of(serializer),
            (200, "text/csv"): str,
            (200, ParquetRenderer.media_type): bytes,
            **{(status, "application/json"): OpenApiResponse({"type": "object"}, text) for status, text in errors.items()},
        },
    )


def limits(column: models.Field) -> dict[str, int]:
    low, high = bounds(column).values()  # type: ignore[arg-type]
    return {"minimum": low, "maximum": high}


class CarDataView(SamplesView):
    collection = "car_data"
    sample = CarSample

    @described(CarSample, CarSampleSerializer, "Samples of a car's electronics")
    def get(self, request):
        return super().get(request)


class LocationView(SamplesView):
    collection = "location"
    sample = LocationSample

    @described(LocationSample, LocationSampleSerializer, "Samples of a car's position")
    def get(self, request):
        return super().get(request)
