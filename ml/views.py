"""Experiments, runs and predictions over HTTP. Everybody reads them; whoever has a login makes some, and changes their own."""

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import parsers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import AllowAny, IsAuthenticatedOrReadOnly
from rest_framework.response import Response
from rest_framework.views import APIView

from api import history
from api.errors import Conflict, TooLarge
from api.formats import BrowsableRenderer, JSONRenderer
from api.links import NAMESPACE, detail_prefix
from api.pagination import Pages
from api.serializers import read
from api.viewsets import EntityViewSet, find
from ml import comparison, recording
from ml.analysis import QUESTIONS, CannotSay, NotThere, ask
from ml.filters import ExperimentFilter, RunFilter
from ml.models import Experiment, Run
from ml.pages import ComparisonPage
from ml.serializers import QUESTIONS as QUESTIONS_TOLD
from ml.serializers import (
    AnalysisQuery,
    AnswerSerializer,
    ExperimentDetailSerializer,
    ExperimentSerializer,
    NewRunSerializer,
    PredictionSerializer,
    PredictSerializer,
    RunDetailSerializer,
    RunLogSerializer,
    RunSerializer,
)

COMPARED = 10  # runs, unless the caller says
MOST_COMPARED = 50
SHOWN_IN_PLACE = {"image/png", "application/json"}  # other files are downloaded: a page among them must not be one of this site


class Few(Pages):
    size, most = 20, 100


