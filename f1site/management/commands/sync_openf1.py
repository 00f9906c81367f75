"""Mirror OpenF1 into this site's database."""

import json
from collections import Counter
from typing import Any, Self

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import InterfaceError, OperationalError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mirror.arguments import whole_number
from mirror.client import Client, estimate_text, from_settings
from mirror.errors import NothingMatched, OpenF1Error
from mirror.feeds import Feed, registry
from mirror.ordering import count_steps
from mirror.pipeline import sync
from mirror.planning import Scope, Weekend
from mirror.reporting import Observer, Report
from telemetry.stale import sync_stale

DATABASE_UNAVAILABLE = "the database cannot be reached or is busy; give the same command again to go on"


class Command(BaseCommand):
    help = (
        "Mirror OpenF1 into this site's database: only new and changed rows are written, rows that upstream no longer sends "
        "are kept and reported. Without --season, --race, --session or --latest everything since 2023 is synced. An "
        "interrupted sync goes on where it stopped when the same command is given again. "
        "Exit status: 0 all well, also when rows were not valid and are not stored; 1 something failed, or nothing matched; "
        "130 interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "collections", nargs="*", metavar="COLLECTION", help=f"what to sync (all by default): {', '.join(registry())}"
        )
        parser.add_argument(
            "--season", type=whole_number, action="append", default=[], metavar="Y", help="a season, e.g. 2024 (repeatable)"
        )
        parser.add_argument(
            "--race",
            type=whole_number,
            action="append",
            default=[],
            metavar="ID",
            help="a race weekend by race_id, OpenF1's meeting_key (repeatable)",
        )
        parser.add_argument(
            "--session",
            type=whole_number,
            action="append",
            default=[],
            metavar="ID",
            help="a session by session_id, OpenF1's session_key (repeatable)",
        )
        parser.add_argument("--latest", action="store_true", help="the newest race weekend")
        parser.add_argument(
            "--session-name",
            action="append",
            default=[],
            metavar="NAME",
            help="only sessions of this name, e.g. Race or Qualifying (repeatable)",
        )
        parser.add_argument(
            "--stale",
            action="store_true",
            help="whatever is due: sessions of the last 14 days daily, older ones weekly and then monthly, sooner where the "
            "quality report found holes; made for schedulers",
        )
        parser.add_argument(
            "--force", action="store_true", help="fetch everything again, also what an interrupted run has already brought in"
        )
        parser.add_argument(
            "--prune", action="store_true", help="delete rows that upstream no longer sends (never a whole session at once)"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would change; write nothing")
        parser.add_argument(
            "--wait", action="store_true", help="while a session is on track and OpenF1 is closed, wait and come back"
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object at the end and nothing else on standard output"
        )

    def handle(self, *args: Any, json: bool, dry_run: bool, wait: bool, **options: Any) -> None:
        observer: JsonObserver
        if json:
            observer = JsonObserver(self.stderr)
        elif self.stdout.isatty():
            observer = BarObserver(self.stdout)
        else:
            observer = LineObserver(self.stdout)
        observer.client = from_settings(wait_for_lock=wait, notice=observer.notice)
        try:
            with observer:
                report = self.sync(observer, options | {"dry_run": dry_run})
        except ValueError as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"{DATABASE_UNAVAILABLE} ({str(error).strip().splitlines()[0]})") from error
        except KeyboardInterrupt:
            raise CommandError("interrupted; give the same command again to go on", returncode=130) from None
        self.write_summary(report, dry_run=dry_run, as_json=json)

    def sync(self, observer: "JsonObserver", options: dict[str, Any]) -> Report:
        """Sync what the options name, or what is due."""
        settings = {name: options[name] for name in ("collections", "force", "prune", "dry_run")}
        seasons, races, sessions = (tuple(options[name]) for name in ("season", "race", "session"))
        names = tuple(options["session_name"])
        scope = Scope(seasons=seasons, races=races, sessions=sessions, latest=options["latest"], session_names=names)
        if not options["stale"]:
            return sync(client=observer.client, scope=scope, observer=observer, **settings)
        if scope != Scope() or any(settings.values()):
            raise CommandError("--stale finds out by itself what is due: it goes with --wait and --json only")
        return sync_stale(client=observer.client, observer=observer)

    def write_summary(self, report: Report, *, dry_run: bool, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.as_dict(), indent=2))
        else:
            if report.skipped:
                self.stdout.write(
                    f"Went on with an interrupted run: {report.skipped} pieces were there already (--force fetches them again)."
                )
            for collection, counts in report.collections.items():
                self.stdout.write(f"{collection}: {counts_text(counts)}")
            for collection, names in report.unknown_fields.items():
                if names:
                    self.stdout.write(f"{collection}: upstream sends fields this site does not store: {', '.join(sorted(names))}")
            self.write_rejects(report)
            self.stdout.write(
                f"{'Dry run, nothing written: ' if dry_run else ''}{counts_text(report.total)}, {report.requests} requests"
            )
        if report.errors:
            for error in report.errors:
                if isinstance(error, NothingMatched):
                    raise CommandError(str(error))
            raise CommandError(f"{len(report.errors)} failed; first: {report.errors[0]}")

    def write_rejects(self, report: Report) -> None:
        """Write why rows were not stored, of the first, and how many there are."""
        for reject in report.rejects:
            key = ", ".join(f"{name} {value}" for name, value in reject["key"].items())
            self.stdout.write(f"{reject['collection']}: not stored: {key}: {reject['reason']}")
        if total := report.total["rejected"]:
            rows = "row from OpenF1 is" if total == 1 else "rows from OpenF1 are"
            self.stdout.write(f"{total} {rows} not stored; see /api/v1/rejects/ or the rejects in the admin.")


