"""Parquet files written piece by piece: memory does not grow with the number of rows."""

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 50_000  # rows of a Parquet file that are read together


def write_batches(schema: "pa.Schema", batches: Iterable["pa.RecordBatch"]) -> Iterator[bytes]:
    """A Parquet file of record batches, in pieces as it grows; each piece is a row group of about `ROW_GROUP` rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with PieceBuffer() as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in group_batches(batches, ROW_GROUP):
                writer.write_table(pa.Table.from_batches(group, schema))
                yield file.take()
        yield file.take()


def group_batches(batches: Iterable["pa.RecordBatch"], size: int) -> Iterator[list["pa.RecordBatch"]]:
    """Batches put together until they have `size` rows."""
    group: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        group.append(batch)
        rows += len(batch)
        if rows >= size:
            yield group
            group, rows = [], 0
    if group:
        yield group


class PieceBuffer(io.RawIOBase):
    """A file that keeps only the bytes that were written since the last `take`."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
