"""Feeds for tests: the recorded sprint of Baku 2023, and rows turned into messages."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from live.journal import read_messages
from live.messages import Message

RECORDING = Path(__file__).resolve().parents[3] / "shared" / "live" / "baku_sprint_9069.jsonl.gz"
NOW = datetime(2023, 4, 29, 13, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def recording() -> list[Message]:
    """The messages of the sprint; tests that ask for it skip where it is not beside the checkout."""
    if not RECORDING.exists():
        pytest.skip(f"the recorded feed is not at {RECORDING}")
    return list(read_messages(RECORDING))
