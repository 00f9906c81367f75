"""Filters of jobs."""

from api.filters import ModelFilter
from jobs.models import Job


class JobFilter(ModelFilter):
    """Every field of a job; `owner` is a user name."""

    related = {"owner": "owner__username"}

    class Meta:
        model = Job
