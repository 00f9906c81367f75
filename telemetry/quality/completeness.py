"""How complete each collection of a session is, by the graders of the feeds, and how complete the session is as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mirror.feeds import Feed, registry
from mirror.grading import Gap
from telemetry.models import SessionQuality
from telemetry.quality.session_rows import SessionRows

Grade = SessionQuality.Grade
COMPLETE, PARTIAL, MISSING = Grade.COMPLETE, Grade.PARTIAL, Grade.MISSING
NOT_PROVIDED, NOT_YET = Grade.NOT_PROVIDED, Grade.NOT_YET

FIRST_SEASON = 2023
ROWS_BEFORE_START = timedelta(hours=1)  # upstream has a session's first rows up to an hour before it

# Gaps of every collection. "Contract" and "quirks" in the sources of gaps are the notes on OpenF1's contract and on its rows;
# "recorded" are the rows of 2023 and 2024.
CANCELLED = Gap(lambda session: session.is_cancelled, "the session was cancelled", "contract 3, sessions")
BEFORE_FIRST_SEASON = Gap(lambda session: session.year < FIRST_SEASON, "upstream begins with 2023", "contract 7")


@dataclass(frozen=True)
class CollectionGrade:
    """How complete one collection of one session is."""

    grade: Grade
    stored: int  # rows
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"grade": self.grade.value, "stored": self.stored, "reason": self.reason}


def graded_feeds() -> Iterator[Feed]:
    """The feeds whose collections have rows of sessions, in the order of the sync."""
    return (feed for feed in registry().values() if not feed.lists)


def find_gap(feed: Feed, rows: SessionRows) -> Gap | None:
    """Why upstream has no rows of the collection in this session; None where it should have some."""
    gaps = (CANCELLED, *feed.grader.gaps, BEFORE_FIRST_SEASON)
    return next((gap for gap in gaps if gap.applies(rows.session)), None)


def grade_collection(feed: Feed, rows: SessionRows) -> CollectionGrade:
    stored = rows.count_rows(feed.collection)
    if stored:
        lacking = feed.grader.lacking(rows)
        return CollectionGrade(PARTIAL if lacking else COMPLETE, stored, lacking)
    if gap := find_gap(feed, rows):
        return CollectionGrade(NOT_PROVIDED, 0, gap.reason)
    if rows.session.date_start and rows.session.date_start > rows.now + ROWS_BEFORE_START:
        return CollectionGrade(NOT_YET, 0, "the session has not begun")
    if reason := feed.grader.none_expected(rows):
        return CollectionGrade(COMPLETE, 0, reason)
    synced = any(piece.collection == feed.collection and piece.ok for piece in rows.pieces)
    return CollectionGrade(MISSING, 0, "upstream sends none" if synced else "never synced")


def grade_collections(rows: SessionRows) -> dict[str, CollectionGrade]:
    """{collection: grade} of a session, in the order of the sync."""
    return {feed.collection: grade_collection(feed, rows) for feed in graded_feeds()}


def expected_collections(grades: dict[str, CollectionGrade]) -> dict[str, CollectionGrade]:
    """Without those that are synced on request only and were not: a session without them can be complete."""
    feeds = registry()
    return {name: grade for name, grade in grades.items() if grade.stored or name not in feeds or feeds[name].by_default}


def grade_session(grades: dict[str, CollectionGrade]) -> Grade:
    """Complete when every collection is that upstream can have, missing when every one is missing, else partial."""
    values = {grade.grade for grade in expected_collections(grades).values()} - {NOT_PROVIDED}
    for grade in (COMPLETE, MISSING, NOT_YET):
        if values == {grade}:
            return grade
    return PARTIAL if values else NOT_PROVIDED


def incomplete_collections(grades: dict[str, CollectionGrade]) -> list[str]:
    """The collections that a further sync could complete."""
    return [name for name, grade in expected_collections(grades).items() if grade.grade in (PARTIAL, MISSING)]
