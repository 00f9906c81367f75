"""Renderers and parsers of the REST API: JSON in; JSON, CSV, NDJSON, Parquet or a browsable page out."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import IO, Any
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework import parsers, renderers
from rest_framework.exceptions import NotAcceptable, ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation

from api.errors import TooLarge
from api.tables import spreadsheet, writers
from api.tables.columns import Column, Columns
from api.tables.converters import python_to_arrow, python_to_csv, python_to_json, python_to_spreadsheet
from mirror.json_input import TooDeep, parse_json

CHUNK = 500  # rows that a streamed response sends at a time


class JSONRenderer(renderers.JSONRenderer):
    """JSON by msgspec, which takes 3 ms instead of 20 for a page of 1,000 laps; datetimes are ISO 8601 in UTC, with a Z."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        body = msgspec.json.encode(data, enc_hook=str)
        indent = self.get_indent(accepted_media_type or "", renderer_context or {})
        return msgspec.json.format(body, indent=indent) if indent else body


class JSONParser(parsers.BaseParser):
    """Strict JSON: refuses NaN, infinity, numbers too large for a float, invalid text, and unlimited nesting."""

    media_type = "application/json"
    renderer_class = JSONRenderer  # fills the form of a browsable page

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body is larger than {limit:,} bytes.")
        try:
            return parse_json(body)
        except TooDeep as error:
            raise ValidationError({name: [f"{error}.".capitalize()] for name in error.fields or ["detail"]}) from error
        except ValueError as error:
            raise ParseError(f"The body is refused: {error}.") from error


class FileRenderer(renderers.BaseRenderer):
    """A list as a file, which `file_response` streams. Only failures are rendered here, and they are JSON."""

    charset: str | None = None
    write: Callable[[Columns, writers.Chunks], Iterator[bytes]]  # for rows of Python values

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        renderer_context["response"]["Content-Type"] = JSONRenderer.media_type
        return JSONRenderer().render(data)


class CSVRenderer(FileRenderer):
    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"
    write = staticmethod(partial(writers.write_csv, convert=python_to_csv))


class NDJSONRenderer(FileRenderer):
    media_type = writers.FORMATS["ndjson"].content_type
    format = "ndjson"
    write = staticmethod(partial(writers.write_ndjson, convert=python_to_json))


class ParquetRenderer(FileRenderer):
    media_type = writers.FORMATS["parquet"].content_type
    format = "parquet"
    write = staticmethod(partial(writers.write_parquet, convert=python_to_arrow))


FILES = (CSVRenderer, NDJSONRenderer, ParquetRenderer)


class BrowsableRenderer(renderers.BrowsableAPIRenderer):
    template = "f1site/api.html"

    def get_default_renderer(self, view: Any) -> JSONRenderer:
        return JSONRenderer()


class Negotiation(DefaultContentNegotiation):
    """`?format=` decides, then the Accept header; a client that accepts none of the formats gets JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        names = request.query_params.getlist(self.settings.URL_FORMAT_OVERRIDE)
        if names and names[-1] not in (valid := [renderer.format for renderer in renderers]):
            raise ValidationError({"format": [f"There is no format {names[-1]!r} here; valid are: {', '.join(valid)}."]})
        try:
            chosen = super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            renderer = next((each for each in renderers if [each.format] == names[-1:]), renderers[0])
            chosen = renderer, renderer.media_type
        read_zone(request, chosen[0])  # refuses it at once where the format takes none
        return chosen


def read_zone(request: Any, renderer: Any) -> ZoneInfo | None:
    """The time zone of a CSV for a spreadsheet, where `excel` asks for one; ValidationError for another format or zone."""
    try:
        zone = spreadsheet.read_zone(request.query_params.get("excel", ""))
    except ValueError as error:
        raise ValidationError({"excel": [str(error)]}) from error
    if zone and not isinstance(renderer, CSVRenderer):
        raise ValidationError({"excel": ["Only with format=csv."]})
    return zone


def write_file(request: Any, renderer: FileRenderer, columns: Columns, rows: writers.Chunks) -> Iterator[bytes]:
    """The pieces of a file: for a spreadsheet where `excel` asks for it, with times of its time zone."""
    if zone := read_zone(request, renderer):
        return spreadsheet.write_csv(columns, rows, python_to_spreadsheet, zone=zone)
    return renderer.write(columns, rows)


def split_rows(rows: Iterable[tuple]) -> Iterator[writers.Chunk]:
    """Split rows into lists of CHUNK rows, lazily."""
    iterator = iter(rows)
    return iter(lambda: list(islice(iterator, CHUNK)), [])


def table_response(request: Any, rows: list[dict[str, Any]], *, filename: str) -> StreamingHttpResponse:
    """Rows that all have the same names as a file of the format that the request accepts."""
    columns = [column_of(name, [row[name] for row in rows]) for name in (rows[0] if rows else ())]
    chunks = split_rows(tuple(row.values()) for row in rows)
    renderer = request.accepted_renderer
    return file_response(renderer, write_file(request, renderer, columns, chunks), filename=filename)


def column_of(name: str, values: list[Any]) -> Column:
    """The column of a file for these values, which are of one type or None; whole numbers among others are numbers."""
    kinds = {type(value) for value in values if value is not None}
    kind = float if float in kinds else next(iter(kinds), str)
    return Column(name, name, kind, low=-(2**31), high=2**31 - 1)


def file_response(renderer: FileRenderer, pieces: Iterable[bytes], *, filename: str) -> StreamingHttpResponse:
    """A streamed file download, whose memory does not grow with the number of rows."""
    media_type = f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
    disposition = {"Content-Disposition": f'attachment; filename="{filename}.{renderer.format}"'}
    return StreamingHttpResponse(pieces, content_type=media_type, headers=disposition)
