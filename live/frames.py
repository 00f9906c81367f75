"""Frames: what the live process writes for viewers, and what web processes read of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from live.models import LiveFrame
from live.patches import difference, merge, without_nulls

EVERY = 0.25  # seconds between two frames
WHOLE_EVERY = timedelta(seconds=10)
KEPT = timedelta(minutes=10)  # of which viewers with the longest delay see five minutes ago
MAX_DELAY = 300  # seconds


class Frame(NamedTuple):
    """A stored frame."""

    number: int
    session_id: int
    at: datetime
    patch: str
    whole: str


class FrameWriter:
    """Writes the frames of a session: the first is whole, as viewers cannot know what was before it."""

    def __init__(self, session_id: int) -> None:
        self.session_id = session_id
        self.board: dict[str, Any] | None = None
        self.whole_at = datetime.min.replace(tzinfo=UTC)

    def write(self, board: dict[str, Any], at: datetime) -> LiveFrame | None:
        """Store what has changed; nothing where nothing has."""
        board = without_nulls(board)
        patch = difference(self.board, board) if self.board is not None else None
        if patch == {}:
            return None
        due = patch is None or at - self.whole_at >= WHOLE_EVERY
        frame = LiveFrame.objects.create(
            session_id=self.session_id,
            at=at,
            patch="" if patch is None else msgspec.json.encode(patch).decode(),
            whole=msgspec.json.encode(board).decode() if due else "",
        )
        self.board = board
        if due:
            self.whole_at = at
            LiveFrame.objects.filter(at__lt=at - KEPT).delete()
        return frame


def read_after(number: int) -> list[Frame]:
    """The frames after this one, in order; of the first call those that a viewer can still ask for."""
    return [Frame(*row) for row in LiveFrame.objects.filter(number__gt=number).order_by("number").values_list(*Frame._fields)]


def boards(frames: list[Frame]) -> Iterator[tuple[Frame, dict[str, Any]]]:
    """Each frame with the board as of it, from the first whole one on."""
    board: dict[str, Any] | None = None
    for frame in frames:
        if frame.patch and board is not None:
            board = merge(board, msgspec.json.decode(frame.patch))
        elif frame.whole:
            board = msgspec.json.decode(frame.whole)
        if board is not None:
            yield frame, board


def board_at(moment: datetime) -> dict[str, Any] | None:
    """The board that viewers saw at a moment; None where there was none."""
    before = LiveFrame.objects.filter(at__lte=moment)
    base = before.exclude(whole="").order_by("number").last()
    if base is None:
        return None
    board = msgspec.json.decode(base.whole)
    for patch in before.filter(number__gt=base.number).order_by("number").values_list("patch", flat=True):
        board = merge(board, msgspec.json.decode(patch)) if patch else board
    return board
