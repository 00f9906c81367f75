"""Another revision of the code, measured in the same run, and how its figures and ours compare."""

import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path | None]:
    """Yield a folder with another revision of the code; None where git cannot check it out."""
    root = folder / "before"
    command = ["git", "worktree", "add", "--force", "--detach", str(root), revision]
    if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield root
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", root], cwd=ROOT, check=True)


class Taken(NamedTuple):
    """Milliseconds of answers: until the last byte, and of the worker's processor."""

    clock: list[float]
    cpu: list[float]


class Beside:
    """Our figures beside those of the baseline, with the goals for a machine of this speed.

    CPU time, which other work on the machine changes less, is compared as well: of a cold answer, as a share of the baseline's.
    """

    def __init__(self) -> None:
        columns = ("p50", "baseline", "this machine", "goal here")
        self.tables = [table(f"{way}, ms", *columns) for way in ("kept", "cold")]
        self.cpu = table("CPU of a cold answer, ms", "ours", "baseline", "share", "goal")

    def add(
        self, name: str, goals: tuple[str, str], was: tuple[float, float] | None, ours: list[Taken], before: list[Taken]
    ) -> None:
        for made, goal, then, *both in zip(self.tables, goals, was or (0, 0), ours, before, strict=True):
            here, old = (statistics.median(each.clock) for each in both)
            scaled = [f"{old / then:.1f} x", f"{float(goal) * old / then:.1f}"] if then else ["", ""]
            made.add_row(name, f"{here:.1f}", f"{old:.1f}", *scaled)
        here, old = (statistics.median(each[1].cpu) for each in (ours, before))
        goal = f"{float(goals[1]) / was[1]:.0%}" if was else ""
        self.cpu.add_row(name, f"{here:.1f}", f"{old:.1f}", f"{here / old:.0%}", goal)


def table(*columns: str) -> Table:
    made = Table(*columns, box=box.MARKDOWN)
    for column in made.columns[1:]:
        column.justify = "right"
        column.no_wrap = True
    return made
