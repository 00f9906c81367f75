"""What was used last, kept in the memory of a process up to a number of bytes."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """Values by key. The key has to name the content, as a version or a digest does: nothing here ever gets old."""

    def __init__(self, *, largest: int, total: int) -> None:
        self._largest, self._total = largest, total
        self._values: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, key: str) -> Value | None:
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: str, value: Value, size: int) -> None:
        """Keep a value of so many bytes, unless it is too large; the ones that were used longest ago make room for it."""
        if size > self._largest:
            return
        with self._lock:
            if key in self._values:
                self._size -= self._values.pop(key)[1]
            self._values[key] = (value, size)
            self._size += size
            while self._size > self._total:
                _, (_, freed) = self._values.popitem(last=False)
                self._size -= freed

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._size = 0
