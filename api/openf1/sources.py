"""Where the rows of a query come from, and how they become bytes: each source has `read(query)` and `write(query, chunks)`."""

from types import ModuleType

from api.openf1 import raw, rows, samples
from api.openf1.query import Query


def source_of(query: Query) -> ModuleType:
    if query.collection.sampled:
        return samples
    return raw if query.raw else rows