def counts_text(counts: Counter) -> str:
    """The counts as a text; those of rare outcomes only when they are not 0."""
    text = f"{counts['created']} created, {counts['updated']} updated, {counts['unchanged']} unchanged"
    return text + "".join(f", {counts[name]} {name}" for name in ("vanished", "pruned", "rejected", "folded") if counts[name])


class JsonObserver(Observer):
    """Writes failures only, to standard error; with --json the rest is in the report."""

    client: Client

    def __init__(self, out: OutputWrapper):
        self.out = out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to close."""

    def notice(self, text: str) -> None:
        self.out.write(text)

    def failed(self, what: str, error: OpenF1Error) -> None:
        self.out.write(f"{what}: {error}")


class LineObserver(JsonObserver):
    """Writes plain lines, for logs and pipes."""

    def planned(self, weekends: list[Weekend], feeds: list[Feed]) -> None:
        self.out.write(f"Found {len(weekends)} races in database.")

    def estimated(self, requests: int) -> None:
        self.out.write(estimate_text(requests))

    def fetching(self, feed: Feed, weekend: Weekend) -> None:
        self.out.write(f"Fetching {feed.collection} for race_id={weekend.race_id} ({weekend.name})")

    def piece_stored(self, feed: Feed, weekend: Weekend, counts: Counter) -> None:
        total = counts["created"] + counts["updated"] + counts["unchanged"]
        self.out.write(f"race_id={weekend.race_id}: {counts['created']} created, {counts['updated']} updated, total={total}")

    def car(self, feed: Feed, session: int, driver_number: int, samples: int, seconds: float) -> None:
        pace = f", {samples / seconds:,.0f} rows per second" if samples else ""
        self.out.write(f"session_id={session} driver_number={driver_number}: {samples} samples{pace}")


class BarObserver(JsonObserver):
    """Shows a progress bar with rows, requests and remaining time, for terminals."""

    def __init__(self, out: OutputWrapper):
        super().__init__(out)
        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rows]:,} rows, {task.fields[requests]} requests"),
            TimeRemainingColumn(),
        ]
        self.progress = Progress(*columns, console=Console(highlight=False))
        self.task = self.progress.add_task("Listing races", total=None, rows=0, requests=0)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.progress.stop()

    def notice(self, text: str) -> None:
        self.progress.console.print(text)

    def failed(self, what: str, error: OpenF1Error) -> None:
        self.progress.console.print(f"{what}: {error}", style="red")
        self.progress.advance(self.task)

    def planned(self, weekends: list[Weekend], feeds: list[Feed]) -> None:
        self.progress.update(self.task, total=count_steps(weekends, feeds))

    def estimated(self, requests: int) -> None:
        self.progress.console.print(estimate_text(requests))

    def fetching(self, feed: Feed, weekend: Weekend) -> None:
        self.progress.update(self.task, description=f"{weekend.name}: {feed.collection}", requests=self.client.sent)

    def car(self, feed: Feed, session: int, driver_number: int, samples: int, seconds: float) -> None:
        pace = f", {samples / seconds:,.0f} rows per second" if samples else ""
        what = f"session {session}, car {driver_number}: {feed.collection}{pace}"
        self.progress.update(self.task, description=what, requests=self.client.sent)

    def skipped(self, feed: Feed, weekend: Weekend) -> None:
        self.progress.advance(self.task)

    def piece_stored(self, feed: Feed, weekend: Weekend, counts: Counter) -> None:
        rows = self.progress.tasks[0].fields["rows"] + counts["created"] + counts["updated"] + counts["unchanged"]
        self.progress.update(self.task, advance=1, rows=rows, requests=self.client.sent)
