"""JSON merge patches (RFC 7396): what has to be put over one board to get the next."""

from typing import Any


def difference(old: Any, new: Any) -> Any:
    """The patch that turns `old` into `new`; {} where they are equal. A name that is gone is null."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    patch = {name: difference(old.get(name), value) for name, value in new.items() if name not in old or old[name] != value}
    return patch | {name: None for name in old if name not in new}


def merge(target: Any, patch: Any) -> Any:
    """`target` with a patch put over it; `target` stays as it is."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def without_nulls(value: Any) -> Any:
    """A value as merge patches can carry it: names whose value is null are left out."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return value
