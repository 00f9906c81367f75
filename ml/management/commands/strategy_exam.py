"""Measure the strategy model on races it has not learnt from, and keep it."""

import getpass
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich import box
from rich.console import Console
from rich.table import Table

from jobs.wording import plural
from mirror.arguments import whole_number


class Command(BaseCommand):
    help = (
        "Train the strategy model on the races of some seasons and ask it about every stop of later ones: where does the car "
        "rejoin? and about every undercut and overcut: was the place gained? Prints the scores beside those of naive answers, "
        "with intervals from drawing whole races, how good the probability of a stop is, and how good the forecast of the "
        "finishing order is. --store keeps the model, trained on all of these races, as a run; promote_model makes it answer "
        "/api/v1/strategy/."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--train", type=whole_number, nargs="+", default=[2023], metavar="YEAR", help="seasons to learn from (default: 2023)"
        )
        asked = parser.add_mutually_exclusive_group()
        asked.add_argument(
            "--ask", type=whole_number, nargs="+", default=[2024], metavar="YEAR", help="seasons to ask about (default: 2024)"
        )
        asked.add_argument(
            "--leave-one-out",
            action="store_true",
            help="ask about each race of --train with a model of the others: what constants are chosen by",
        )
        kept = parser.add_mutually_exclusive_group()
        kept.add_argument("--store", action="store_true", help="keep the model as a run of the experiment “strategy”")
        kept.add_argument(
            "--constant",
            nargs="+",
            default=[],
            metavar="NAME=VALUE",
            help="with another value of a constant of ml/strategy, such as rejoin.DEGREES=2, to see what it is worth",
        )

    def handle(
        self, *, train: list[int], ask: list[int], leave_one_out: bool, store: bool, constant: list[str], **options: Any
    ) -> None:
        from ml.strategy import constants, exam, storing, undercut_exam

        if leave_one_out and store:
            raise CommandError("--store: a model is stored with the exam of later races; leave out --leave-one-out.")
        if not leave_one_out and (both := set(train) & set(ask)):
            raise CommandError(f"--ask {min(both)}: the model would have learnt from these races; choose other seasons.")
        try:
            settings = [constants.read_setting(text) for text in constant]
        except ValueError as error:
            raise CommandError(f"--constant {error}") from error
        console = Console(file=cast(IO[str], self.stdout), width=150)
        with constants.changed(settings):
            trained_on = races_of(train)
            asked = trained_on if leave_one_out else races_of(ask)
            try:
                results = exam.sit(exam.leave_one_out(trained_on) if leave_one_out else [(trained_on, asked)])
            except ValueError as error:
                raise CommandError(f"--train {' '.join(map(str, train))}: {error}") from error
            learnt = "all others of them" if leave_one_out else plural(len(trained_on), "race")
            stops = plural(len(results.answers), "stop")
            console.print(f"Trained on {learnt}, asked about {stops} of {plural(len(asked), 'race')} at pit entry.")
            race_figures, race_scores = report_all(console, results)
        figures = storing.exam_figures(results.answers, results.hazard) | undercut_exam.figures(results.attempts) | race_figures
        if store:
            split = f"season {'+'.join(map(str, ask))} after {'+'.join(map(str, train))}"
            run = storing.store(
                trained_on, asked, owner=getpass.getuser()[:50], figures=figures, split=split, race_scores=race_scores
            )
            console.print(f"Run {run.pk} of the experiment {storing.TASK}: /api/v1/runs/{run.pk}/", soft_wrap=True)


def races_of(years: list[int]) -> Any:
    """The stored races of seasons; at least one."""
    from ml import datasets
    from ml.strategy import timeline

    found = timeline.load_timelines(datasets.sessions(seasons=tuple(years)).values_list("pk", flat=True))
    if not found:
        raise CommandError(f"No race of {', '.join(map(str, years))} is stored; run sync_openf1 --season {years[0]}.")
    return found


def report_all(console: Console, results: Any) -> tuple[dict[str, float], list[Any]]:
    """All tables; returns what `report_forecast` does."""
    from ml.strategy import exam

    for name, part in exam.subsets(results.answers).items():
        if part:
            report(console, name, part)
    hazard = results.hazard
    console.print(
        f"Stop on this lap: log loss {hazard.log_loss:.4f} (constant {hazard.constant:.4f}), AUC {hazard.auc:.3f}, "
        f"{hazard.laps} car-laps"
    )
    report_undercut(console, results.attempts)
    return report_forecast(console, results.races)


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


def report_undercut(console: Console, attempts: Any) -> None:
    """A table of the Brier scores of undercuts and overcuts."""
    from ml.strategy import undercut_exam

    columns = ("n", "won", "Brier", "base rate's", "better by, 95 %")
    table = Table("Undercut and overcut", *columns, box=box.SIMPLE)
    for (kind, slow), part in undercut_exam.subsets(attempts).items():
        score = undercut_exam.score(part)
        table.add_row(
            kind + ", slow stops too" * slow,
            str(score.attempts),
            f"{score.won / score.attempts:.0%}",
            f"{score.brier:.3f}",
            f"{score.base_rate_brier:.3f}",
            f"{score.better_low:+.3f} to {score.better_high:+.3f}",
        )
    console.print(table)


def report_forecast(console: Console, asked: Any) -> tuple[dict[str, float], list[Any]]:
    """Tables of the forecasts of (race, model); returns (its figures by name, the scores of each race)."""
    from ml.strategy import race_exam

    figures: dict[str, float] = {}
    scores: list[race_exam.Scored] = []
    titles = {False: "stops foretold", True: "stops as made, which only hindsight knows"}
    for actual, title in titles.items():
        columns = (
            "error",
            "order stays",
            "better by, 95 %",
            "CRPS",
            "order stays",
            "80 % holds",
            "winner's Brier",
            "podium's Brier",
            "worst race",
        )
        table = Table(f"Finishing order, {title}", *columns, box=box.SIMPLE)
        for share in race_exam.SHARES:
            races = [race_exam.score_race(race, share, model, actual_stops=actual) for race, model in asked]
            mean, beside = race_exam.means(races), race_exam.compare(races)
            table.add_row(
                f"from {share:.0%} on",
                *(f"{mean[name]:.3f}" for name in ("error", "frozen_error")),
                f"{beside.better_low:+.2f} to {beside.better_high:+.2f}",
                *(f"{mean[name]:.3f}" for name in ("crps", "frozen_crps")),
                f"{mean['covered']:.1%}",
                f"{mean['winner_brier']:.4f} ({mean['frozen_winner_brier']:.4f})",
                f"{mean['podium_brier']:.4f} ({mean['frozen_podium_brier']:.4f})",
                f"{mean['worst_race']:+.2f}",
            )
            scores += [race_exam.Scored(share, actual, race) for race in races]
            if not actual:
                figures |= {f"forecast_{share:.0%}_{name}".replace("%", ""): value for name, value in mean.items()}
        console.print(table)
    return figures, scores
