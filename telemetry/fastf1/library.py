"""Load laps with the FastF1 library, in a Python environment of its own because it needs an older pandas than the site."""

import json
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from races.models import Session

PROGRAM = Path(__file__).with_name("load_laps.py")


class NotInstalled(Exception):
    """The FastF1 library is not installed."""


class NotLoaded(Exception):
    """The FastF1 library could not be run to its end."""


def find_python() -> Path:
    """The interpreter of the environment with the library; raises NotInstalled."""
    path = Path(settings.BASE_DIR) / ".venv-fastf1" / "bin" / "python"
    if not path.exists():
        raise NotInstalled(
            "The FastF1 library is not installed. Install it with `make fastf1`, or save laps elsewhere with "
            "`session.laps.to_csv(…)` and name their folder: --csv DIR"
        )
    return path


def load(sessions: Collection[Session], *, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield for each loaded session {"session_id", "version", "file": the CSV file in `folder`, "error": text or ""}.

    NotInstalled without the library, NotLoaded where its program cannot be run or gives no usable answer.
    """
    cache = Path(settings.MEDIA_ROOT) / "fastf1"
    requested = [
        {"session_id": s.pk, "year": s.year, "race_name": s.race.race_name, "session_name": s.session_name} for s in sessions
    ]
    command = [str(find_python()), str(PROGRAM), str(cache), str(folder), json.dumps(requested)]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - the program is ours
            assert process.stdout is not None
            for line in process.stdout:
                yield json.loads(line)
    except OSError as error:
        raise NotLoaded(f"FastF1 cannot be run: {error}") from error
    except ValueError as error:
        raise NotLoaded(f"{PROGRAM.name} gave no usable answer: {error}") from error
    if process.returncode:
        raise NotLoaded(f"{PROGRAM.name} ended with status {process.returncode}; see its output above")
