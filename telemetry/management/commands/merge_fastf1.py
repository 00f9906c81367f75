"""Merge FastF1's laps into OpenF1's and compare them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.wording import plural
from mirror.arguments import whole_number
from races.arguments import race_ids, session_ids
from races.models import Session
from telemetry.fastf1.library import NotInstalled, NotLoaded
from telemetry.fastf1.merging import Merged, accept_proposals, merge, open_proposals
from telemetry.fastf1.tables import Table, from_folder, from_library
from telemetry.models import FastF1Comparison

LISTED = 20  # lap times that differ, and proposals, per session; REST and the admin have them all


class Command(BaseCommand):
    help = (
        "Add FastF1's pit_in_time, pit_out_time and track_status to the stored laps, and compare its lap times and compounds "
        "with OpenF1's. Lap times are never overwritten; those that OpenF1 lacks are listed as proposals. The comparisons are "
        "stored for the admin and REST. Reads CSV files of FastF1's session.laps, or uses the FastF1 library (`make fastf1`). "
        "Only changed values are written. Exit status: 0 also when lap times differ, 1 when a session could not be read or none "
        "was compared."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
        parser.add_argument(
            "--season",
            "--year",
            type=whole_number,
            metavar="Y",
            help="seasons, e.g. 2024 (all by default)",
            **several,
        )
        parser.add_argument(
            "--race", metavar="RACE", help="race weekends by race_id or name, as monaco (all by default)", **several
        )
        parser.add_argument(
            "--session",
            metavar="SESSION",
            help="sessions by session_id, name or short name, as race or Q (all by default)",
            **several,
        )
        parser.add_argument(
            "--csv",
            type=Path,
            metavar="DIR",
            help="a folder of files named such as 2024-03-02_Bahrain_Grand_Prix_Race.csv, also .csv.gz, each with the "
            "session.laps of one session",
        )
        parser.add_argument(
            "--accept-proposals",
            action="store_true",
            help="make corrections of the lap times that OpenF1 lacks and FastF1 has; as all corrections, they can be taken back",
        )

    def handle(self, *, season: list[int], race: list[str], session: list[str], csv: Path | None, **options: Any) -> None:
        if csv is not None and not csv.is_dir():
            raise CommandError(f"--csv {csv} is no folder")
        sessions = chosen_sessions(
            season=season,
            race=race_ids(race, years=season),
            session=session_ids(session, races=race, years=season) if session else [],
        )
        total: Counter[str] = Counter()
        try:
            for table in from_library(sessions) if csv is None else from_folder(csv, sessions):
                self.merge_table(table, total, accept=options["accept_proposals"])
        except (NotInstalled, NotLoaded) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"--csv {csv} cannot be read: {error.strerror or error}") from error
        self.stdout.write(
            f"{plural(total['sessions'], 'session')} compared, {plural(total['equal'], 'lap time')} equal to the millisecond, "
            f"{total['different']:,} different, {plural(total['updated'], 'lap')} written."
        )
        if total["failed"]:
            raise CommandError(f"{plural(total['failed'], 'session')} could not be read; see above")
        if not total["sessions"]:
            where = f"in {csv} is about them" if csv else "was loaded"
            raise CommandError(f"Of {plural(len(sessions), 'stored session')} none was compared: nothing {where}.")

    def merge_table(self, table: Table, total: Counter[str], *, accept: bool) -> None:
        """Merge the laps of one session and report the result."""
        if table.session is None:
            total["failed"] += bool(table.error)
            out = self.stderr if table.error else self.stdout
            out.write(f"{table.name}: {table.error or f'skipped: {table.skipped}'}")
            return
        merged = merge(table.session, table.laps, origin=table.origin)
        comparison = merged.comparison
        total.update(sessions=1, equal=comparison.equal, different=comparison.different, updated=merged.updated)
        self.stdout.write(f"{comparison.session_id} {table.session}: {describe(merged)}")
        for line in [*differences(comparison), *proposals(comparison)]:
            self.stdout.write(f"  {line}")
        if accept and (laps := accept_proposals(comparison)):
            self.stdout.write(f"  {plural(len(laps), 'proposal')} taken over as corrections")


def chosen_sessions(*, season: list[int], race: list[int], session: list[int]) -> list[Session]:
    """The selected sessions; raises CommandError for seasons, races and sessions that are not stored."""
    sessions = Session.objects.select_related("race")
    for option, field, keys in (("season", "year", season), ("race", "race_id", race), ("session", "pk", session)):
        missing = set(keys) - set(Session.objects.filter(**{f"{field}__in": keys}).values_list(field, flat=True))
        if missing:
            raise CommandError(f"--{option} {min(missing)}: no such {option} is stored; sync it with sync_openf1")
        if keys:
            sessions = sessions.filter(**{f"{field}__in": keys})
    if not sessions:
        raise CommandError("No stored session meets --season, --race and --session together; sync sessions with sync_openf1")
    return list(sessions)


def describe(merged: Merged) -> str:
    """A comparison as one line of text."""
    c = merged.comparison
    timed = f"{c.equal + c.different:,} timed by both: {c.equal:,} equal to the millisecond, {c.different:,} different"
    untimed = f"without a time in OpenF1 only {c.untimed_openf1}, in FastF1 only {c.untimed_fastf1}, in both {c.untimed_both}"
    compounds = f"compounds agree on {c.compounds_equal:,} of {c.compounds_equal + c.compounds_different:,}"
    return (
        f"{c.openf1_laps:,} laps in OpenF1, {c.fastf1_laps:,} in FastF1, {c.matched:,} matched ({percent(c.openf1_match_rate)}, "
        f"{percent(c.fastf1_match_rate)}); {timed}; {untimed}; {compounds}; {plural(merged.updated, 'lap')} written"
    )


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def differences(comparison: FastF1Comparison) -> Iterator[str]:
    for lap in comparison.differences[:LISTED]:
        yield f"car {lap['driver_number']} lap {lap['lap_number']}: {lap['openf1']} s in OpenF1, {lap['fastf1']} s in FastF1"
    if len(comparison.differences) > LISTED:
        yield f"and {len(comparison.differences) - LISTED} more lap times that differ"


def proposals(comparison: FastF1Comparison) -> Iterator[str]:
    """The lines about open proposals."""
    open_ones = open_proposals(comparison)
    for lap, seconds in open_ones[:LISTED]:
        yield f"proposal: car {lap.driver_number} lap {lap.lap_number}: {seconds} s, by FastF1; OpenF1 has no time"
    if len(open_ones) > LISTED:
        yield f"and {len(open_ones) - LISTED} more proposals"
