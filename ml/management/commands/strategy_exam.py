"""Measure the strategy model on races it has not learnt from."""

from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich import box
from rich.console import Console
from rich.table import Table

from mirror.arguments import whole_number


class Command(BaseCommand):
    help = (
        "Train the strategy model on the races of some seasons and ask it about every stop of later ones: where does the car "
        "rejoin? Prints the scores beside those of naive answers, with intervals from drawing whole races, and how good the "
        "probability of a stop is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--train", type=whole_number, nargs="+", default=[2023], metavar="YEAR", help="seasons to learn from (default: 2023)"
        )
        parser.add_argument(
            "--ask", type=whole_number, nargs="+", default=[2024], metavar="YEAR", help="seasons to ask about (default: 2024)"
        )

    def handle(self, *, train: list[int], ask: list[int], **options: Any) -> None:
        from ml import datasets
        from ml.strategy import exam, fitting, timeline

        if both := set(train) & set(ask):
            raise CommandError(f"--ask {min(both)}: the model would have learnt from these races; choose other seasons.")
        races = {
            years: timeline.load_timelines(datasets.sessions(seasons=years).values_list("pk", flat=True))
            for years in (tuple(train), tuple(ask))
        }
        for years, found in races.items():
            if not found:
                raise CommandError(f"No race of {', '.join(map(str, years))} is stored; run sync_openf1 --season {years[0]}.")
        trained_on, asked = races[tuple(train)], races[tuple(ask)]
        try:
            model = fitting.fit(trained_on)
        except ValueError as error:
            raise CommandError(f"--train {' '.join(map(str, train))}: {error}") from error
        console = Console(file=cast(IO[str], self.stdout), width=150)
        answers = exam.examine(trained_on, asked, model)
        console.print(f"Trained on {len(trained_on)} races, asked about {len(answers)} stops of {len(asked)} races at pit entry.")
        for name, part in exam.subsets(answers).items():
            if part:
                report(console, name, part)
        hazard = exam.examine_hazard(asked, model)
        console.print(
            f"Stop on this lap: log loss {hazard.log_loss:.4f} (constant {hazard.constant:.4f}), AUC {hazard.auc:.3f}, "
            f"{hazard.laps} car-laps"
        )


def report(console: Console, title: str, asked: Any) -> None:
    """A table of the scores of every method."""
    from ml.strategy import exam

    table = Table(
        f"{title}, n = {len(asked)}",
        "exact",
        "95 %",
        "within one",
        "log score",
        "CRPS",
        "80 % set holds",
        "places",
        box=box.SIMPLE,
    )
    for name in exam.NAMES:
        mean = exam.mean_score(asked, name)
        low, high = exam.interval(asked, name, "exact")
        table.add_row(
            name,
            f"{mean.exact:.1%}",
            f"{low:.1%} to {high:.1%}",
            f"{mean.within_one:.1%}",
            f"{mean.log_score:.3f}",
            f"{mean.crps:.3f}",
            f"{mean.covered:.1%}",
            f"{mean.set_size:.2f}",
            style="bold" if name == "model" else "",
        )
    console.print(table)
