"""Experiments and runs have rules of their own, and so a router of their own."""

from django.urls import path

from api.router import Router
from ml.views import AnalysisView, ExperimentViewSet, PredictView, QuestionsView, RunViewSet

router = Router()
router.register("experiments", ExperimentViewSet)
router.register("runs", RunViewSet)
views = [
    path("predict/", PredictView.as_view(), name="predict"),
    path("analysis/", QuestionsView.as_view(), name="analysis"),
    path("analysis/<slug:question>/", AnalysisView.as_view(), name="analysis-question"),
]
