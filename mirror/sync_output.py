"""How the command shows a sync: failures only, lines for logs and pipes, or a bar for terminals."""

import time
from collections import Counter
from typing import Self

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jobs.wording import plural
from mirror.client import Client
from mirror.errors import OpenF1Error
from mirror.estimates import estimate_text
from mirror.feeds import Feed
from mirror.ordering import count_steps
from mirror.planning import Weekend
from mirror.reporting import Observer

HEARTBEAT = 60.0  # seconds after which a sync that has said nothing says how far it is


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


class SeasonObserver(JsonObserver):
    """Writes a line for each collection of each season, with what is left to do: for logs and pipes."""

    def __init__(self, out: OutputWrapper):
        super().__init__(out)
        self.counts: dict[str, Counter] = {}  # of the present season by collection
        self.year, self.total, self.finished = 0, 0, 0
        self.began = self.spoke = time.monotonic()

    def planned(self, weekends: list[Weekend], feeds: list[Feed]) -> None:
        self.total, self.began = count_steps(weekends, feeds), time.monotonic()
        self.out.write(f"{plural(len(weekends), 'race weekend')}, {plural(len(feeds), 'collection')}")

    def estimated(self, requests: int) -> None:
        self.out.write(estimate_text(requests))

    def fetching(self, feed: Feed, weekend: Weekend) -> None:
        if weekend.year != self.year:
            self.write_season()
            self.year = weekend.year
        if time.monotonic() - self.spoke > HEARTBEAT:
            self.write(f"{self.year} {weekend.name}, {feed.collection}: {self.left()}")

    def skipped(self, feed: Feed, weekend: Weekend) -> None:
        self.finished += 1

    def piece_stored(self, feed: Feed, weekend: Weekend, counts: Counter) -> None:
        self.finished += 1
        self.counts.setdefault(feed.collection, Counter()).update(counts)
        self.counts[feed.collection]["weekends"] += 1

    def __exit__(self, *exception: object) -> None:
        self.write_season()

    def write_season(self) -> None:
        """Write the lines of the season that has been worked on."""
        for collection, counts in self.counts.items():
            rows = counts["created"] + counts["updated"] + counts["unchanged"]
            news = f"{counts['created']:,} created, {counts['updated']:,} updated"
            self.write(
                f"{self.year} {collection}: {plural(rows, 'row')} of {plural(counts['weekends'], 'weekend')}, {news}; "
                f"{self.left()}"
            )
        self.counts = {}

    def write(self, text: str) -> None:
        self.spoke = time.monotonic()
        self.out.write(text)

    def left(self) -> str:
        """How much of the sync is over, and how long the rest takes at its pace."""
        if self.finished >= self.total or not self.finished:
            return f"{self.finished} of {self.total} pieces"
        seconds = (time.monotonic() - self.began) / self.finished * (self.total - self.finished)
        return (
            f"{self.finished} of {self.total} pieces, about {seconds / 60:.0f} min left"
            if seconds >= 90
            else (f"{self.finished} of {self.total} pieces, about {seconds:.0f} s left")
        )


class LineObserver(JsonObserver):
    """Writes a line for each request and each piece, for --verbose."""

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
