"""pyarrow without pandas, which it imports for the first value that it is given."""

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec


class Missing:
    """Among the finders of modules: to this thread there is no pandas."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        if name == "pandas" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError("pandas is spared here", name=name)
        return None


def spare_pandas() -> None:
    """Load pyarrow, and let it look for pandas where it finds none: half a second and 40 MB of every process that reads samples.

    It looks once. Who imports pandas later gets it all the same, and `to_pandas` works then.
    """
    import pyarrow

    if "pandas" in sys.modules:
        return
    missing = Missing()
    sys.meta_path.insert(0, missing)
    try:
        pyarrow.scalar(0)
    finally:
        sys.meta_path.remove(missing)
