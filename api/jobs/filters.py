"""Filters of jobs."""

from api.filters import ModelFilter
from jobs import kinds
from jobs.models import Job


class JobFilter(ModelFilter):
    """Every field of a job; `owner` is a user name."""

    related = {"owner": "owner__username"}
    closed = {"kind": lambda: kinds.KINDS}

    class Meta:
        model = Job
