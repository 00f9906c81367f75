"""Jobs are not among the rows that everybody may read, so they have a router of their own."""

from f1site.api.router import Router
from f1site.jobs.views import JobViewSet

router = Router()
router.register("jobs", JobViewSet)
