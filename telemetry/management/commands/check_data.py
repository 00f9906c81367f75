"""Look for known faults in what is stored, and say which sessions can be trusted."""

import json
from collections.abc import Iterable

from django.core.management.base import BaseCommand, CommandError
from django.db.models import F
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from races.models import Session
from telemetry.quality.checks import CHECKS
from telemetry.quality.completeness import incomplete_collections
from telemetry.quality.findings import Severity, counted, listed
from telemetry.quality.report import Report, examine

COLOURS = {
    "complete": "green",
    "partial": "yellow",
    "missing": "red",
    "not provided": "dim",
    "not yet": "dim",
    "error": "red",
    "warning": "yellow",
    "note": "dim",
}


class Command(BaseCommand):
    help = (
        "Run every check on the stored sessions: which rows contradict each other, what is missing, what upstream never had. "
        "The reports are kept, for the admin, REST and `Lap.objects.clean()`. Nothing else is changed. "
        "Exit status: 0 also when faults were found, 1 when the checks could not run or --fail-on says so."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--season",
            type=int,
            action="append",
            default=[],
            metavar="Y",
            help="a season, e.g. 2024 (repeatable; all by default)",
        )
        parser.add_argument(
            "--session",
            type=int,
            action="append",
            default=[],
            metavar="ID",
            help="a session by session_id, with all that was found in it (repeatable)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on standard output")
        parser.add_argument(
            "--fail-on", choices=["error", "warning"], help="exit with 1 when anything this grave (or graver) was found"
        )
        parser.add_argument("--checks", action="store_true", help="list the checks and the faults they look for; check nothing")

    def handle(self, *, season, session, json: bool, fail_on, checks, **options):
        if checks:
            self.list_checks()
            return
        reports = self.checked(sessions_of(season, session), quiet=json)
        if json:
            self.write_json(reports)
        elif session:
            for report in reports:
                self.details(report)
        else:
            self.table(reports)
        graves = {"error": [Severity.ERROR], "warning": [Severity.ERROR, Severity.WARNING]}.get(fail_on, [])
        found = sum(report.counts[severity] for report in reports for severity in graves)
        if found:
            raise CommandError(f"{counted(found, 'finding')} of severity {' or '.join(graves)}")

    def checked(self, session_ids: list[int], *, quiet: bool) -> list[Report]:
        if quiet or not self.stdout.isatty():
            return list(examine(session_ids))
        with Console().status(f"Checking {len(session_ids)} sessions"):
            return list(examine(session_ids))

    def list_checks(self) -> None:
        for check in CHECKS:
            self.stdout.write(f"{check.name} ({check.severity.value}): {check.description}")

    def write_json(self, reports: list[Report]) -> None:
        self.stdout.write(json.dumps({"sessions": [report.as_dict() for report in reports]}, indent=2))

    def table(self, reports: list[Report]) -> None:
        """One line per session."""
        if self.stdout.isatty():
            table = Table("ID", "session", "grade", "lacks", "errors", "warnings", "gravest finding")
            for report in reports:
                table.add_row(*coloured(report))
            Console().print(table)
        else:
            for report in reports:
                self.stdout.write(line(report))
        total = {severity: sum(report.counts[severity] for report in reports) for severity in Severity}
        what = ", ".join(counted(count, severity.value) for severity, count in total.items())
        self.stdout.write(f"{counted(len(reports), 'session')}: {what}. Details: check_data --session ID")

    def details(self, report: Report) -> None:
        """All that was found in a session."""
        self.stdout.write(line(report))
        for collection, graded in report.grades.items():
            reason = f" ({graded.reason})" if graded.reason else ""
            self.stdout.write(f"  {collection}: {graded.grade.value}, {graded.stored:,} rows{reason}")
        for finding in report.findings:
            self.stdout.write(f"  {finding.severity}: {finding.message} [{finding.check}]")


def sessions_of(seasons: Iterable[int], sessions: Iterable[int]) -> list[int]:
    """IDs of the sessions asked for, in the order they were held; ones that are not stored are an error."""
    held = Session.objects.order_by(F("date_start").asc(nulls_last=True), "pk")
    if seasons:
        held = held.filter(year__in=seasons)
    if sessions:
        held = held.filter(pk__in=sessions)
    found = dict(held.values_list("pk", "year"))
    unknown = [f"session {pk}" for pk in sessions if pk not in found]
    unknown += [f"season {year}" for year in seasons if year not in found.values()]
    if unknown or not found:
        raise CommandError(f"No {' or '.join(unknown) or 'session'} is stored; sync_openf1 brings sessions in.")
    return list(found)


def title(report: Report) -> str:
    session = report.session
    return f"{session.year} {session.location or session.race__race_name} {session.session_name}"


def line(report: Report) -> str:
    counts = ", ".join(counted(report.counts[severity], severity.value) for severity in Severity)
    return f"{report.session.pk} {title(report)}: {report.grade.value}, {counts}{gravest(report, '; ')}"


def gravest(report: Report, before: str = "") -> str:
    """The first finding that is more than a note."""
    finding = report.findings[0] if report.findings and report.findings[0].severity != Severity.NOTE else None
    return f"{before}{finding.message}" if finding else ""


def coloured(report: Report) -> list[str]:
    """A line of the table."""
    grade = report.grade.value
    lacks = listed(incomplete_collections(report.grades), most=3) if grade == "partial" else ""
    errors, warnings = (
        f"[{COLOURS[severity]}]{count}[/]" if (count := report.counts[severity]) else "" for severity in ("error", "warning")
    )
    return [
        str(report.session.pk),
        escape(title(report)),
        f"[{COLOURS[grade]}]{grade}[/]",
        lacks,
        errors,
        warnings,
        escape(gravest(report)),
    ]
