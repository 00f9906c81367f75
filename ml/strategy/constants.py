"""Other values of the constants at the head of these modules, for an exam that says what they are worth."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from ml.strategy import circuits, fitting, forecast, next_lap, pitloss, rejoin, simulation, timeline

MODULES = {
    each.__name__.rsplit(".", 1)[-1]: each
    for each in (circuits, fitting, forecast, next_lap, pitloss, rejoin, simulation, timeline)
}
SETTING = re.compile(r"(\w+)\.([A-Z][A-Z_]*)=(-?\d+(?:\.\d+)?)")


def read_setting(text: str) -> tuple[ModuleType, str, float]:
    """(module, name, value) of "rejoin.DEGREES=2"; ValueError where there is no such number."""
    found = SETTING.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not like rejoin.DEGREES=2.")
    place, name, value = found.groups()
    module = MODULES.get(place)
    if module is None:
        raise ValueError(f"{text!r}: there is no module {place!r} with constants; there are {', '.join(MODULES)}.")
    numbers = {each: known for each, known in vars(module).items() if each.isupper() and type(known) in (int, float)}
    if name not in numbers:
        raise ValueError(f"{text!r}: {place} has no number {name!r}; it has {', '.join(numbers)}.")
    return module, name, type(numbers[name])(float(value))


@contextmanager
def changed(settings: Sequence[tuple[ModuleType, str, float]]) -> Iterator[None]:
    """Constants with other values during a `with`."""
    before = [(module, name, getattr(module, name)) for module, name, _ in settings]
    try:
        for module, name, value in settings:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