class ExperimentViewSet(EntityViewSet):
    """Questions, and the runs that try to answer them."""

    queryset = Experiment.objects.all()
    serializer_class = ExperimentSerializer
    pagination_class = Few
    filterset_class = ExperimentFilter
    permission_classes = [IsAuthenticatedOrReadOnly]
    search_fields = ("name", "owner", "description")
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    failures = {"create": {409}, "partial_update": {409}, "compare": {404}}  # besides the usual ones

    def get_serializer_class(self):
        return ExperimentDetailSerializer if self.action == "retrieve" else ExperimentSerializer

    def partial_update(self, request, *args, **kwargs):
        """Changes the fields it is given; a step between states that is not possible is a conflict."""
        with transaction.atomic():
            row = self.owned()
            before = row.status
            serializer = self.get_serializer(row, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            after = serializer.validated_data.get("status", before)
            if after != before and after not in Experiment.NEXT[Experiment.Status(before)]:
                raise Conflict(f"An experiment that is {before} cannot become {after}.")
            self.save(serializer)
            history.changed(request.user, row, serializer.validated_data)
        return Response(serializer.to_representation(row))

    def destroy(self, request, *args, **kwargs):
        """It goes with all its runs and their files."""
        with transaction.atomic():
            row = self.owned()
            history.deleted(request.user, row)
            recording.delete_experiment(row)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Compare runs of an experiment",
        parameters=[
            OpenApiParameter("runs", str, description="IDs of runs, separated by commas; by default the newest ten."),
            OpenApiParameter("format", exclude=True),  # pages are for browsers, which need no description
        ],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    @action(detail=True, filter_backends=[], pagination_class=None)
    def compare(self, request, **kwargs):
        """The parameters that differ, each metric side by side with its difference to the baseline (the experiment's, or else the
        first of the runs), and the error of each race in seconds. A browser gets a page.
        """
        experiment = self.get_object()
        runs = chosen(experiment, request.query_params)
        return Response(comparison.compare(experiment, runs))

    def get_renderers(self):
        return [JSONRenderer(), ComparisonPage()] if self.action == "compare" else super().get_renderers()

    def owned(self) -> Experiment:
        """The row that the URL names, if it is the caller's to change."""
        row = self.get_object(lock=True)
        must_own(self.request.user, row)
        return row


def must_own(user: Any, row: Experiment | Run) -> None:
    if row.created_by_id != user.pk and not user.is_staff:
        raise PermissionDenied(f"This is the {row._meta.verbose_name} of somebody else.")


def chosen(experiment: Experiment, query: Any) -> list[Run]:
    """The runs that a comparison names, in that order; 404 for one that the experiment does not have."""
    names = [name for text in query.getlist("runs") for name in text.split(",") if name]
    if not names:
        runs = list(experiment.runs.all()[:COMPARED])
        if not runs:
            raise NotFound(f"The experiment '{experiment.pk}' has no runs yet.")
        return runs
    if len(names) > MOST_COMPARED:
        raise ValidationError({"runs": [f"{len(names)} runs are too many to compare; at most {MOST_COMPARED}."]})
    return [find(experiment.runs.all(), name) for name in dict.fromkeys(names)]


@extend_schema_view(
    create=extend_schema(request=NewRunSerializer, responses={201: RunDetailSerializer}),
    partial_update=extend_schema(request=RunLogSerializer, responses={200: RunDetailSerializer}),
)
class RunViewSet(EntityViewSet):
    """Trainings of an experiment: those of train_model, and those that programs elsewhere write down here."""

    queryset = Run.objects.all()
    serializer_class = RunSerializer
    pagination_class = Few
    filterset_class = RunFilter
    permission_classes = [IsAuthenticatedOrReadOnly]
    search_fields = ("model", "owner", "task")
    http_method_names = ["get", "post", "patch", "head", "options"]
    failures = {"create": {404, 409}, "partial_update": {409}, "artifacts": {404, 409}, "add_artifact": {404, 409, 413}}

    def get_serializer_class(self):
        return RunSerializer if self.action == "list" else RunDetailSerializer

    def create(self, request, *args, **kwargs):
        """It runs until a PATCH says that it has ended. 403 unless the experiment is one's own."""
        asked = read(NewRunSerializer, self.below_parent(request.data))
        if "experiment_id" not in asked:
            raise ValidationError({"experiment_id": ["This field is required."]})
        experiment = find(Experiment.objects.all(), asked.pop("experiment_id"))
        must_own(request.user, experiment)
        log: dict[str, Any] = {name: asked.pop(name) for name in ("metrics", "status", "error") if name in asked}
        leaky = asked.pop("leaky") or asked["split"] == "random"
        with transaction.atomic():
            run = recording.start_run(experiment=experiment, user=request.user, leaky=leaky, **asked)
            self.write_down(run, log)
        body = self.get_serializer().to_representation(run)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": body["url"]})

    def partial_update(self, request, *args, **kwargs):
        """Adds parameters and metrics, and ends the run. 409 once it has ended: what was written down stays."""
        run = self.get_object()
        must_own(request.user, run)
        asked = read(RunLogSerializer, request.data)
        with transaction.atomic():
            self.write_down(run, asked)
        return Response(self.get_serializer().to_representation(run))

    def write_down(self, run: Run, asked: dict[str, Any]) -> None:
        try:
            if "params" in asked:
                recording.log_params(run=run, params=asked["params"])
            for row in asked.get("metrics", ()):
                recording.log_metrics(run=run, metrics={row["key"]: row["value"]}, step=row["step"], context=row["context"])
            if "status" in asked:
                recording.end_run(run=run, status=asked["status"], error=asked.get("error", ""))
        except recording.Ended as error:
            raise Conflict(str(error)) from error

    @extend_schema(summary="Fetch a file of a run", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, filter_backends=[], pagination_class=None, url_path="artifacts/(?P<name>[-A-Za-z0-9_.]{1,100})")
    def artifacts(self, request, name, **kwargs):
        """409 where the file is not the one that was stored: its SHA-256 is kept in the database."""
        artifact = self.get_object().artifacts.filter(name=name).first()
        if artifact is None:
            raise NotFound(f"The run has no file {name!r}.")
        try:
            content = recording.read_artifact(artifact)
        except (ValueError, OSError) as error:
            raise Conflict(f"The file {name!r} cannot be trusted: {error}") from error
        shown = artifact.content_type in SHOWN_IN_PLACE
        kind = artifact.content_type if shown else "application/octet-stream"
        disposition = f'{"inline" if shown else "attachment"}; filename="{name}"'
        return HttpResponse(content, content_type=kind, headers={"Content-Disposition": disposition, "X-SHA256": artifact.sha256})

    @extend_schema(
        summary="Keep a file of a run",
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: OpenApiResponse(OpenApiTypes.OBJECT, "Its name, size and SHA-256.")},
    )
    @artifacts.mapping.post
    def add_artifact(self, request, name, **kwargs):
        """The body is the file; one of the same name is replaced. 409 once the run has ended."""
        run = self.get_object()
        must_own(request.user, run)
        try:
            artifact = recording.store_artifact(run=run, name=name, content=request.data, content_type=request.content_type[:100])
        except recording.Ended as error:
            raise Conflict(str(error)) from error
        except ValueError as error:
            raise ValidationError({"name": [str(error)]}) from error
        return Response(
            {"name": name, "size": artifact.size, "sha256": artifact.sha256},
            status=status.HTTP_201_CREATED,
            headers={"Location": request.build_absolute_uri()},
        )

    def get_parsers(self):
        method = str(self.request.method).lower() if self.request else ""
        return [Bytes()] if self.action_map and self.action_map.get(method) == "add_artifact" else super().get_parsers()


