"""Samples over HTTP: the rows of one car's file, filtered, in pages of JSON or all as CSV, NDJSON or Parquet."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.fields import integer_bounds, value_field
from api.formats import (
    FILES,
    BrowsableRenderer,
    CSVRenderer,
    FileRenderer,
    JSONRenderer,
    ParquetRenderer,
    file_response,
    split_rows,
    write_file,
)
from api.links import canonical_url
from api.parameters import conditions, drop_format, split_values
from api.selecting import read_selection
from api.tables import arrow
from api.tables.columns import make_column
from drivers.filters import DRIVER, resolve_words
from races.filters import RACE, SESSION, pop_words
from telemetry.models import CarSample, LocationSample, SampleFile
from telemetry.samples import files, query
from telemetry.samples.serializers import CarSampleSerializer, LocationSampleSerializer, page_of
from telemetry.samples.sources import way_to

SIZE, MAX_SIZE = 1_000, 10_000  # rows of a page: unless the caller says, and at most
NOT_NEGATIVE = integer_bounds(models.PositiveIntegerField()) | {"min_value": 0}
KEYS = {"session_id": "The session.", "driver_number": "The car."}
WORDS = {"race": RACE, "year": "The season of the race, or `latest`.", "session": SESSION, "driver": DRIVER}


class SamplesView(APIView):
    """One collection of samples. `session_id` and `driver_number` name the file, all others are conditions on columns."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, *FILES, BrowsableRenderer]
    collection: str
    sample: type[models.Model]

    def get(self, request: Request) -> HttpResponseBase:
        parameters = conditions(request.query_params)
        file = self.find_file(parameters)
        size, after = self.parse_page(parameters)
        drop_format(parameters)
        columns = self.pop_columns(request, parameters)
        row_conditions = self.parse_conditions(parameters)
        if isinstance(request.accepted_renderer, FileRenderer):
            return self.download(request, file, row_conditions, columns=columns)
        table = files.read_table(file.name, file.sha256, [column.name for column in self.fields])
        rows = query.matching_rows(table, row_conditions)
        rows = rows[rows > after][: size + 1]
        is_last = len(rows) <= size
        rows = rows[:size]
        next_url = None if is_last else self.next_url(request, int(rows[-1]))
        return Response({"next": next_url, "results": table.select(columns).take(rows).to_pylist()})

    @property
    def fields(self) -> list[models.Field]:
        return list(self.sample._meta.fields)

    # Parameters

    def find_file(self, parameters: MultiValueDict) -> SampleFile:
        """The file that session_id and driver_number, or the words for them, name."""
        self.resolve_words(parameters)
        reader = serializers.IntegerField(**NOT_NEGATIVE)
        key = {name: self.pop_value(parameters, name, reader) for name in KEYS}
        if missing := [name for name, value in key.items() if value is None]:
            raise ValidationError(
                {name: ["This parameter is required: samples are kept by session and car."] for name in missing}
            )
        file = SampleFile.objects.filter(collection=self.collection, **key).first()
        if file is None:
            raise NotFound(
                f"There are no samples of car {key['driver_number']} in session {key['session_id']}; "
                f"{way_to(int(key['session_id']), self.collection)}."
            )
        return file

    def resolve_words(self, parameters: MultiValueDict) -> None:
        """Put session_id and driver_number in place of race, year, session and driver."""
        words = pop_words(parameters, [name for name in WORDS if name in parameters])
        keys = {name: parameters[name] for name in KEYS if name in parameters}
        if "driver" in words and "driver_number" in keys:
            raise ValidationError({"driver": ["This is said by driver_number: leave one of them out."]})
        for name, value in resolve_words(keys | words).items():
            if name in KEYS and parameters.get(name) != value:
                parameters[name] = str(value)

    def pop_columns(self, request: Request, parameters: MultiValueDict) -> list[str]:
        """The names of the columns to answer: those in `fields`, or all."""
        parameters.pop("fields", None)
        names = [field.name for field in self.fields]
        return [*read_selection(request, names=names, included={}).fields] or names

    def parse_page(self, parameters: MultiValueDict) -> tuple[int, int]:
        """(rows of a page, number of the row of the file after which it begins)"""
        size = self.pop_value(parameters, "page_size", serializers.IntegerField(min_value=1, max_value=MAX_SIZE))
        after = self.pop_value(parameters, "cursor", serializers.IntegerField(**NOT_NEGATIVE))
        return size or SIZE, -1 if after is None else after

    def pop_value(self, parameters: MultiValueDict, name: str, reader: serializers.Field) -> Any:
        texts: Any = parameters.pop(name, [])
        if len(texts) > 1:
            raise ValidationError({name: ["Give this only once."]})
        return self.parse_value(name, texts[0], reader) if texts else None

    def parse_value(self, name: str, text: str, reader: serializers.Field) -> Any:
        try:
            return reader.run_validation(text)
        except ValidationError as error:
            raise ValidationError({name: [f"{text!r}: {reason}" for reason in error.detail]}) from error

    def parse_conditions(self, parameters: MultiValueDict) -> list[query.Condition]:
        """The conditions on columns; ValidationError, with the valid names, for an unknown parameter."""
        fields = {field.name: field for field in self.fields}
        row_conditions = []
        for name, texts in parameters.lists():
            column, _, lookup = name.partition("__")
            lookup = lookup or "exact"
            if column not in fields or lookup not in query.LOOKUPS:
                raise ValidationError({name: [self.advice(list(fields))]})
            reader = serializers.BooleanField() if lookup == "isnull" else value_field(fields[column])
            if lookup == "in" or (lookup == "exact" and len(texts) > 1):
                try:
                    parts = split_values(texts)
                except ValueError as error:
                    raise ValidationError({name: [str(error)]}) from error
                values = [self.parse_value(name, part, reader) for part in parts]
                row_conditions.append(query.Condition(column, "in", values))
            else:
                row_conditions += [query.Condition(column, lookup, self.parse_value(name, text, reader)) for text in texts]
        return row_conditions

    def advice(self, columns: list[str]) -> str:
        lookups = ", ".join(f"__{lookup}" for lookup in query.LOOKUPS if lookup != "exact")
        return (
            f"There is no such parameter. Valid are {', '.join([*KEYS, *WORDS])}, fields, page_size, cursor, format, excel, and "
            f"the columns {', '.join(columns)}, each also with {lookups}."
        )

    # Responses

    def next_url(self, request: Request, last: int) -> str:
        texts = [(name, text) for name, texts in request.query_params.lists() for text in texts if name != "cursor"]
        return f"{canonical_url(request)}?{urlencode([*texts, ('cursor', last)])}"

    def download(
        self, request: Request, file: SampleFile, row_conditions: list[query.Condition], *, columns: list[str]
    ) -> HttpResponse | FileResponse | StreamingHttpResponse:
        """All matching rows as a file: the stored file itself where there are no conditions."""
        renderer: Any = request.accepted_renderer
        name = f"{self.collection}_{file.session_id}_{file.driver_number}"
        filename = f"{name}.{renderer.format}"
        whole = not row_conditions and columns == [field.name for field in self.fields]
        if isinstance(renderer, ParquetRenderer) and whole and "excel" not in request.query_params:
            content = BytesIO(files.read_verified(file.name, file.sha256))
            return FileResponse(content, as_attachment=True, filename=filename, content_type=ParquetRenderer.media_type)
        made = [make_column(self.sample._meta.get_field(column)) for column in columns]  # type: ignore[arg-type]
        table = files.read_table(file.name, file.sha256, [field.name for field in self.fields])
        table = table.take(query.matching_rows(table, row_conditions)).select(columns)
        if request.query_params.get("excel"):
            rows = zip(*(table[column].to_pylist() for column in columns), strict=True)
            return file_response(renderer, write_file(request, renderer, made, split_rows(rows)), filename=name)
        if isinstance(renderer, ParquetRenderer):
            disposition = {"Content-Disposition": f'attachment; filename="{filename}"'}
            return HttpResponse(files.encode(table), content_type=ParquetRenderer.media_type, headers=disposition)
        write = arrow.write_csv if isinstance(renderer, CSVRenderer) else arrow.write_ndjson
        return file_response(renderer, write(made, [table], arrow.REST), filename=name)


