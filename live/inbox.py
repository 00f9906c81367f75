"""Messages between the connection and the engine: in the journal first, and in memory as far as they are not too many."""

import threading
from collections import deque
from pathlib import Path

from live.journal import Hole, Journal, Reader
from live.messages import Message

LIMIT = 20_000  # messages that wait in memory; those of a flood beyond it are read from the journal when their turn comes
BATCH = 5_000  # messages that are taken at once


class Inbox:
    """Takes messages of one thread and gives them to another."""

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.journal: Journal | None = None
        self.reader: Reader | None = None  # of what is in the journal only
        self.lock = threading.Lock()

    @property
    def holes(self) -> list[Hole]:
        """Times in which the journal could not be written."""
        return self.journal.holes if self.journal else []

    @property
    def paths(self) -> list[Path]:
        """The files that the journal has begun."""
        return self.journal.paths if self.journal else []

    @property
    def failure(self) -> str:
        """Why the journal is not written; empty while it is."""
        return self.journal.failure if self.journal else ""

    def begin(self, journal: Journal) -> None:
        """Write what came so far, and from now on everything at once."""
        with self.lock:
            self.journal = journal
            for message in self.waiting:
                journal.append(message)

    def put(self, message: Message) -> None:
        """Take a message over. One for which neither the journal nor memory has room is lost, in a hole of the journal."""
        with self.lock:
            if self.journal and not self.reader and len(self.waiting) >= LIMIT:
                self.journal.begin_file()
                self.reader = None if self.journal.failure else Reader(self.journal)
            written = self.journal.append(message) if self.journal else False
            if not (written and self.reader) and (len(self.waiting) < LIMIT or not self.journal):
                self.waiting.append(message)

    def take(self) -> list[Message]:
        """The next messages, at most BATCH; none where there are none."""
        with self.lock:
            taken = [self.waiting.popleft() for _ in range(min(BATCH, len(self.waiting)))]
            if self.reader and not self.waiting and len(taken) < BATCH:
                wanted = BATCH - len(taken)
                read = self.reader.next_messages(wanted)
                taken += read
                if len(read) < wanted:
                    self.reader.close()
                    self.reader = None
            return taken

    def sync(self) -> None:
        if self.journal:
            self.journal.sync()

    def close(self) -> None:
        """Close the journal; what has not been taken stays in it."""
        if self.journal:
            self.journal.close()
        if self.reader:
            self.reader.close()
