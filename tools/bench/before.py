"""Another revision of the code, checked out to be measured in the same run."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path | None]:
    """Yield a folder with another revision of the code; None where git cannot check it out."""
    root = folder / "before"
    command = ["git", "worktree", "add", "--force", "--detach", root, revision]
    if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield root
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", root], cwd=ROOT, check=True)
