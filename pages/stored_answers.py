"""What takes long to make and is kept in the storage: one file per session and kind, as of one version of what it is made from.

A file begins with its version. Another version is made anew and takes the place of the former; no two processes make the same.
"""

import hashlib
import logging
import zlib
from collections.abc import Callable

from django.conf import settings

from api.kept import alone, kept, once
from mirror.errors import NotStored
from mirror.storage import DamagedFile, StorageUnavailable
from telemetry.samples import files

log = logging.getLogger(__name__)
LEVEL = 6  # of compression


def version_of(*parts: object) -> str:
    """Changes with any of the parts, and with the version of the site."""
    return hashlib.blake2b(repr((settings.VERSION, parts)).encode(), digest_size=12).hexdigest()


def stored_once(kind: str, session_id: int, version: str, make: Callable[[], bytes]) -> bytes:
    """The content of a kind of file of a session: from memory, from the storage, or made now and stored."""

    def from_storage() -> bytes:
        content = load(kind, session_id, version)  # before the lease, which is two statements
        if content is not None:
            return content
        with alone(kind, session_id, version):
            content = load(kind, session_id, version)  # which another process may have made meanwhile
            if content is None:
                content = make()
                store(kind, session_id, version, content)
            return content

    return once(key_of(kind, session_id, version), from_storage)


def stored_if_made(kind: str, session_id: int, version: str) -> bytes | None:
    """The content where somebody has made it already; None otherwise, also while the storage cannot be reached."""
    key = key_of(kind, session_id, version)
    content = kept.get(key)
    if content is None:
        try:
            content = load(kind, session_id, version)
        except StorageUnavailable:
            return None
        if content is not None:
            kept.put(key, content, len(content))
    return content


def key_of(kind: str, session_id: int, version: str) -> str:
    return f"{kind} {session_id} {version}"


def name_of(kind: str, session_id: int) -> str:
    return f"{kind}/session_id={session_id}/{kind}.zz"


def load(kind: str, session_id: int, version: str) -> bytes | None:
    """The stored content; None where there is none of this version, or it is damaged."""
    head = version.encode()
    try:
        stored = files.read_if_there(name_of(kind, session_id))
        return zlib.decompress(stored[len(head) :]) if stored and stored.startswith(head) else None
    except (DamagedFile, zlib.error):
        return None


def store(kind: str, session_id: int, version: str, content: bytes) -> None:
    """Store the content; where nothing can be written that is logged, and the answer is made again next time."""
    try:
        files.store(name_of(kind, session_id), version.encode() + zlib.compress(content, LEVEL))
    except NotStored as error:
        log.warning("%s", error)
