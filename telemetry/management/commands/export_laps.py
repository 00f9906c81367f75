"""Export laps for analysis."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from mirror.arguments import whole_number
from races.models import Session
from telemetry.export import write_laps
from telemetry.models import Lap

SESSION_NAMES = ["Race", "Practice 2"]  # long runs on full tanks: what race pace can be learnt from


class Command(BaseCommand):
    help = (
        "Write laps, each with its race, session, driver and stint, to a CSV file. Laps that say nothing about pace are left "
        "out: without a time, a sector or a known compound, out-laps, and laps not between 60 and 150 seconds; how many, "
        "and why, is printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output", default="laps_dataset.csv", metavar="FILE", help="where to (default: %(default)s; - is standard output)"
        )
        parser.add_argument(
            "--season",
            type=whole_number,
            nargs="+",
            action="extend",
            default=[],
            metavar="Y",
            help="only these seasons (default: all)",
        )
        parser.add_argument(
            "--session-name",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME",
            help=f"only sessions of these names (default: {' and '.join(SESSION_NAMES)})",
        )

    def handle(self, *, output: str, season: list[int], session_name: list[str], **options: Any) -> None:
        sessions = chosen_sessions(season, session_name)
        laps = Lap.objects.filter(session__in=sessions)
        if output == "-":
            report, self.stderr.style_func = self.stderr, None
            try:
                written, excluded = write_laps(laps, self.stdout)
            except BrokenPipeError:  # whoever read has seen enough, as `head` has
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return
        else:
            report = self.stdout
            try:
                with replacing(Path(output)) as file:
                    written, excluded = write_laps(laps, file)
            except OSError as error:
                raise CommandError(f"{output} cannot be written: {error.strerror}") from error
        report.write(f"{output}: {written} of {written + excluded.total()} laps")
        for flaw, count in excluded.items():
            report.write(f"{count:>8} left out: {flaw}")


def chosen_sessions(seasons: list[int], names: list[str]) -> QuerySet[Session]:
    """The sessions of these seasons (all, when none are given) and names; a name that none of them has is an error."""
    sessions = Session.objects.filter(year__in=seasons) if seasons else Session.objects.all()
    known = set(sessions.order_by().values_list("session_name", flat=True).distinct())
    wanted = names or SESSION_NAMES
    missing = [name for name in wanted if name not in known]
    if missing and (names or missing == wanted):
        where = f" of {', '.join(map(str, seasons))}" if seasons else ""
        there_are = f"there are: {', '.join(sorted(known))}" if known else "sync or load some first"
        raise CommandError(f"No session{where} is named {' or '.join(missing)}; {there_are}")
    return sessions.filter(session_name__in=wanted)


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A file to write that takes the place of `path` once all went well, and else leaves what was there."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
