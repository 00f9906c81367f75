"""Race engineers' questions about the laps of a session."""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.formats import (
    BrowsableRenderer,
    CSVRenderer,
    FileRenderer,
    JSONRenderer,
    ParquetRenderer,
    table_response,
)
from api.kept import alone, in_turn
from api.links import NAMESPACE
from api.parameters import drop_format
from api.selecting import pick_fields
from api.serializers import validate_data
from api.tables.spreadsheet import EXCEL
from mirror import versions
from ml.analysis import QUESTIONS, CannotSay, NotThere, ask, spell_question
from ml.analysis.columns import TABLES, flat_rows
from ml.serializers.analysis import QUESTIONS_SCHEMA, AnalysisQuery, AnswerSerializer
from races.models import Session


class SVGRenderer(FileRenderer):
    media_type = "image/svg+xml"
    format = "svg"


class PNGRenderer(FileRenderer):
    media_type = "image/png"
    format = "png"


class AnalysisView(APIView):
    """The answer to a race engineer's question about the laps of a session."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, CSVRenderer, ParquetRenderer, SVGRenderer, PNGRenderer, BrowsableRenderer]
    failures = {"": {404}}

    @extend_schema(
        operation_id="analysis_ask",
        summary="Ask a question about a session",
        parameters=[
            OpenApiParameter(
                "question",
                str,
                "path",
                enum=[*QUESTIONS],
                description="; ".join(f"{name}: {question.about}" for name, question in QUESTIONS.items()),
            ),
            AnalysisQuery,
            OpenApiParameter("excel", str, description=EXCEL),
        ],
        responses={
            (200, "application/json"): AnswerSerializer,
            (200, CSVRenderer.media_type): str,
            (200, ParquetRenderer.media_type): bytes,
            (200, SVGRenderer.media_type): str,
            (200, PNGRenderer.media_type): bytes,
        },
    )
    def get(self, request: Request, question: str) -> HttpResponseBase:
        """The answer has the results (`rows`), the number of laps that it rests on (`n`), which laps those are (`filters`) and
        what was assumed (`assumptions`). Seconds, unless a name says otherwise; `interval` is 95 %. 404 for a session that is not
        stored, has no laps or is of another kind; 400 where there are too few laps.
        """
        query, question = drop_format(request.query_params.dict()), spell_question(question)
        if question not in QUESTIONS:
            raise NotFound(f"There is no question {question!r}; there are: {', '.join(QUESTIONS)}.")
        options = validate_data(AnalysisQuery, query, kinds=QUESTIONS[question].kinds)
        session_id, table, fields = options.pop("session_id"), options.pop("table", "rows"), options.pop("fields", "")
        renderer: Any = request.accepted_renderer
        try:
            answer = kept_answer(request, question, session_id, options)
            if isinstance(renderer, SVGRenderer | PNGRenderer):
                return picture(request, answer, renderer)
            if isinstance(renderer, FileRenderer):
                return table_file(request, msgspec.json.decode(answer), table, fields=fields)
            if fields:
                whole = msgspec.json.decode(answer)
                return Response(whole | {"rows": pick_fields(whole["rows"], fields)})
            return Response(msgspec.Raw(answer))
        except NotThere as error:
            raise NotFound(error.args[0]) from error
        except CannotSay as error:
            raise ValidationError({"detail": str(error)}) from error


def kept_answer(request: Request, question: str, session_id: int, options: dict[str, Any]) -> bytes:
    """An answer as JSON, kept until a row changes or the session is checked anew."""
    checked = Session.objects.filter(pk=session_id).values_list("quality__checked_at").first()
    key = repr((settings.VERSION, question, session_id, sorted(options.items()), versions.everything(), checked))

    def make() -> bytes:
        with alone(question, session_id, options):
            return msgspec.json.encode(ask(question, session_id, **options), enc_hook=str)

    return in_turn(request, key, make)


def picture(request: Request, answer: bytes, renderer: FileRenderer) -> HttpResponse:
    """The picture of an answer; CannotSay where there is nothing to draw."""
    from ml.analysis import plots

    def draw() -> bytes:
        return plots.encode(msgspec.json.decode(answer), renderer.format)

    try:
        body = in_turn(request, repr((settings.VERSION, renderer.format, answer)), draw)
    except ValueError as error:
        raise CannotSay(str(error)) from error
    return HttpResponse(body, content_type=renderer.media_type)


def table_file(request: Request, answer: dict[str, Any], table: str, *, fields: str) -> HttpResponseBase:
    """One of the tables of an answer as a file; CannotSay where the answer has no such table."""
    if not isinstance(answer.get(table), list):
        raise CannotSay(f"This answer has no table {table!r}; it has: {', '.join(name for name in TABLES if answer.get(name))}.")
    rows = pick_fields(flat_rows(answer[table]), fields)
    return table_response(request, rows, filename=f"{answer['question']}_{answer['session']['session_id']}")


class QuestionsView(APIView):
    """The questions that can be asked."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, BrowsableRenderer]

    @extend_schema(
        operation_id="analysis_questions",
        summary="List the questions",
        responses={(200, "application/json"): QUESTIONS_SCHEMA},
    )
    def get(self, request: Request) -> Response:
        """The questions that can be asked about the laps of a session, the sessions they apply to, and their options."""
        root = request.build_absolute_uri(reverse(f"{NAMESPACE}:analysis"))
        return Response(
            {
                name: {
                    "about": question.about,
                    "sessions": question.kinds,
                    "options": question.options,
                    "url": f"{root}{name}/?session_id=",
                }
                for name, question in QUESTIONS.items()
            }
        )
