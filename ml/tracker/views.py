"""MLflow's protocol over HTTP: `/api/2.0/mlflow/…` and the files at `/api/2.0/mlflow-artifacts/artifacts/…`."""

from typing import Any

import msgspec
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import to_api_exception
from api.formats import JSONRenderer
from ml import recording
from ml.tracker import logged_models
from ml.tracker.calls import CALLS, Call, Refused, files_below, find_run, own_run
from ml.tracker.messages import NewModel, RunId
from ml.views.runs import RawParser

CREATE = Call("POST", NewModel, logged_models.create)
STATUSES = {"RESOURCE_DOES_NOT_EXIST": 404, "ENDPOINT_NOT_FOUND": 404}  # all others are 400
CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST", 429: "REQUEST_LIMIT_EXCEEDED"}


class TrackerView(APIView):
    """Answers and errors as MLflow's clients read them."""

    permission_classes = [IsAuthenticatedOrReadOnly]
    renderer_classes = [JSONRenderer]
    parser_classes = [RawParser]
    schema = None  # MLflow describes it

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return JSONRenderer(), JSONRenderer.media_type

    def handle_exception(self, exc: Exception) -> Response:
        match exc:
            case Refused():
                return problem(exc.code, str(exc), STATUSES.get(exc.code, 400))
            case recording.Ended():
                return problem("INVALID_STATE", f"{exc} What was logged stays as it is; start another run.", 400)
            case RecursionError():
                return problem("INVALID_PARAMETER_VALUE", "The body is nested too deeply.", 400)
            case ValueError():  # a filter, a message or a value
                return problem("INVALID_PARAMETER_VALUE", str(exc), 400)
        error = to_api_exception(exc)
        status = error.status_code
        if status >= 500 and not isinstance(exc, exceptions.APIException | Http404 | SuspiciousOperation):
            return super().handle_exception(exc)
        response = problem(CODES.get(status, "BAD_REQUEST"), str(error.detail), status)
        if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
            response["WWW-Authenticate"] = "Bearer"
        if getattr(exc, "wait", None):
            response["Retry-After"] = f"{exc.wait:.0f}"  # type: ignore[attr-defined]
        return response


class CallView(TrackerView):
    """One of `CALLS`."""

    def get(self, request: Request, call: str) -> Response:
        values = {name: request.query_params[name] for name in request.query_params}
        return self.answer(request, call, lambda kind: msgspec.convert(values, kind, strict=False))

    def post(self, request: Request, call: str) -> Response:
        body: Any = request.data or b"{}"
        return self.answer(request, call, lambda kind: msgspec.json.decode(body, type=kind, strict=False))

    def patch(self, request: Request, call: str) -> Response:
        return self.post(request, call)

    def answer(self, request: Request, name: str, parse: Any) -> Response:
        call = CREATE if name == logged_models.PREFIX else CALLS.get(name)
        if call is None or call.method != request.method:
            about_model = logged_models.ask(request.user, name, method=str(request.method))
            if about_model is not None:
                return Response(about_model)
            raise Refused("ENDPOINT_NOT_FOUND", f"{request.method} {name} is not spoken here; there are: {', '.join(CALLS)}.")
        return Response(call.answer(request.user, parse(call.message)))

    def check_permissions(self, request: Request) -> None:
        if str(self.kwargs.get("call")).endswith("/search"):  # a POST that reads
            return
        super().check_permissions(request)


class FilesView(TrackerView):
    """The files of runs, at the addresses that their `artifact_uri` means."""

    def get(self, request: Request, experiment: str, run: str, name: str = "") -> HttpResponse:
        artifact = find_run(run).artifacts.filter(name=name).first()
        if artifact is None:
            raise Refused("RESOURCE_DOES_NOT_EXIST", f"The run has no file {name!r}.")
        content = recording.read_artifact(artifact)
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(content, content_type="application/octet-stream", headers=headers)

    def put(self, request: Request, experiment: str, run: str, name: str) -> Response:
        content: Any = request.data or b""
        kind = str(request.content_type or "application/octet-stream")[:100]
        recording.store_artifact(run=own_run(request.user, RunId(run)), name=name, content=content, content_type=kind)
        return Response({})


class FolderView(TrackerView):
    """The list of the files of a run."""

    def get(self, request: Request) -> Response:
        _, _, path = request.query_params.get("path", "").strip("/").partition("/")
        run, _, rest = path.partition("/artifacts")
        files = files_below(find_run(run), rest)
        folder = rest.strip("/")
        names = [each["path"].removeprefix(f"{folder}/") if folder else each["path"] for each in files]
        return Response({"files": [each | {"path": name} for each, name in zip(files, names, strict=True)]})


def problem(code: str, message: str, status: int) -> Response:
    return Response({"error_code": code, "message": message}, status=status)
