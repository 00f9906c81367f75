"""What syncs tell of a session: rows rewritten, refused, sent twice, no longer sent or in dispute; fields without values."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from jobs.wording import plural
from mirror.models import Correction
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, check, join_words
from telemetry.quality.rows import PieceRow
from telemetry.quality.session_rows import SessionRows

STOP_DURATION_SINCE = datetime(2024, 10, 18, tzinfo=UTC)  # Austin 2024: first weekend with stationary times
# Fields that upstream added or dropped over the years, or sends empty in whole sessions.
WATCHED = {
    "pit": ("pit_duration", "lane_duration", "stop_duration"),
    "drivers": ("team_name", "team_colour"),
    "laps": ("i1_speed", "i2_speed", "st_speed"),
    "race_control": ("qualifying_phase",),
}


def latest(rows: SessionRows, count: Callable[[PieceRow], int]) -> str:
    """ "3 of laps and 1 of pit": what the newest sync of each collection counted."""
    newest = {(piece.collection, piece.driver_number): piece for piece in rows.pieces if piece.ok}
    counts: Counter[str] = Counter()
    for piece in newest.values():
        counts[piece.collection] += count(piece)
    return join_words(f"{number} of {collection}" for collection, number in counts.items() if number)


@check(NOTE, "rewritten")
def rewritten_by_upstream(rows: SessionRows) -> Iterator[Finding]:
    """Upstream changed rows after they were first stored here: results computed before are of other data."""
    changed: Counter[str] = Counter()
    for piece in rows.pieces:
        changed[piece.collection] += piece.updated
    if changed.total():
        text = join_words(f"{number} of {collection}" for collection, number in changed.items() if number)
        yield Finding(message=f"Upstream rewrote rows since they were first stored: {text}.")


@check(WARNING, "vanished")
def no_longer_sent(rows: SessionRows) -> Iterator[Finding]:
    """Rows stored here that upstream no longer sends: perhaps they were wrong."""
    if text := latest(rows, lambda piece: piece.vanished - piece.pruned):
        yield Finding(message=f"Upstream no longer sends rows stored here: {text}.")


@check(ERROR, "fields-come-and-go", "two-grids")
def rows_refused(rows: SessionRows) -> Iterator[Finding]:
    """Rows that are not stored, not being valid or with the key of another; they are kept with the reason in the log of syncs."""
    if text := latest(rows, lambda piece: piece.rejected):
        yield Finding(message=f"Rows that could not be stored: {text}.")


@check(NOTE, "pit-twice", "messages-twice", "samples-twice")
def rows_sent_twice(rows: SessionRows) -> Iterator[Finding]:
    """Upstream sent the same rows more than once; one of each is stored."""
    if text := latest(rows, lambda piece: piece.folded):
        yield Finding(message=f"Upstream sent rows more than once: {text}.")


@check(WARNING, "rewritten")
def corrections_in_conflict(rows: SessionRows) -> Iterator[Finding]:
    """A value was corrected by hand, and upstream has since moved to another: somebody has to decide."""
    disputed = [row for row in rows.corrections if row.state == Correction.State.CONFLICT]
    if disputed:
        text = join_words(f"{row.collection} ({row.field or 'deleted'})" for row in disputed)
        yield Finding(message=f"{plural(len(disputed), 'correction')} in conflict with upstream: {text}.")


@check(WARNING, "unlisted-session")
def rows_of_unlisted_sessions(rows: SessionRows) -> Iterator[Finding]:
    """Upstream has rows of this weekend under a session_key that its list of sessions lacks; told at the first session."""
    refused = rows.surroundings.unlisted.get(rows.session.race_id)
    if not refused or rows.surroundings.first_sessions.get(rows.session.race_id) != rows.session.pk:
        return
    collections: Counter[str] = Counter()
    for unlisted in refused:
        collections[unlisted.collection] += unlisted.rows
    text = join_words(f"{number} of {collection}" for collection, number in collections.items())
    keys = sorted({unlisted.session_id for unlisted in refused if unlisted.session_id is not None})
    where = f"session{'s' if len(keys) > 1 else ''} {join_words(keys)}, which upstream does not list" if keys else "no session"
    yield Finding(
        message=f"{plural(collections.total(), 'row')} of this weekend ({text}) belong to {where}, and are not stored. "
        "Sync the weekend again when upstream lists all of its sessions."
    )


@check(WARNING, "unlisted-session")
def session_not_listed(rows: SessionRows) -> Iterator[Finding]:
    """Upstream's list of sessions no longer has this one: it was withdrawn, or its key has changed."""
    if not rows.session.listed:
        yield Finding(
            message="Upstream no longer lists this session; its rows are as they were last sent. "
            "`sync_openf1 sessions --prune` deletes it."
        )


@check(WARNING, "unlisted-session")
def race_not_listed(rows: SessionRows) -> Iterator[Finding]:
    """Upstream lists a session, but not its race weekend, whose name and place are then those of the session."""
    if rows.session.listed and not rows.session.race__listed:
        yield Finding(
            message="Upstream lists this session, but not its race weekend: the weekend's name, place and dates are those of its "
            "sessions or of an earlier list. They are replaced when upstream lists the weekend."
        )


@check(NOTE, "fields-come-and-go", "stop-since")
def fields_without_values(rows: SessionRows) -> Iterator[Finding]:
    """A field is null in every row of a collection: upstream did not send it then, and may send it now."""
    began = rows.session.date_start
    stored: dict[str, list[Any]] = {"pit": rows.pits, "drivers": rows.entries, "laps": rows.laps, "race_control": rows.messages}
    for collection, names in WATCHED.items():
        empty = [name for name in names if all(getattr(row, name) is None for row in stored[collection])]
        if not rows.session.is_qualifying and "qualifying_phase" in empty:
            empty.remove("qualifying_phase")
        if began and began < STOP_DURATION_SINCE and "stop_duration" in empty:
            empty.remove("stop_duration")
        if empty and stored[collection]:
            yield Finding(message=f"{collection}: no row has {join_words(empty)}.")
