"""Routes of the ml API. Experiments and runs have permissions of their own, and so a router of their own."""

from django.urls import path

from api.router import Router
from ml.views.analysis import AnalysisView, QuestionsView
from ml.views.circuit_facts import CircuitFactViewSet
from ml.views.experiments import ExperimentViewSet
from ml.views.predictions import PredictView
from ml.views.runs import RunViewSet
from ml.views.strategy import RaceForecastView, RejoinView, UndercutView, WhatIfView

router = Router()
router.register("experiments", ExperimentViewSet)
router.register("runs", RunViewSet)
router.register("circuit-facts", CircuitFactViewSet)
views = [
    path("predict/", PredictView.as_view(), name="predict"),
    path("strategy/rejoin/", RejoinView.as_view(), name="strategy-rejoin"),
    path("strategy/undercut/", UndercutView.as_view(), name="strategy-undercut"),
    path("strategy/forecast/", RaceForecastView.as_view(), name="strategy-forecast"),
    path("strategy/what-if/", WhatIfView.as_view(), name="strategy-what-if"),
    path("analysis/", QuestionsView.as_view(), name="analysis"),
    path("analysis/<slug:question>/", AnalysisView.as_view(), name="analysis-question"),
]
