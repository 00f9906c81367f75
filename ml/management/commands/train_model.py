"""Train a model of lap times and say how good it is."""

import getpass
import json
import time
from pathlib import Path
from typing import IO, Any, cast

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich import box
from rich.console import Console
from rich.table import Table

from jobs.wording import plural
from mirror.arguments import whole_number
from mirror.json_input import NotJSON, parse_json
from ml import datasets, estimators, splits
from ml.management.commands.build_dataset import add_query, query
from ml.tasks import TASKS


class Command(BaseCommand):
    help = (
        "Train a model on the race laps that are stored, let it predict laps of races it has not seen, and print how far off "
        "it is, beside what anybody could have said without a model. Only clean laps are asked about: that a lap will be a "
        f"clean one is hindsight. Models: {', '.join(estimators.MODELS)}. Tasks: {', '.join(TASKS)}. Splits: {splits.NAMES}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", choices=[*estimators.MODELS], metavar="MODEL", help="which model")
        parser.add_argument(
            "--task", choices=[*TASKS], default="next_lap", metavar="TASK", help="which question (default: %(default)s)"
        )
        parser.add_argument(
            "--split",
            default="by_race",
            metavar="SPLIT",
            help="what is learnt from and what is asked (default: %(default)s); random asks for laps of races it has learnt from",
        )
        parser.add_argument("--dataset", metavar="NAME", help="learn from what build_dataset stored, not from the database")
        add_query(parser)
        parser.add_argument(
            "--experiment", default="", metavar="NAME", help="the run becomes one of this experiment (default: the task's name)"
        )
        parser.add_argument(
            "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="pairs", help="settings of the model"
        )
        parser.add_argument(
            "--seed", type=whole_number, default=0, metavar="N", help="of everything that is drawn (default: %(default)s)"
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too, by race, season and compound")

    def handle(
        self,
        *,
        model: str,
        task: str,
        split: str,
        dataset: str | None,
        experiment: str,
        pairs: list[str],
        seed: int,
        **options: Any,
    ) -> None:
        console = Console(file=cast(IO[str], self.stdout), width=130)
        if dataset and any(query(options).values()):
            raise CommandError("--dataset says which laps already: leave out --season, --race and --session-name.")
        from ml import building, training, trials

        began = time.monotonic()
        try:
            splits.check_split(split)
            console.print("Loading laps and computing features ...", style="dim")
            data = building.read_dataset(dataset) if dataset else building.load_data(**query(options))
            run, result = trials.trial(
                data,
                model=model,
                task=task,
                split=split,
                seed=seed,
                settings=parsed(pairs),
                experiment=experiment,
                owner=getpass.getuser()[:50],
                progress=lambda message: console.print(f"{message} ...", style="dim"),
            )
        except ValidationError as error:
            raise CommandError(f"--experiment {experiment}: {' '.join(error.messages)}") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        report(console, result, data.laps)
        console.print(f"Took {time.monotonic() - began:.1f} s in all: loading, training, measuring and drawing.")
        console.print(f"Run {run.pk} of the experiment {run.experiment.name}: /api/v1/runs/{run.pk}/", soft_wrap=True)
        if options["json"]:
            told = training.figures(result) | {"excluded": datasets.excluded(data.laps), "run": str(run.pk)}
            options["json"].write_text(json.dumps(told, indent=1))


def parsed(settings: list[str]) -> dict[str, Any]:
    """["alpha=3", …] -> {"alpha": 3, …}: JSON values, or texts."""
    found = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise CommandError(f"--set {setting}: KEY=VALUE is wanted, such as alpha=3.")
        try:
            found[key] = parse_json(value.encode())
        except NotJSON:
            found[key] = value
        except ValueError as error:
            raise CommandError(f"--set {key}: {error}.") from error
    return found


def report(console: Console, result: Any, laps: Any) -> None:
    """The table of results."""
    if result.leaky:
        console.print(
            "LEAKY: laps of the same races are on both sides of this split. The figures say nothing about a race to come."
        )
    table = Table(f"{result.task}, {result.split}, seed {result.seed}", "MAE", box=box.SIMPLE_HEAD)
    rows = {**result.baselines, f"{result.model} (model)": result.metrics["mae"]}
    for name, mae in sorted(rows.items(), key=lambda row: -row[1]):
        table.add_row(name, f"{mae:.4f} s", style="bold" if name.endswith("(model)") else "")
    console.print(table)
    found = result.metrics
    races = plural(result.predictions["session_id"].nunique(), "race")
    console.print(
        f"{len(result.predictions)} laps of {races} asked for, {len(laps)} stored; the folds took {result.seconds:.1f} s"
    )
    console.print(
        f"skill over {result.baseline}: {result.skill.value:.1%}, 95 % interval {result.skill.low:.1%} to {result.skill.high:.1%}"
    )
    console.print(
        f"R2 {found['r2']:.4f}, RMSE {found['rmse']:.3f} s, MSE {found['mse']:.3f} s², median error {found['median_ae']:.3f} s, "
        f"within 0.3 s {found['within_0.3s']:.1%}, within 0.5 s {found['within_0.5s']:.1%}"
    )
    if result.coverage:
        spread = f"{result.coverage['least_covered']:.1%} to {result.coverage['most_covered']:.1%} by race"
        console.print(f"80 % intervals hold {result.coverage['coverage']:.1%} ({spread}), {result.coverage['width']:.2f} s wide")
