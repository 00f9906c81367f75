"""Jobs are not among the rows that everybody may read, so they have a router of their own."""

from api.router import Router
from jobs.views import JobViewSet

router = Router()
router.register("jobs", JobViewSet)
