"""SQL for everybody: DuckDB, in a process of its own for each question, over Parquet files of the mirrored rows."""

from pathlib import Path


def worker_path() -> str:
    """The program that answers a question; it is run, never imported."""
    return str(Path(__file__).with_name("worker.py"))
