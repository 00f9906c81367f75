"""Filters of jobs."""

from api.filters import ModelFilter
from jobs import kinds
from jobs.models import MANUAL, Job


class JobFilter(ModelFilter):
    """Every field of a job; `owner` is a user name."""

    related = {"owner": "owner__username"}
    closed = {"kind": lambda: (*kinds.KINDS, MANUAL)}

    class Meta:
        model = Job
