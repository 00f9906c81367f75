"""Measure the models of lap times on races they have not learnt from, all tasks in one table."""

import math
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich import box
from rich.console import Console
from rich.table import Column, Table

from mirror.arguments import whole_number
from ml import estimators, evaluation, splits
from ml.management.commands.build_dataset import add_query, query
from ml.tasks import TASKS

COLUMNS = (
    "task",
    "split",
    "laps",
    "races",
    "MAE, s",
    "naive, s",
    "skill",
    "95 %",
    "worst race",
    "80 % holds",
    "by race",
    "width, s",
    "Winkler, s",
    "fit, s",
)


class Command(BaseCommand):
    help = (
        "Train a model on every task, ask it about races it has not learnt from, and print one table: error, skill over the best "
        "naive answer, its worst race, and how well the 80 % intervals hold, over all laps and in the worst and best of races "
        f"with more than {evaluation.ENOUGH_LAPS} asked laps. Nothing is stored. Run it before and after a change."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--model",
            choices=[*estimators.MODELS],
            default="gradient_boosting",
            metavar="MODEL",
            help="which model (default: %(default)s)",
        )
        parser.add_argument(
            "--task", nargs="+", choices=[*TASKS], default=[*TASKS], metavar="TASK", help="which tasks (default: all)"
        )
        parser.add_argument(
            "--split",
            nargs="+",
            default=["before:2024-01-01", "by_race"],
            metavar="SPLIT",
            help="what is learnt from and what is asked (default: %(default)s)",
        )
        parser.add_argument("--dataset", metavar="NAME", help="the laps that build_dataset stored, not those of the database")
        add_query(parser)
        parser.add_argument(
            "--seed", type=whole_number, default=0, metavar="N", help="of everything that is drawn (default: %(default)s)"
        )

    def handle(self, *, model: str, task: list[str], split: list[str], dataset: str | None, seed: int, **options: Any) -> None:
        if dataset and any(query(options).values()):
            raise CommandError("--dataset says which laps already: leave out --season, --race and --session-name.")
        from ml import building, exam

        console = Console(file=cast(IO[str], self.stdout), width=190)
        table = Table(*(Column(name, no_wrap=True) for name in COLUMNS), title=f"{model}, seed {seed}", box=box.SIMPLE_HEAD)
        naive: dict[str, None] = {}
        try:
            for name in split:
                splits.check_split(name)
            data = building.read_dataset(dataset) if dataset else building.load_data(**query(options))
            for row in exam.examine(
                data,
                model=model,
                tasks=task,
                splits=split,
                seed=seed,
                progress=lambda message: console.print(f"{message} ...", style="dim"),
            ):
                table.add_row(*cells(row))
                naive[f"{row.task}: {row.baseline}"] = None
        except ValueError as error:
            raise CommandError(str(error)) from error
        console.print(table)
        console.print(f"Best naive answers: {'; '.join(naive)}.", soft_wrap=True)


def cells(row: Any) -> list[str]:
    """The figures of a row as texts, in the order of COLUMNS."""
    return [
        row.task,
        row.split,
        str(row.laps),
        str(row.races),
        f"{row.mae:.4f}",
        f"{row.baseline_mae:.4f}",
        f"{row.skill.value:.2%}",
        f"{row.skill.low:.1%} to {row.skill.high:.1%}",
        f"{row.worst_skill:.1%}",
        f"{row.coverage:.1%}",
        "–" if math.isnan(row.least_covered) else f"{row.least_covered:.1%} to {row.most_covered:.1%}",
        f"{row.width:.3f}",
        f"{row.interval_score:.4f}",
        f"{row.seconds:.0f}",
    ]
