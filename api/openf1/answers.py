"""Rendered answers kept in memory. The key has the versions of what an answer was made of, so none is ever stale."""

from typing import NamedTuple

from api.memory import Memory

MAX_ANSWER_BYTES = 2 * 2**20
MAX_TOTAL_BYTES = 32 * 2**20  # of all answers of a process


class Answer(NamedTuple):
    body: bytes
    gzipped: bool = False


answers = Memory[Answer](largest=MAX_ANSWER_BYTES, total=MAX_TOTAL_BYTES)
