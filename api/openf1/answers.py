"""Rendered answers kept in memory. The key has the versions of what an answer was made of, so none is ever stale.

A streamed or a large answer is kept gzipped, when the last of it has been taken: from the first time on where it is sent so, from
the second where it has to be compressed for this alone, which is half of the work of making it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.conf import settings

from api.memory import Memory
from api.openf1 import compression

MAX_TOTAL_BYTES = settings.ANSWERS_MEMORY_MB * 2**20  # of all answers of a process
MAX_ANSWER_BYTES = min(2 * 2**20, MAX_TOTAL_BYTES)
MAX_UNPACKED_BYTES = 16 * 2**20  # of a streamed answer that is compressed for being kept


class Answer(NamedTuple):
    body: bytes
    gzipped: bool = False


answers = Memory[Answer](largest=MAX_ANSWER_BYTES, total=MAX_TOTAL_BYTES)
streamed = Memory[bool](largest=1, total=1_000)  # ETags of the streamed answers asked for last


def key_of(tag: str, *, gzip: bool) -> str:
    """The key of an answer with this ETag for clients that accept gzip, or for the others."""
    return f"{tag}gzip" if gzip else tag


def find(tag: str, *, gzip: bool) -> Answer | None:
    """The kept answer; to clients that do not accept gzip it may be a gzipped one, which is to be unpacked."""
    found = answers.get(key_of(tag, gzip=gzip))
    return found or (answers.get(key_of(tag, gzip=True)) if streamed.get(tag) else None)


def keep(made: Answer, tag: str, *, gzip: bool) -> None:
    """Keep an answer; one that is too large as it is, as if it had been streamed."""
    if len(made.body) > MAX_ANSWER_BYTES and not made.gzipped:
        deque(keep_streamed([made.body], tag, gzip=False), maxlen=0)
    else:
        answers.put(key_of(tag, gzip=gzip), made, len(made.body))


def keep_streamed(parts: Iterable[bytes], tag: str, *, gzip: bool) -> Iterator[bytes]:
    """The same parts, gzipped or not; when all have been taken they are kept, unless they are too large."""
    largest = MAX_ANSWER_BYTES if gzip else MAX_UNPACKED_BYTES if streamed.get(tag) else 0
    streamed.put(tag, True, 1)
    size = 0
    taken: list[bytes] = []
    for part in parts:
        yield part
        size += len(part)
        if size <= largest:
            taken.append(part)
        else:
            taken.clear()
    if taken:
        body = b"".join(taken if gzip else compression.compress(taken))
        answers.put(key_of(tag, gzip=True), Answer(body, gzipped=True), len(body))
