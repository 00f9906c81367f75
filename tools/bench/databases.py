"""The databases of a bench: one season, and more of them made of it by multiplying every row.

The rows are those recorded in ../shared where that is there, else the demo season's.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from servers import REPLAY, ROOT, answers, end, free_port, until

SHIFT = 1_000_000  # between the keys of one copy of the season and the next
console = Console(width=160)


def environment(folder: Path, name: str) -> dict[str, str]:
    here = {"DATABASE_URL": f"sqlite:///{folder / name}.sqlite3", "MEDIA_ROOT": str(folder / "media"), "LOG_LEVEL": "ERROR"}
    return os.environ | here | {"OPENF1_REQUESTS_PER_SECOND": "0", "OPENF1_REQUESTS_PER_MINUTE": "0"}


def manage(*arguments: str, env: dict[str, str]) -> None:
    console.print(f"[dim]manage.py {' '.join(arguments)}")
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving(command: list[str], url: str, env: dict[str, str], root: Path = ROOT) -> Iterator[subprocess.Popen]:
    """Run a server in the background for the length of a `with`, and wait until it answers."""
    process = subprocess.Popen(
        command, cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until(lambda: answers(url), f"no answer at {url}")
        yield process
    finally:
        end(process)


def fill(folder: Path) -> None:
    """Create a database with one season, and a copy of it with ten."""
    env = environment(folder, "one")
    manage("migrate", "-v0", env=env)
    if REPLAY.exists():
        port = str(free_port())
        url = f"http://127.0.0.1:{port}"
        env |= {"OPENF1_BASE_URL": f"{url}/v1"}
        with serving([sys.executable, str(REPLAY), "--port", port], f"{url}/", env):
            manage("sync_openf1", "--season", "2024", env=env)
            manage("sync_openf1", "car_data", "location", "--session", "9472", env=env)
    else:
        manage("load_demo", env=env)
    multiply(folder / "one.sqlite3", folder / "ten.sqlite3", seasons=10)


def multiply(season: Path, path: Path, *, seasons: int) -> None:
    """Make a database of so many seasons: races, sessions and what belongs to them, copied under other keys."""
    console.print(f"[dim]{path.name}")
    with sqlite3.connect(season) as one:
        one.execute("VACUUM INTO ?", [str(path)])
    database = sqlite3.connect(path)
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = [(name, key) for _, name, _, _, _, key in database.execute(f'PRAGMA table_info("{table}")')]
        names = [name for name, _ in columns]
        if not {"session_id", "race_id"} & set(names) or table == "openf1_correction":
            continue
        copied = [name for name, key in columns if not key or name in ("session_id", "race_id")]
        shifted = [
            f"{name} + ?1 * {SHIFT}" if name in ("session_id", "race_id") else "year - ?1" if name == "year" else name
            for name in copied
        ]
        own = f"abs({'session_id' if 'session_id' in names else 'race_id'}) < {SHIFT}"  # without earlier copies
        for copy in range(1, seasons):
            database.execute(
                f"INSERT INTO {table} ({', '.join(copied)}) SELECT {', '.join(shifted)} FROM {table} WHERE {own}", [copy]
            )
    database.commit()
    database.execute("ANALYZE")
    database.close()