class Bytes(parsers.BaseParser):
    """A body as it is."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None):
        from django.conf import settings

        content = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(content) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.")
        return content


class PredictView(APIView):
    """Seconds of laps to come, with 80 % intervals, by the models that have been promoted."""

    permission_classes = [AllowAny]  # it reads
    renderer_classes = [JSONRenderer, BrowsableRenderer]
    failures = {"": {409}}

    @extend_schema(
        summary="Predict laps",
        request=PredictSerializer,
        responses={200: PredictionSerializer},
        examples=[
            OpenApiExample("A race that is stored", {"session_id": 9472, "driver_number": 1, "from_lap": 20}, request_only=True),
        ],
    )
    def post(self, request):
        """Either laps of a race that is stored, from what was known when `from_lap` began (it may be the next lap of a race that
        is still on), or a lap that is made up. That the laps will be clean ones, without stops and flags, is taken for granted.
        409 where no model has been promoted for what is asked.
        """
        asked = read(PredictSerializer, request.data)
        from ml import prediction

        try:
            if "session_id" in asked:
                answer = prediction.of_session(**asked)
            else:
                asked.pop("race_laps", None)
                answer = prediction.made_up(**asked)
        except prediction.CannotSay as error:
            raise ValidationError({error.field: [str(error)]}) from error
        except (prediction.NoChampion, ValueError) as error:
            raise Conflict(str(error)) from error
        champions = [self.champion(task, one) for task, one in answer.champions.items()]
        laps = [lap._asdict() for lap in answer.laps]
        return Response({"laps": laps, "champions": champions, "warnings": answer.warnings})

    def champion(self, task, one):
        names = ("mae", "baseline_mae", "skill", "skill_low", "skill_high", "coverage", "width")
        measured = {name: one.measured[name] for name in names if name in one.measured}
        url = f"{detail_prefix(self.request, Run)}{one.run.pk}/"
        return {"task": task, "model": one.run.model, "run": url, "split": one.run.split, "measured": measured}


class AnalysisView(APIView):
    """What race engineers ask of the laps of a session."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, BrowsableRenderer]
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
        ],
        responses=AnswerSerializer,
    )
    def get(self, request, question):
        """The answer says what was found (`rows`), how many laps it rests on (`n`), which those are (`filters`) and what was
        taken for granted (`assumptions`). Seconds, unless a name says otherwise; `interval` is 95 %. 404 for a session that
        is not there, has no laps or is of another kind; 400 where too little is known.
        """
        query = request.query_params.dict()
        query.pop("format", None)
        asked = read(AnalysisQuery, query)
        try:
            return Response(ask(question, asked.pop("session_id"), **asked))
        except NotThere as error:
            raise NotFound(error.args[0]) from error
        except CannotSay as error:
            raise ValidationError({"detail": str(error)}) from error


class QuestionsView(APIView):
    """The questions that can be asked."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, BrowsableRenderer]

    @extend_schema(
        operation_id="analysis_questions",
        summary="List the questions",
        responses={(200, "application/json"): QUESTIONS_TOLD},
    )
    def get(self, request):
        """What can be asked of the laps of a session, of which sessions, and with what options."""
        root = request.build_absolute_uri(reverse(f"{NAMESPACE}:analysis"))
        return Response(
            {
                name: {"about": one.about, "sessions": one.kinds, "options": one.options, "url": f"{root}{name}/?session_id="}
                for name, one in QUESTIONS.items()
            }
        )
