"""Feeds for tests: the recorded sprint of Baku 2023, and rows turned into messages."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from live.journal import read_messages
from live.messages import Message

RECORDING = Path(__file__).resolve().parents[3] / "shared" / "live" / "baku_sprint_9069.jsonl.gz"
NOW = datetime(2023, 4, 29, 13, 30, tzinfo=UTC)


class Certificate(NamedTuple):
    """The files of a certificate for localhost that signs itself."""

    certificate: Path
    key: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    files = Certificate(folder / "cert.pem", folder / "key.pem")
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *options.split(), "-keyout", str(files.key), "-out", str(files.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture(scope="session")
def recording() -> list[Message]:
    """The messages of the sprint; tests that ask for it skip where it is not beside the checkout."""
    if not RECORDING.exists():
        pytest.skip(f"the recorded feed is not at {RECORDING}")
    return list(read_messages(RECORDING))
