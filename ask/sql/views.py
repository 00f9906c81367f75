"""`/api/v1/sql/?q=…`: a question in SQL over REST."""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import admission
from api.formats import CSVRenderer, JSONRenderer, ParquetRenderer, read_zone
from api.parameters import FORMAT_PARAMETERS
from api.tables.spreadsheet import EXCEL
from ask.sql import running
from ask.sql.describe import JOINS, tables
from ask.sql.examples import EXAMPLES

TURNED_OFF = "SQL is turned off on this site (setting SQL)."
PARAMETERS = ("q", *FORMAT_PARAMETERS)


class SqlColumnSerializer(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.CharField(help_text="As DuckDB calls it.")


class SqlAnswerSerializer(serializers.Serializer):
    """The answer to a question; without one, the tables and examples instead."""

    columns = SqlColumnSerializer(many=True, required=False)
    rows = serializers.ListField(child=serializers.ListField(), required=False, help_text="A list of values for each row.")
    row_count = serializers.IntegerField(required=False)
    truncated = serializers.BooleanField(required=False, help_text="There are more rows than are answered.")
    as_of = serializers.DateTimeField(
        required=False, allow_null=True, help_text="The last change of the rows that it was read from."
    )
    tables = serializers.ListField(child=serializers.DictField(), required=False, help_text="Name, columns, and what it has.")
    examples = serializers.ListField(child=serializers.DictField(), required=False, help_text="Questions in words and in SQL.")


class Unanswered(APIException):
    status_code = 503


class SqlView(APIView):
    """Questions in SQL."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, CSVRenderer, ParquetRenderer]
    failures = {"": {404}}

    @extend_schema(
        operation_id="sql",
        summary="Ask in SQL",
        parameters=[
            OpenApiParameter(
                "q",
                str,
                description="One statement of DuckDB's SQL that reads, such as `SELECT count(*) FROM laps`; without it "
                "the answer describes the tables.",
            ),
            OpenApiParameter("excel", str, description=EXCEL),
        ],
        responses={
            (200, "application/json"): SqlAnswerSerializer,
            (200, "text/csv"): str,
            (200, ParquetRenderer.media_type): bytes,
        },
    )
    def get(self, request: Request) -> HttpResponse | Response:
        """Tables are named as OpenF1's collections and have its fields, with corrections applied; without `q` the answer lists
        them, with examples. A question has 5 seconds, 512 MB of memory and 100,000 rows: JSON says by `truncated` that there
        are more, a file is then refused. 400 says what is wrong with a question, 404 that SQL is turned off.
        """
        if not settings.SQL:
            raise NotFound(TURNED_OFF)
        for name in request.query_params:
            if name not in PARAMETERS:
                raise ValidationError({name: [f"There is no parameter {name!r} here; valid are: {', '.join(PARAMETERS)}."]})
        if "q" not in request.query_params:
            return Response(description())
        renderer: Any = request.accepted_renderer
        zone = read_zone(request, renderer)
        answer = answer_in_turn(request, request.query_params["q"], format_=renderer.format, zone=zone.key if zone else "")
        if renderer.format == "json":
            return HttpResponse(as_json(answer), content_type="application/json")
        disposition = {"Content-Disposition": f'attachment; filename="answer.{renderer.format}"'}
        return HttpResponse(answer.body, content_type=renderer.media_type, headers=disposition)


def answer_in_turn(request: Request, sql: str, *, format_: str, zone: str) -> running.Answer:
    try:
        with admission.turn(admission.SQL, request):
            return running.run(sql, format_=format_, zone=zone)
    except running.Refused as error:
        raise ValidationError({"q": [str(error)]}) from error
    except running.WorkerDied as error:
        raise Unanswered(str(error)) from error


def as_json(answer: running.Answer) -> bytes:
    body = {
        "columns": answer.columns,
        "rows": msgspec.Raw(answer.body),
        "row_count": answer.rows,
        "truncated": answer.truncated,
        "as_of": answer.as_of,
    }
    return msgspec.json.encode(body)


def description() -> dict[str, Any]:
    """What can be asked."""
    return {
        "tables": msgspec.to_builtins(tables()),
        "joins": [join._asdict() for join in JOINS],
        "limits": {
            "seconds": running.SECONDS,
            "memory_mb": running.MEMORY_MB,
            "rows": running.ROWS,
            "characters": running.LONGEST,
        },
        "examples": [{"question": example.question, "sql": example.sql} for example in EXAMPLES],
    }
