"""The quality report: run every check on sessions and keep what they say, one row per session."""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from mirror import versions
from races.models import Session
from telemetry.models import SessionQuality
from telemetry.quality.checks import CHECKS
from telemetry.quality.completeness import CollectionGrade, grade_collections, grade_session
from telemetry.quality.findings import Finding, Severity
from telemetry.quality.limits import load_outside
from telemetry.quality.loading import SESSIONS_PER_BATCH, load
from telemetry.quality.rows import SessionRow
from telemetry.quality.session_rows import SessionRows
from telemetry.quality.surroundings import load_surroundings

MAX_STORED_FINDINGS = 300  # findings kept of a session, the gravest first; the counts are always exact
GRAVEST_FIRST = list(Severity)


@dataclass(kw_only=True)
class Report:
    """What is known of one session's quality."""

    session: SessionRow
    checked_at: datetime
    findings: list[Finding]  # the gravest first
    grades: dict[str, CollectionGrade]  # by collection
    spoilt_laps: list[int]  # primary keys

    @property
    def counts(self) -> Counter[str]:
        """Findings by severity."""
        return Counter(finding.severity for finding in self.findings)

    @property
    def grade(self) -> SessionQuality.Grade:
        return grade_session(self.grades)

    def instance(self) -> SessionQuality:
        return SessionQuality(
            session_id=self.session.pk,
            checked_at=self.checked_at,
            grade=self.grade,
            errors=self.counts[Severity.ERROR],
            warnings=self.counts[Severity.WARNING],
            notes=self.counts[Severity.NOTE],
            grades={collection: graded.as_dict() for collection, graded in self.grades.items()},
            findings=[finding.as_dict() for finding in self.findings[:MAX_STORED_FINDINGS]],
        )

    def as_dict(self) -> dict:
        return {
            "session_id": self.session.pk,
            "race_id": self.session.race_id,
            "year": self.session.year,
            "race_name": self.session.race__race_name,
            "session_name": self.session.session_name,
            "checked_at": self.checked_at.isoformat(),
            "grade": self.grade.value,
            **{f"{severity}s": self.counts[severity] for severity in GRAVEST_FIRST},
            "grades": {collection: graded.as_dict() for collection, graded in self.grades.items()},
            "findings": [finding.as_dict() for finding in self.findings],
        }


def check_session(rows: SessionRows) -> Report:
    """Run every check on one session's rows."""
    findings = [finding for check in CHECKS for finding in check(rows)]
    findings.sort(key=lambda finding: GRAVEST_FIRST.index(Severity(finding.severity)))
    spoilers = {check.name for check in CHECKS if check.spoils_laps}
    spoilt = {lap for finding in findings if finding.check in spoilers for lap in finding.rows.get("laps", [])}
    return Report(
        session=rows.session, checked_at=rows.now, findings=findings, grades=grade_collections(rows), spoilt_laps=sorted(spoilt)
    )


def check_sessions(session_ids: Iterable[int] | None = None, *, now: datetime | None = None) -> Iterator[Report]:
    """Check sessions (all, when none are given, in the order they were held), store the reports, and yield each."""
    if session_ids is None:
        session_ids = Session.objects.order_by(F("date_start").asc(nulls_last=True), "pk").values_list("pk", flat=True)
    ids, surroundings, now = list(session_ids), load_surroundings(), now or timezone.now()
    surroundings.outside = load_outside(ids, first_sessions=surroundings.first_sessions)
    for first in range(0, len(ids), SESSIONS_PER_BATCH):
        with garbage_collector_paused():
            batch = load(ids[first : first + SESSIONS_PER_BATCH], surroundings=surroundings, now=now)
            reports = [check_session(rows) for rows in batch]
            store(reports)
        yield from reports


@contextmanager
def garbage_collector_paused() -> Iterator[None]:
    """Let the garbage collector rest: rows are tuples without cycles, and looking through them took a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@transaction.atomic
def store(reports: list[Report]) -> None:
    """Replace what is kept of these sessions."""
    fields = ["checked_at", "grade", "errors", "warnings", "notes", "grades", "findings"]
    SessionQuality.objects.bulk_create(
        [report.instance() for report in reports], update_conflicts=True, unique_fields=["session"], update_fields=fields
    )
    sessions = [report.session.pk for report in reports]
    quality = dict(SessionQuality.objects.filter(session__in=sessions).values_list("session_id", "pk"))
    of_quality = {pk: session for session, pk in quality.items()}
    wanted = {(quality[report.session.pk], lap) for report in reports for lap in report.spoilt_laps}
    link = SessionQuality.spoilt_laps.through
    stored = link.objects.filter(sessionquality__in=quality.values()).values_list("pk", "sessionquality_id", "lap_id")
    known = {(of, lap): pk for pk, of, lap in stored}
    link.objects.filter(pk__in=[known[pair] for pair in known.keys() - wanted]).delete()
    for session in {of for of, _ in known.keys() ^ wanted}:
        versions.touch("laps", of_quality[session])  # which of them are clean has changed
    link.objects.bulk_create(link(sessionquality_id=of, lap_id=lap) for of, lap in sorted(wanted - known.keys()))
