"""Strategy: where a car rejoins, whether a stop gains a place, how a race ends, and what another strategy would have brought."""

from typing import ClassVar

import msgspec
from django.conf import settings
from django.db.models import Subquery
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from api.errors import Conflict
from api.formats import BrowsableRenderer, JSONRenderer
from api.kept import alone, in_turn
from api.serializers import validate_data
from mirror import versions
from ml.models import Run
from ml.models.circuit_facts import last_change
from ml.serializers.strategy import (
    ForecastQuery,
    ForecastSerializer,
    RejoinQuery,
    RejoinSerializer,
    UndercutQuery,
    UndercutSerializer,
    WhatIfQuery,
    WhatIfSerializer,
)

LAP = OpenApiExample("A lap of the first stint", 10, parameter_only=("lap", "query"))
STOP = OpenApiExample("A lap after it", [20], parameter_only=("stop_lap", "query"))
TYRES = OpenApiExample("Hard tyres", ["HARD"], parameter_only=("tyre_compound", "query"))


class StrategyView(APIView):
    """A question about the strategy of a race; the answers are kept until a row or a
    fact about a circuit changes, or another model is promoted."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, BrowsableRenderer]
    failures: ClassVar[dict[str, set[int]]] = {"": {409}}
    query: type[Serializer]
    question: str

    def answer(self, request: Request) -> Response:
        parameters = request.query_params.copy()  # with every value of a repeated parameter
        parameters.pop("format", None)
        options = validate_data(self.query, parameters)
        from ml.strategy import answers, asking, storing

        ask = answers.QUESTIONS[self.question]
        champion = Run.objects.filter(task=storing.TASK, champion=True).values_list("pk", Subquery(last_change())).first()
        version = versions.of_session(options["session_id"])
        key = repr((settings.VERSION, self.question, sorted(options.items()), version, champion))

        def make() -> bytes:
            with alone(self.question, sorted(options.items())):
                return msgspec.json.encode(ask(**options))

        try:
            return Response(msgspec.Raw(in_turn(request, key, make)))
        except asking.CannotAnswer as error:
            raise ValidationError({error.field: [str(error)]}) from error
        except (storing.NoStrategy, ValueError) as error:
            raise Conflict(str(error)) from error


class RejoinView(StrategyView):
    query, question = RejoinQuery, "rejoin"

    @extend_schema(
        operation_id="strategy_rejoin",
        summary="Where does he rejoin?",
        parameters=[RejoinQuery],
        responses=RejoinSerializer,
        examples=[LAP],
    )
    def get(self, request: Request) -> Response:
        """The place at the end of the out-lap of a car that comes in at the end of a lap, as probabilities, from what is known
        when it reaches the pit entry. 409 where no strategy model has been promoted.
        """
        return self.answer(request)


class UndercutView(StrategyView):
    query, question = UndercutQuery, "undercut"

    @extend_schema(
        operation_id="strategy_undercut",
        summary="Does a stop now gain the place of the car ahead?",
        parameters=[UndercutQuery],
        responses=UndercutSerializer,
        examples=[LAP],
    )
    def get(self, request: Request) -> Response:
        """The probability of gaining the place of the car directly ahead by stopping first (undercut) or by staying out while it
        stops (overcut), beside the share of recorded attempts that were won. 409 where no strategy model has been promoted.
        """
        return self.answer(request)


class RaceForecastView(StrategyView):
    query, question = ForecastQuery, "forecast"

    @extend_schema(
        operation_id="strategy_forecast",
        summary="How does the race end?",
        parameters=[ForecastQuery],
        responses=ForecastSerializer,
        examples=[LAP],
    )
    def get(self, request: Request) -> Response:
        """The finishing order as probabilities, from what is known when the leader ends a lap, by simulating the rest of the race
        a thousand times. 409 where no strategy model has been promoted.
        """
        return self.answer(request)


class WhatIfView(StrategyView):
    query, question = WhatIfQuery, "what-if"

    @extend_schema(
        operation_id="strategy_what_if",
        summary="What would other stops have brought?",
        parameters=[WhatIfQuery],
        responses=WhatIfSerializer,
        examples=[LAP, STOP, TYRES],
    )
    def get(self, request: Request) -> Response:
        """The finish of a car with its own stops and with other ones (`stop_lap` and `tyre_compound`, repeated for each stop),
        and that for each lap that the first of them could be on. Such an answer cannot be validated, and says so. 409 where no
        strategy model has been promoted.
        """
        return self.answer(request)
