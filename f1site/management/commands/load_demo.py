"""Load or remove the demo season, invented rows for a first look at the site."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from drivers.teams import remove_teams_without_cars
from f1site.management.commands.sync_openf1 import BarObserver, JsonObserver, counts_text
from jobs.wording import plural
from mirror import simulator
from mirror.arguments import whole_number
from mirror.pipeline import sync
from mirror.reporting import Report
from mirror.simulator import loading


class Command(BaseCommand):
    help = (
        f"Load the demo season: an invented Formula 1 season of {simulator.YEAR} with teams, drivers and circuits of its own. "
        "Loading it again writes nothing; a demo of another seed or with more races is removed first. Its rows have the "
        "source 'demo', and --remove deletes them and nothing else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--seed", type=whole_number, default=1, metavar="N", help="each number gives another season (default 1)"
        )
        parser.add_argument("--races", type=whole_number, default=3, metavar="N", help="race weekends, 1 to 24 (default 3)")
        parser.add_argument("--remove", action="store_true", help="delete the demo season from the database")

    def handle(self, *, seed: int, races: int, remove: bool, **options: Any) -> None:
        if remove:
            self.remove()
            return
        try:
            season = simulator.Season(seed=seed, races=races)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if loading.other_season_is_stored(season):
            self.stdout.write("Another demo season is loaded; it is removed first.")
            self.remove()
        reports = self.load(season)
        total = sum((report.total for report in reports), Counter())
        self.stdout.write(f"Demo season {seed} with {races} race{'s' * (races > 1)}: {counts_text(total)}")
        if errors := [error for report in reports for error in report.errors]:
            raise CommandError(f"{len(errors)} failed; first: {errors[0]}")

    def load(self, season: simulator.Season) -> list[Report]:
        """Sync the season from the simulator and print one line per collection; a terminal also shows a progress bar."""
        client = simulator.client(season)
        reports = []
        for scope, collections in loading.sync_steps(season):
            observer = BarObserver(self.stdout) if self.stdout.isatty() else JsonObserver(self.stderr)
            observer.client, client.notice = client, observer.notice
            with observer:
                report = sync(client=client, scope=scope, collections=collections, observer=observer)
            for collection, counts in report.collections.items():
                self.stdout.write(f"{collection}: {counts_text(counts)}")
            reports.append(report)
        return reports

    def remove(self) -> None:
        removed = loading.remove_demo_season()
        remove_teams_without_cars()
        names = {model: (model._meta.verbose_name, model._meta.verbose_name_plural) for model in removed}
        details = ", ".join(sorted(f"{names[model][count > 1]}: {count:,}" for model, count in removed.items()))
        self.stdout.write(f"Removed {plural(removed.total(), 'row')} of the demo season{f' ({details})' if details else ''}.")
