"""gzip, when it is asked for."""

import re
import zlib
from collections.abc import Iterable, Iterator

GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([\d.]+))?\s*(?:,|$)", re.ASCII)
LEVEL = 1  # six times smaller already; more costs more time than it saves
WORTH = 500  # bytes


def wanted(accept_encoding: str) -> bool:
    match = GZIP.search(accept_encoding)
    return match is not None and match[1] not in ("0", "0.0", "0.00", "0.000")


def compress(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, gzipped as they come."""
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for part in parts:
        if squeezed := squeeze.compress(part):
            yield squeezed
    yield squeeze.flush()