def describe_view(sample: type[models.Model], serializer: type[serializers.Serializer], about: str) -> Callable:
    """The OpenAPI description of a view of samples."""
    required = [
        *(OpenApiParameter(name, int, description=f"{text} Required, unless words name it.") for name, text in KEYS.items()),
        *(OpenApiParameter(name, str, description=text) for name, text in WORDS.items()),
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
    errors = {
        400: "A parameter is missing, unknown or malformed.",
        404: "There are no samples of this car in this session.",
        503: "The file of the car is damaged or missing; `detail` names it and the command that fetches it again.",
    }
    return extend_schema(
        summary=about,
        description=f"{about}, in order. `speed>=300` is the same as `speed__gte=300`, for each column and operator. "
        "`fields=date,speed` answers only these columns.",
        parameters=[*required, *own, *columns],
        responses={
            (200, "application/json"): page_of(serializer),
            (200, "text/csv"): str,
            (200, ParquetRenderer.media_type): bytes,
            **{(status, "application/json"): OpenApiResponse({"type": "object"}, text) for status, text in errors.items()},
        },
    )


def limits(column: models.Field) -> dict[str, int]:
    low, high = integer_bounds(column).values()  # type: ignore[arg-type]
    return {"minimum": low, "maximum": high}


class CarDataView(SamplesView):
    collection = "car_data"
    sample = CarSample

    @describe_view(CarSample, CarSampleSerializer, "Samples of a car's electronics")
    def get(self, request: Request) -> HttpResponseBase:
        return super().get(request)


class LocationView(SamplesView):
    collection = "location"
    sample = LocationSample

    @describe_view(LocationSample, LocationSampleSerializer, "Samples of a car's position")
    def get(self, request: Request) -> HttpResponseBase:
        return super().get(request)
