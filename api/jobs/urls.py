"""The routes of jobs; a router of their own, as jobs are not readable by everybody."""

from api.jobs.views import JobViewSet
from api.router import Router

router = Router()
router.register("jobs", JobViewSet)
