"""The journal: every message in the order of arrival, in files that are only appended to.

A file is JSON lines in zstd. `sync` ends a block, so that a crash costs nothing that was written before it; a process begins a
file of its own, because nothing can be appended to one whose end is torn, and another one when the disk has room again.
"""

import gzip
import logging
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import zstandard
from django.conf import settings

from live.messages import Message, lines

log = logging.getLogger(__name__)

CHUNK = 2**16  # bytes of a file that are read at once
ROOM = 2**20  # bytes that have to fit on the disk before a file is begun


@dataclass
class Hole:
    """A time of which the journal lacks messages."""

    since: datetime
    until: datetime
    reason: str


def folder_of(session_id: int) -> Path:
    return Path(settings.MEDIA_ROOT) / "live" / str(session_id)


class Journal:
    """The journal of a session, as far as this process writes it; any thread may call it.

    A full disk raises nothing: `failure` says why nothing is written, each `sync` tries again, and `holes` has what is missing.
    """

    def __init__(self, session_id: int, began: datetime) -> None:
        self.folder, self.began = folder_of(session_id), began
        self.paths: list[Path] = []  # of the files begun so far
        self.failure = ""
        self.holes: list[Hole] = []
        self.unsynced_since: datetime | None = None  # arrival of the first message that may not be on the disk
        self.newest = began  # arrival of the newest message
        self.lock = threading.Lock()
        self.closed = False
        try:
            self.open()
        except OSError as error:
            self.fail(error)

    def open(self) -> None:
        """Begin a file, if there is room for one."""
        path = self.folder / f"{self.began:%Y%m%dT%H%M%S%f}-{os.getpid()}-{len(self.paths):03}.jsonl.zst"
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as file:
                file.write(bytes(ROOM))
                file.flush()
                os.fsync(file.fileno())
            self.file = path.open("wb")
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        self.writer = zstandard.ZstdCompressor(level=3).stream_writer(self.file, closefd=False)
        self.paths.append(path)

    def append(self, message: Message) -> bool:
        """Write a message; false where it cannot be."""
        with self.lock:
            self.newest = message.t
            self.unsynced_since = self.unsynced_since or message.t
            if not self.failure:
                try:
                    self.writer.write(msgspec.json.encode(message) + b"\n")
                except OSError as error:
                    self.fail(error)
            return not self.failure

    def flush(self) -> None:
        """Let readers of the file see everything that was appended."""
        with self.lock:
            self.end(zstandard.FLUSH_BLOCK)

    def sync(self) -> None:
        """Bring everything that was appended to the disk; where that failed before, go on if there is room again."""
        with self.lock:
            if self.closed:
                return
            if self.failure:
                self.resume()
            self.end(zstandard.FLUSH_BLOCK)
            unsynced = self.unsynced_since
            if not self.failure:
                self.unsynced_since = None
        if self.failure:
            return
        try:
            os.fsync(self.file.fileno())  # without the lock: messages come meanwhile
        except OSError as error:
            with self.lock:
                self.unsynced_since = unsynced or self.unsynced_since
                self.fail(error)

    def begin_file(self) -> None:
        """End the file and begin another."""
        with self.lock:
            self.end(zstandard.FLUSH_FRAME)
            if self.failure:
                return
            try:
                os.fsync(self.file.fileno())
                self.file.close()
                self.open()
                self.unsynced_since = None
            except OSError as error:
                self.fail(error)

    def close(self) -> None:
        """End the file, unless that was done before."""
        if self.closed:
            return
        with self.lock:
            self.end(zstandard.FLUSH_FRAME)
        self.sync()
        self.closed = True
        if self.failure:
            self.note_hole()
        else:
            self.file.close()

    def end(self, what: int) -> None:
        """End a block or a frame; what was appended before it can be read from then on."""
        if self.failure:
            return
        try:
            self.writer.flush(what)
            self.file.flush()
        except OSError as error:
            self.fail(error)

    def fail(self, error: OSError) -> None:
        """Give the file up: what is behind its last block could not be read."""
        self.failure = error.strerror or str(error)
        log.error("The journal cannot be written: %s", error)
        self.unsynced_since = self.unsynced_since or self.newest
        with suppress(OSError, AttributeError):  # there may be none yet, and closing it writes once more
            self.file.close()

    def resume(self) -> None:
        """Begin another file, if there is room again."""
        try:
            self.open()
        except OSError:
            return
        log.warning("The journal is written again")
        self.note_hole()
        self.failure, self.unsynced_since = "", None

    def note_hole(self) -> None:
        since = self.unsynced_since or self.newest
        self.holes.append(Hole(since, self.newest, f"the journal could not be written: {self.failure}"))


class Reader:
    """Reads on in a journal while it is being written: what comes after its newest file was begun."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.open(len(journal.paths) - 1)

    def open(self, number: int) -> None:
        self.number, self.rest = number, b""
        self.unread: deque[bytes] = deque()  # lines
        self.file = self.journal.paths[number].open("rb")
        self.unpack = zstandard.ZstdDecompressor().decompressobj().decompress

    def next_messages(self, most: int) -> list[Message]:
        """The next messages, at most so many; fewer where no more are written yet."""
        self.journal.flush()
        messages: list[Message] = []
        while len(messages) < most:
            if self.unread:
                messages.append(lines.decode(self.unread.popleft()))
            elif chunk := self.file.read(CHUNK):
                *whole, self.rest = (self.rest + self.unpack(chunk)).split(b"\n")
                self.unread.extend(whole)
            elif self.number + 1 < len(self.journal.paths):
                self.close()
                self.open(self.number + 1)
            else:
                break
        return messages

    def close(self) -> None:
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


def files_of(session_id: int) -> list[Path]:
    """The files that all processes have written of a session, in order of time."""
    return sorted(folder_of(session_id).glob("*.jsonl.zst"))


def read_session(session_id: int) -> Iterator[Message]:
    """What all processes have written of a session, one after the other."""
    for path in files_of(session_id):
        yield from read_messages(path)
