"""Predictions of lap times."""

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import admission
from api.errors import Conflict
from api.formats import BrowsableRenderer, JSONRenderer
from api.links import detail_prefix
from api.serializers import validate_data
from ml.models import Run
from ml.serializers.predictions import PredictionSerializer, PredictSerializer

if TYPE_CHECKING:
    from ml.prediction import Champion

IN_WORDS = {"race": "bahrain", "year": 2024, "session": "race", "driver": "VER", "from_lap": 20}
MEASURES = ("mae", "baseline_mae", "skill", "skill_low", "skill_high", "coverage", "width")


class PredictView(APIView):
    """Lap times of laps to come in seconds, with 80 % intervals, by the promoted models."""

    permission_classes = [AllowAny]  # a POST that changes nothing
    renderer_classes = [JSONRenderer, BrowsableRenderer]
    failures = {"": {409}}

    @extend_schema(
        summary="Predict laps",
        request=PredictSerializer,
        responses={200: PredictionSerializer},
        examples=[
            OpenApiExample("A race that is stored", {"session_id": 9472, "driver_number": 1, "from_lap": 20}, request_only=True),
            OpenApiExample("The same in words", IN_WORDS, request_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Predict either laps of a stored race, from what was known when `from_lap` began (it may be the next lap of a race that
        is not over), or one hypothetical lap. Assumes that the laps will be clean ones, without stops and flags. 409 where no
        model has been promoted for the task.
        """
        query = validate_data(PredictSerializer, request.data)
        from ml import hypothetical, prediction

        try:
            with admission.turn(admission.EXPENSIVE, request):
                if "session_id" in query:
                    answer = prediction.predict_session(**query)
                else:
                    answer = hypothetical.predict_hypothetical(**query)
        except prediction.CannotPredict as error:
            raise ValidationError({error.field: [str(error)]}) from error
        except (prediction.NoChampion, ValueError) as error:
            raise Conflict(str(error)) from error
        champions = [describe_champion(task, champion, request) for task, champion in answer.champions.items()]
        laps = [lap._asdict() for lap in answer.laps]
        return Response({"laps": laps, "champions": champions, "warnings": answer.warnings})


def describe_champion(task: str, champion: "Champion", request: Request) -> dict[str, Any]:
    """A champion as ChampionSerializer describes it."""
    measured = {name: champion.measured[name] for name in MEASURES if name in champion.measured}
    url = f"{detail_prefix(request, Run)}{champion.run.pk}/"
    return {"task": task, "model": champion.run.model, "run": url, "split": champion.run.split, "measured": measured}
