"""Jobs are not among the rows that everybody may read, so they have a router of their own."""

from api.jobs.views import JobViewSet
from api.router import Router

router = Router()
router.register("jobs", JobViewSet)
