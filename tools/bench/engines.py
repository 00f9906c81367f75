"""Ask engines that are not ours about the site's files as they are, and compare them with REST: `make engines`.

DuckDB, Polars, ClickHouse (chDB) and Spark (where Java is) read a dump and the stored sample files, answer ten questions, and
have to say what follows from the rows that REST gives. Rows come from the recorded OpenF1 in ../shared where that is there, else
from the demo season. With --seasons N the questions about samples are asked once more of N seasons of 24 races, whose files are
links to the one recorded race's: real in number and size, but read from memory. Ends with 1 when an answer differs.

    tools/bench/engines.py [--engines duckdb polars] [--seasons 10 50] [--limit 300]
"""

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from engine_questions import QUESTIONS, Rows
from rich.console import Console
from rich.table import Table
from servers import ROOT, Site, upstream

PYTHON = ROOT / ".venv-engines" / "bin" / "python"
NAMES = {"duckdb": "DuckDB", "polars": "Polars", "chdb": "ClickHouse", "spark": "Spark"}
RACES = 24  # of a season
console = Console(width=None if sys.stdout.isatty() else 150)


def fill(site: Site, season: int, session: int) -> None:
    """Sync a season, and the car samples of one race."""
    site.run_command("migrate", "-v0")
    site.run_command("sync_openf1", "--season", str(season))
    site.run_command("sync_openf1", "car_data", "--session", str(session))


def rows_of_rest(site: Site, session: int) -> Rows:
    """All rows that the questions need, as /v1 gives them; samples car by car."""
    wanted = {name for question in QUESTIONS for name in question.collections} - {"car_data"}
    rows = {name: ask_rest(site, name) for name in sorted(wanted)}
    cars = sorted({row["driver_number"] for row in rows["drivers"] if row["session_key"] == session})
    rows["car_data"] = [row for car in cars for row in ask_rest(site, f"car_data?session_key={session}&driver_number={car}")]
    return rows


def ask_rest(site: Site, path: str) -> list[dict[str, Any]]:
    try:
        with urlopen(f"{site.url}/v1/{path}", timeout=120) as answer:
            return json.load(answer)
    except OSError as error:
        if getattr(error, "code", None) == 404:  # OpenF1's way to say that there are none
            return []
        raise


def ask_engine(name: str, *, dump: Path, samples: Path, limit: int, scales: bool = False) -> dict[str, Any] | str:
    """What engine.py prints, or why there is nothing, in words."""
    command = [str(PYTHON), str(Path(__file__).with_name("engine.py")), name, "--dump", str(dump), "--samples", str(samples)]
    try:
        ended = subprocess.run(
            [*command, *(["--scales"] if scales else [])], capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not within {limit} s"
    if ended.returncode:
        return f"ended with {ended.returncode}: {(ended.stderr.strip().splitlines() or ['no word'])[-1][:120]}"
    return json.loads(ended.stdout.splitlines()[-1])


def differences(engine_rows: list[list[Any]], rest: dict[tuple, tuple]) -> list[str]:
    """Where the rows of an engine are not those of REST: figures may differ by rounding, in the ninth digit."""
    length = len(next(iter(rest), ()))
    engine = {tuple(row[:length]): tuple(row[length:]) for row in engine_rows}
    missing = [f"{key} only here or only there" for key in engine.keys() ^ rest.keys()]
    return missing + [
        f"{key}: {engine[key]}, REST {rest[key]}"
        for key in engine.keys() & rest.keys()
        if not all(math.isclose(float(a), float(b), rel_tol=1e-9) for a, b in zip(engine[key], rest[key], strict=True))
    ]


def compare(engines: list[str], rows: Rows, *, dump: Path, samples: Path, limit: int) -> int:
    """Print the table of the questions, and return how many answers differ."""
    told = {name: ask_engine(name, dump=dump, samples=samples, limit=limit) for name in engines}
    table, bad = Table("seconds", "rows", "REST's rows in Python", *map(NAMES.__getitem__, engines)), 0
    for question in QUESTIONS:
        began = time.perf_counter()
        rest = question.answer(rows)
        cells = [question.name, str(len(rest)), f"{time.perf_counter() - began:.2f}"]
        for name in engines:
            answer = told[name]
            if isinstance(answer, str):
                cells.append(answer)
                continue
            wrong = differences(answer["answers"][question.name]["rows"], rest)
            bad += bool(wrong) or not rest
            cells.append(f"{answer['answers'][question.name]['seconds']:.2f}" + (f" [red]{wrong[0]}" if wrong else ""))
        table.add_row(*cells)
    add_totals(table, told)
    console.print(table)
    return bad + sum(isinstance(answer, str) for answer in told.values())


def add_totals(table: Table, told: dict[str, dict[str, Any] | str]) -> None:
    for title, figure in (("to start, s", "started"), ("peak memory, MB", "peak_mb")):
        cells = ["" if isinstance(answer, str) else f"{answer[figure]:,.0f}" for answer in told.values()]
        table.add_row(title, *[""] * (len(table.columns) - 1 - len(cells)), *cells)


def scale(engines: list[str], seasons: int, *, dump: Path, samples: Path, folder: Path, limit: int) -> None:
    """Ask the questions about samples of so many seasons, and print the table."""
    [race] = (samples / "car_data").iterdir()
    size = sum(file.stat().st_size for file in race.iterdir())
    for number in range(1, seasons * RACES + 1):
        copy = folder / "car_data" / f"session_id={number}"
        copy.mkdir(parents=True)
        for file in race.iterdir():
            os.link(file, copy / file.name)
    console.print(f"{seasons} seasons: {seasons * RACES:,} races, {size * seasons * RACES / 1e9:.1f} GB of car samples")
    told = {name: ask_engine(name, dump=dump, samples=folder, limit=limit, scales=True) for name in engines}
    table = Table("seconds", *map(NAMES.__getitem__, engines))
    for question in QUESTIONS:
        if question.scales:
            table.add_row(
                question.name,
                *(
                    answer if isinstance(answer, str) else f"{answer['answers'][question.name]['seconds']:.1f}"
                    for answer in told.values()
                ),
            )
    add_totals(table, told)
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--seasons", nargs="*", type=int, default=[], help="ask about so many seasons of samples too")
    parser.add_argument("--limit", type=int, default=300, help="seconds that one engine may take (default 300)")
    given = parser.parse_args()
    engines = [name for name in given.engines if name != "spark" or shutil.which("java")]
    if len(engines) < len(given.engines):
        console.print("Spark is not asked: there is no Java here.")
    with tempfile.TemporaryDirectory(prefix="f1engines") as temporary, upstream() as (url, season, session):
        folder = Path(temporary)
        with Site(folder / "site", f"sqlite:///{folder}/site/db.sqlite3", OPENF1_BASE_URL=url) as site:
            fill(site, season, session)
            site.run_command("dump", "--output", str(folder / "dump"))
            site.serve()
            rows = rows_of_rest(site, session)
            places = {"dump": folder / "dump", "samples": site.media}
        bad = compare(engines, rows, **places, limit=given.limit)
        for seasons in given.seasons:
            scale(engines, seasons, **places, folder=folder / f"{seasons}", limit=given.limit)
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {bad} answers differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
