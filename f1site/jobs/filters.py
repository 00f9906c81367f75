from f1site.api.filters import ModelFilter
from f1site.jobs.models import Job


class JobFilter(ModelFilter):
    """Every field of a job; `owner` is a user name."""

    related = {"owner": "owner__username"}

    class Meta:
        model = Job
