"""Rendered answers, kept in memory until what they were made of changes: the key they are stored under says of what that was."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

LARGEST = 2 * 2**20  # bytes of one answer
ALL = 32 * 2**20  # bytes of all answers of a process


class Answer(NamedTuple):
    body: bytes
    gzipped: bool = False


class Answers:
    """The answers used last, up to so many bytes."""

    def __init__(self, largest: int = LARGEST, total: int = ALL):
        self._largest, self._total = largest, total
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, key: str) -> Answer | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: str, answer: Answer) -> None:
        if len(answer.body) > self._largest:
            return
        with self._lock:
            self._size += len(answer.body) - len(self._kept.pop(key, Answer(b"")).body)
            self._kept[key] = answer
            while self._size > self._total:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest.body)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0


answers = Answers()
