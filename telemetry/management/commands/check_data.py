"""Look for known faults in what is stored, and say which sessions can be trusted."""

import json
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import F
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs.wording import plural
from mirror.arguments import whole_number
from races.arguments import session_ids
from races.models import Session
from telemetry.quality.checks import CHECKS
from telemetry.quality.completeness import incomplete_collections
from telemetry.quality.due import due_sessions
from telemetry.quality.findings import Proposal, Severity, join_words
from telemetry.quality.report import Report, check_sessions

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

    def add_arguments(self, parser: CommandParser) -> None:
        several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
        parser.add_argument(
            "--season", "--year", type=whole_number, metavar="Y", help="seasons, e.g. 2024 (all by default)", **several
        )
        parser.add_argument("--race", metavar="RACE", help="race weekends by race_id or name", **several)
        parser.add_argument(
            "--session",
            metavar="SESSION",
            help="sessions by session_id or name (race, with its --race and --season), with all that was found in them",
            **several,
        )
        parser.add_argument(
            "--changed",
            action="store_true",
            help="of these sessions only those of which something has changed since their last check; after an upgrade check all",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on standard output")
        parser.add_argument(
            "--fail-on", choices=["error", "warning"], help="exit with 1 when anything this grave (or graver) was found"
        )
        parser.add_argument("--checks", action="store_true", help="list the checks and the faults they look for; check nothing")

    def handle(
        self,
        *,
        season: list[int],
        race: list[str],
        session: list[str],
        changed: bool,
        json: bool,
        fail_on: str | None,
        checks: bool,
        **options: Any,
    ) -> None:
        if checks:
            self.list_checks()
            return
        ids = select_sessions(season, session_ids(session, races=race, years=season))
        reports = self.check_sessions(due_sessions(ids) if changed else ids, quiet=json)
        if json:
            self.write_json(reports)
        elif session:
            for report in reports:
                self.details(report)
        else:
            self.table(reports)
        severities = {"error": [Severity.ERROR], "warning": [Severity.ERROR, Severity.WARNING]}.get(fail_on or "", [])
        findings = sum(report.counts[severity] for report in reports for severity in severities)
        if findings:
            raise CommandError(f"{plural(findings, 'finding')} of severity {' or '.join(severities)}")

    def check_sessions(self, session_ids: list[int], *, quiet: bool) -> list[Report]:
        if quiet or not self.stdout.isatty():
            return list(check_sessions(session_ids))
        with Console().status(f"Checking {plural(len(session_ids), 'session')}"):
            return list(check_sessions(session_ids))

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
                table.add_row(*table_row(report))
            Console().print(table)
        else:
            for report in reports:
                self.stdout.write(summary_line(report))
        total = {severity: sum(report.counts[severity] for report in reports) for severity in Severity}
        what = ", ".join(plural(count, severity.value) for severity, count in total.items())
        self.stdout.write(f"{plural(len(reports), 'session')}: {what}. Details: check_data --session ID")

    def details(self, report: Report) -> None:
        """All that was found in a session."""
        self.stdout.write(summary_line(report))
        for collection, graded in report.grades.items():
            reason = f" ({graded.reason})" if graded.reason else ""
            self.stdout.write(f"  {collection}: {graded.grade.value}, {graded.stored:,} rows{reason}")
        for finding in report.findings:
            self.stdout.write(f"  {finding.severity}: {finding.message} [{finding.check}]")
            for proposal in finding.proposals:
                self.stdout.write(f"    proposed: {describe_proposal(proposal)}")


def select_sessions(seasons: Iterable[int], sessions: Iterable[int]) -> list[int]:
    """IDs of the sessions asked for, in the order they were held; ones that are not stored are an error."""
    queryset = Session.objects.order_by(F("date_start").asc(nulls_last=True), "pk")
    if seasons:
        queryset = queryset.filter(year__in=seasons)
    if sessions:
        queryset = queryset.filter(pk__in=sessions)
    seasons_of = dict(queryset.values_list("pk", "year"))
    unknown = [f"session {pk}" for pk in sessions if pk not in seasons_of]
    unknown += [f"season {year}" for year in seasons if year not in seasons_of.values()]
    if unknown or not seasons_of:
        raise CommandError(f"No {' or '.join(unknown) or 'session'} is stored; sync_openf1 brings sessions in.")
    return list(seasons_of)


def describe_proposal(proposal: Proposal) -> str:
    """A proposed correction in one line; the admin and REST apply it."""
    which = ", ".join(f"{name} {value}" for name, value in proposal.key.items() if name != "session_id")
    change = f"{json.dumps(proposal.stored)} -> {json.dumps(proposal.value)}"
    return f"{proposal.collection} ({which}): {proposal.field} {change}. {proposal.why}"


def session_label(report: Report) -> str:
    session = report.session
    return f"{session.year} {session.location or session.race__race_name} {session.session_name}"


def summary_line(report: Report) -> str:
    counts = ", ".join(plural(report.counts[severity], severity.value) for severity in Severity)
    return f"{report.session.pk} {session_label(report)}: {report.grade.value}, {counts}{gravest(report, '; ')}"


def gravest(report: Report, before: str = "") -> str:
    """The first finding that is more than a note."""
    finding = report.findings[0] if report.findings and report.findings[0].severity != Severity.NOTE else None
    return f"{before}{finding.message}" if finding else ""


def table_row(report: Report) -> list[str]:
    """The cells of a report in the table, with colours."""
    grade = report.grade.value
    lacks = join_words(incomplete_collections(report.grades), most=3) if grade == "partial" else ""
    errors, warnings = (
        f"[{COLOURS[severity]}]{count}[/]" if (count := report.counts[severity]) else "" for severity in ("error", "warning")
    )
    return [
        str(report.session.pk),
        escape(session_label(report)),
        f"[{COLOURS[grade]}]{grade}[/]",
        lacks,
        errors,
        warnings,
        escape(gravest(report)),
    ]
