"""Parts of whole files, as DuckDB and pyarrow ask for them: `HEAD`, then `Range`. A file is made once and kept while it is read.

A kept file has no name on the disk: it is gone with its process.
"""

import os
import re
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

MOST_FILES = 8  # that a process keeps
PIECE = 2**20  # bytes that are sent at once
AT_ONCE = 16 * PIECE  # a part up to this size is no stream
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class KeptFile:
    """A file without a name, closed when nobody refers to it any more."""

    def __init__(self, content: Iterable[bytes]) -> None:
        with tempfile.TemporaryFile() as file:
            for piece in content:
                file.write(piece)
            self.size = file.tell()
            file.flush()
            self.descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.descriptor)

    def bytes_at(self, start: int, stop: int) -> bytes:
        return os.pread(self.descriptor, stop - start, start)


files: OrderedDict[str, KeptFile] = OrderedDict()
door = Lock()


def is_partial(request: HttpRequest) -> bool:
    """Whether a request asks for the size or a part of a file."""
    return request.method == "HEAD" or "Range" in request.headers


def file_of(key: str, make: Callable[[], Iterable[bytes]]) -> KeptFile:
    """The kept file of a key, which names the content; made now where there is none."""
    with door:
        if key in files:
            files.move_to_end(key)
            return files[key]
    file = KeptFile(make())
    with door:
        files[key] = file
        while len(files) > MOST_FILES:
            files.popitem(last=False)
    return file


def respond(request: HttpRequest, file: KeptFile, headers: dict[str, str]) -> HttpResponseBase:
    """The response with a file or a part of it; 416 for a part that it does not have."""
    size = file.size
    headers = headers | {"Accept-Ranges": "bytes"}
    if request.method == "HEAD":
        return HttpResponse(headers=headers | {"Content-Length": str(size)})
    span = parse_range(request.headers.get("Range", ""), size) if "If-Range" not in request.headers else None
    if span is None:
        return body(file, 0, size, status=200, headers=headers)
    start, stop = span
    if start >= stop:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    return body(file, start, stop, status=206, headers=headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"})


def parse_range(text: str, size: int) -> tuple[int, int] | None:
    """(first byte, byte after the last) of a Range; None for one that is not understood, such as several parts."""
    match = RANGE.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def body(file: KeptFile, start: int, stop: int, *, status: int, headers: dict[str, str]) -> HttpResponseBase:
    headers = headers | {"Content-Length": str(stop - start)}
    if stop - start <= AT_ONCE:
        return HttpResponse(file.bytes_at(start, stop), status=status, headers=headers)
    return StreamingHttpResponse(pieces(file, start, stop), status=status, headers=headers)


def pieces(file: KeptFile, start: int, stop: int) -> Iterator[bytes]:
    while start < stop:
        piece = file.bytes_at(start, min(start + PIECE, stop))
        yield piece
        start += len(piece)
