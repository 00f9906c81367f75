"""Experiments have rules of their own, and so a router of their own."""

from f1site.api.router import Router
from ml.views import ExperimentViewSet

router = Router()
router.register("experiments", ExperimentViewSet)
