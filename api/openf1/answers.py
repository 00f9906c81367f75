"""A cache of rendered answers in memory. The key has the versions of what an answer was made of, so none is ever stale."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

MAX_ANSWER_BYTES = 2 * 2**20
MAX_TOTAL_BYTES = 32 * 2**20  # of all answers of a process


class Answer(NamedTuple):
    body: bytes
    gzipped: bool = False


class AnswerCache:
    """The most recently used answers, up to a number of bytes in total."""

    def __init__(self, largest: int = MAX_ANSWER_BYTES, total: int = MAX_TOTAL_BYTES) -> None:
        self._largest, self._total = largest, total
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, key: str) -> Answer | None:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def put(self, key: str, answer: Answer) -> None:
        if len(answer.body) > self._largest:
            return
        with self._lock:
            self._size += len(answer.body) - len(self._answers.pop(key, Answer(b"")).body)
            self._answers[key] = answer
            while self._size > self._total:
                _, oldest = self._answers.popitem(last=False)
                self._size -= len(oldest.body)

    def clear(self) -> None:
        with self._lock:
            self._answers.clear()
            self._size = 0


answers = AnswerCache()
