"""Registries of background work: kinds of jobs, conditions of schedules, clean-ups after dead workers. Apps fill them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rest_framework import serializers

from jobs.models import Job
from jobs.progress import Progress
from jobs.unknown import refuse_unknown

JobParameters = dict[str, Any]


class Parameters(serializers.Serializer):
    """Validates the parameters of a job and refuses unknown ones."""

    def to_internal_value(self, data: Any) -> Any:
        refuse_unknown(data, self.fields, noun="parameter")
        return super().to_internal_value(data)


def integer_list(help_text: str, *, minimum: int = 1, maximum: int = 2**31 - 1) -> serializers.ListField:
    """An optional parameter: a list of integers between two bounds."""
    integer = serializers.IntegerField(min_value=minimum, max_value=maximum)
    return serializers.ListField(child=integer, required=False, max_length=1000, help_text=help_text)


def season_list(first_season: int = 1950) -> serializers.ListField:
    """An optional parameter: a list of seasons."""
    return integer_list("Seasons, e.g. [2024].", minimum=first_season, maximum=2100)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of job: the function that runs it and what its parameters may be.

    `run` returns the job's result as JSON, or raises `Failed`. After a job of a kind in `follows` has ended, a job of this kind
    is queued with the parameters that `parameters_after(job, result)` returns, unless that is None.
    """

    run: Callable[[Progress, Job], Any]
    parameters: type[Parameters] = Parameters
    about: str
    follows: Collection[str] = ()
    parameters_after: Callable[[Job, Any], JobParameters | None] | None = None


KINDS: dict[str, Kind] = {}
CONDITIONS: dict[str, Callable[[datetime], bool]] = {}  # by the name of the option that schedules pass
CLEAN_UPS: list[Callable[[], object]] = []


def register(name: str, **options: Any) -> None:
    """Make a kind of job known under `name`; the options are those of `Kind`."""
    KINDS[name] = Kind(**options)


def register_condition(option: str, holds: Callable[[datetime], bool]) -> None:
    """Let schedules pass `option`: jobs are then queued only at moments for which `holds` is true."""
    CONDITIONS[option] = holds


def register_clean_up(clean_up: Callable[[], object]) -> None:
    """Call `clean_up` whenever the jobs of dead workers are queued again."""
    CLEAN_UPS.append(clean_up)


def following_jobs(job: Job, result: Any) -> list[tuple[str, JobParameters]]:
    """(kind, parameters) of the jobs that are to be queued after this one."""
    followers = [(name, kind.parameters_after) for name, kind in KINDS.items() if job.kind in kind.follows]
    planned = [(name, parameters_after(job, result)) for name, parameters_after in followers if parameters_after]
    return [(name, parameters) for name, parameters in planned if parameters is not None]
