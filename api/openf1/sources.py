"""The sources of rows: each is a module with `read_chunks(query)` and `write_chunks(query, chunks)`."""

from types import ModuleType

from api.openf1 import raw, rows, samples
from api.openf1.query import Query


def source_of(query: Query) -> ModuleType:
    if query.collection.sampled:
        return samples
    return raw if query.raw else rows
