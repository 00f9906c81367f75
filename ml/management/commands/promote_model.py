"""Let a run's model answer predictions."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import recording
from ml.models import Run


class Command(BaseCommand):
    help = (
        "Make the model of a run the champion of its task: POST /api/v1/predict/ answers with it from then on, in every process "
        "of the site. Refused for a run that has failed, still runs, or was measured on a leaky split, and for one of lap_time "
        "or in_lap that was no better than its baseline. Its file is read first, so one that was altered, or written with "
        "another scikit-learn, is refused too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", metavar="RUN", help="the run's ID, as train_model prints it, or the beginning of it")

    def handle(self, *, run: str, **options: Any) -> None:
        found = find_run(run)
        from ml import artifacts

        try:
            artifacts.loads(found)
            before = Run.objects.filter(task=found.task, champion=True).exclude(pk=found.pk).first()
            recording.promote(found)
        except ValueError as error:
            raise CommandError(str(error)) from error
        skill = recording.measured_skill(found)
        if skill is not None and skill <= 0:
            self.stdout.write(f"Its skill is {skill:.1%}: on the laps it was tested on, the naive answer was no worse.")
        self.stdout.write(f"{found} answers for {found.task}" + (f", in place of {before}." if before else "."))


def find_run(start: str) -> Run:
    """The run whose ID begins so."""
    found = Run.objects.filter(pk__istartswith=start)[:2]
    if not start or not found:
        raise CommandError(f"There is no run {start!r}; /api/v1/experiments/ and the admin list them.")
    if len(found) > 1:
        raise CommandError(f"Several runs begin with {start!r}: {', '.join(str(run.pk) for run in found)}; give more of the ID.")
    return found[0]
