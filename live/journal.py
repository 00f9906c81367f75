"""The journal: every message in the order of arrival, in files that are only appended to.

A file is JSON lines in zstd. `sync` ends a block, so that a crash costs nothing that was written before it; a process begins a
file of its own, because nothing can be appended to one whose end is torn.
"""

import gzip
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
import zstandard
from django.conf import settings

from live.messages import Message, lines

CHUNK = 2**16  # bytes of a file that are read at once


def folder_of(session_id: int) -> Path:
    return Path(settings.MEDIA_ROOT) / "live" / str(session_id)


class Journal:
    """The journal of a session, as far as this process writes it."""

    def __init__(self, session_id: int, began: datetime) -> None:
        folder = folder_of(session_id)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{began:%Y%m%dT%H%M%S%f}-{os.getpid()}.jsonl.zst"
        self.file = self.path.open("xb")
        self.writer = zstandard.ZstdCompressor(level=3).stream_writer(self.file, closefd=False)

    def append(self, message: Message) -> None:
        self.writer.write(msgspec.json.encode(message) + b"\n")

    def sync(self) -> None:
        """Bring everything that was appended to the disk."""
        self.writer.flush(zstandard.FLUSH_BLOCK)
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self) -> None:
        self.writer.flush(zstandard.FLUSH_FRAME)
        self.sync()
        self.file.close()


def read_messages(path: Path) -> Iterator[Message]:
    """The messages of a journal or of a recording (`.jsonl`, `.jsonl.gz`, `.jsonl.zst`) up to where it is torn."""
    rest = b""
    with suppress(zstandard.ZstdError, EOFError, msgspec.DecodeError):
        for piece in unpacked(path):
            *whole, rest = (rest + piece).split(b"\n")
            yield from map(lines.decode, whole)
        if rest:
            yield lines.decode(rest)


def unpacked(path: Path) -> Iterator[bytes]:
    """The bytes of a file, as far as they can be unpacked."""
    unpack = zstandard.ZstdDecompressor().decompressobj().decompress if path.suffix == ".zst" else bytes
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield unpack(chunk)


def read_session(session_id: int) -> Iterator[Message]:
    """What all processes have written of a session, one after the other."""
    for path in sorted(folder_of(session_id).glob("*.jsonl.zst")):
        yield from read_messages(path)
