"""Rows of a sample file that meet conditions, found in its Arrow table."""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from api.tables import arrow

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

OPERATORS = {"exact": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
LOOKUPS = (*OPERATORS, "in", "isnull")


@dataclass(frozen=True)
class Condition:
    """A column of the file, one of LOOKUPS, and the value it compares with: of `in` a list, of `isnull` a boolean."""

    column: str
    lookup: str
    value: Any

    def mask(self, table: "pa.Table") -> "pa.ChunkedArray":
        """Whether each row meets the condition; null where a comparison meets a null."""
        import pyarrow as pa
        import pyarrow.compute as pc

        values = table[self.column]
        if self.lookup == "isnull":
            return pc.is_null(values) if self.value else pc.is_valid(values)
        if self.lookup == "in":
            return pc.is_in(values, value_set=pa.array(self.value, values.type))
        return arrow.compare(values, OPERATORS[self.lookup], self.value)


def matching_rows(table: "pa.Table", conditions: list[Condition]) -> "np.ndarray":
    """The numbers of the rows, from 0, that meet all conditions, in the order of the file."""
    import numpy as np
    import pyarrow.compute as pc

    if not conditions:
        return np.arange(table.num_rows)
    mask = reduce(pc.and_, (condition.mask(table) for condition in conditions))
    return pc.indices_nonzero(mask).to_numpy()
