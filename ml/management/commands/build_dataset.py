"""Store laps, and what was known before each, as a dataset."""

import time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.wording import plural
from mirror.arguments import whole_number
from ml.models import Dataset
from races.arguments import race_ids


def add_query(parser: CommandParser) -> None:
    """Which laps: the arguments that `query` reads."""
    parser.add_argument(
        "--season", "--year", type=whole_number, nargs="+", action="extend", default=[], metavar="Y", help="only these seasons"
    )
    parser.add_argument(
        "--race",
        nargs="+",
        action="extend",
        default=[],
        metavar="RACE",
        help="only these race weekends, by race_id or name (monaco; within --season where that is given)",
    )
    parser.add_argument(
        "--session-name", nargs="+", action="extend", default=[], metavar="NAME", help="sessions of these names (default: Race)"
    )


def query(options: dict) -> dict:
    races = race_ids(options["race"], years=options["season"])
    return {"seasons": options["season"], "races": races, "session_names": options["session_name"]}


class Command(BaseCommand):
    help = (
        "Write the laps of races, with what was known of each before it began, to one Parquet file in the storage, and note what "
        "was asked for, the rules by which laps are clean, how many each reason leaves out, and the SHA-256 of the content. All "
        "laps are in the file; the column `excluded` says why one is not fit for learning. The same laps give the same "
        "fingerprint. train_model --dataset NAME learns from it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_query(parser)
        parser.add_argument("--output", required=True, metavar="NAME", help="name of the dataset: letters, digits, _ and -")
        parser.add_argument("--replace", action="store_true", help="where the name is taken by other content")

    def handle(self, **options: Any) -> None:
        from ml import building

        began = time.monotonic()
        try:
            dataset = building.build_dataset(name=options["output"], replace=options["replace"], **query(options))
        except ValidationError as error:
            raise CommandError(f"--output {options['output']}: {' '.join(error.messages)}") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(describe(dataset))
        self.stdout.write(f"{time.monotonic() - began:.1f} s")


def describe(dataset: Dataset) -> str:
    out = sum(dataset.excluded.values())
    lines = [f"{dataset.name}: {plural(dataset.rows, 'lap')}, {dataset.rows - out} of them clean", f"SHA-256 {dataset.sha256}"]
    lines += [f"  {count:6} {reason}" for reason, count in sorted(dataset.excluded.items(), key=lambda pair: -pair[1])]
    return "\n".join([*lines, f"written to {dataset.file}"])
