"""gzip compression of answers, for clients that accept it."""

import re
import zlib
from collections.abc import Iterable, Iterator

GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([\d.]+))?\s*(?:,|$)", re.ASCII)
LEVEL = 1  # makes bodies six times smaller; higher levels cost more time than they save where an answer is sent once
MIN_BYTES = 500  # of a body that is compressed
PIECE = 2**20  # bytes that are unpacked at once


def accepts_gzip(accept_encoding: str) -> bool:
    match = GZIP.search(accept_encoding)
    return match is not None and match[1] not in ("0", "0.0", "0.00", "0.000")


def compress(parts: Iterable[bytes], level: int = LEVEL) -> Iterator[bytes]:
    """The same bytes, gzipped as they come."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for part in parts:
        if compressed := compressor.compress(part):
            yield compressed
    yield compressor.flush()


def unpack(body: bytes) -> Iterator[bytes]:
    """What was gzipped, in pieces; its checksum, at the end, is read after the last byte is given."""
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    while body:
        yield decompressor.decompress(body, PIECE)
        body = decompressor.unconsumed_tail
