"""Ask one engine the ten questions; run by engines.py in the engines' own environment. Prints a JSON object.

    engine.py duckdb --dump FOLDER --samples FOLDER [--scales]

--dump has the Parquet files of `manage.py dump`, --samples the sample files as the site stores them:
car_data/session_id=…/driver_number=….parquet. Each engine sees them as tables named like the collections. --scales asks only
the questions about samples, and answers with how many rows there are instead of the rows.
"""

import argparse
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine_questions import QUESTIONS

CAR = r"driver_number=(\d+)\.parquet$"  # the car is in the file's name, the session in its folder's
MEMORY_GB = 8  # that an engine may take
Ask = Callable[[str], list[tuple]]


def duckdb_engine(tables: dict[str, Path], samples: Path) -> Ask:
    import duckdb

    database = duckdb.connect()
    database.execute(f"SET memory_limit = '{MEMORY_GB}GB'")
    for name, file in tables.items():
        database.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{file}')")
    database.execute(
        f"CREATE VIEW car_data AS SELECT session_id AS session_key, regexp_extract(filename, '{CAR}', 1)::INT AS driver_number, "
        f"speed, throttle FROM read_parquet('{samples}/car_data/*/*.parquet', hive_partitioning = true, filename = true)"
    )
    return lambda sql: database.execute(sql).fetchall()


def chdb_engine(tables: dict[str, Path], samples: Path) -> Ask:
    from chdb.session import Session

    database = Session()
    database.query("CREATE DATABASE f1 ENGINE = Atomic")
    for name, file in tables.items():
        database.query(f"CREATE VIEW f1.{name} AS SELECT * FROM file('{file}', 'Parquet')")
    database.query(
        "CREATE VIEW f1.car_data AS SELECT toInt32(extract(_path, 'session_id=(\\\\d+)')) AS session_key, "
        "toInt32(extract(_path, 'driver_number=(\\\\d+)')) AS driver_number, speed, throttle "
        f"FROM file('{samples}/car_data/*/*.parquet', 'Parquet')"
    )
    database.query("USE f1")

    def ask(sql: str) -> list[tuple]:
        lines = str(database.query(f"{sql} SETTINGS max_memory_usage = {MEMORY_GB * 10**9}", "JSONCompactEachRow")).splitlines()
        return [tuple(json.loads(line)) for line in lines if line]

    return ask


def polars_engine(tables: dict[str, Path], samples: Path) -> Ask:
    import polars as pl

    found = pl.scan_parquet(f"{samples}/car_data/*/*.parquet", hive_partitioning=True, include_file_paths="file")
    found = found.select(
        pl.col("session_id").alias("session_key"),
        pl.col("file").str.extract(CAR).cast(pl.Int32).alias("driver_number"),
        "speed",
        "throttle",
    )
    frames = {name: pl.scan_parquet(file) for name, file in tables.items()} | {"car_data": found}
    context = pl.SQLContext(frames)
    return lambda sql: context.execute(sql).collect(engine="streaming").rows()


def spark_engine(tables: dict[str, Path], samples: Path) -> Ask:
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", f"{MEMORY_GB}g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    for name, file in tables.items():
        spark.read.parquet(str(file)).createOrReplaceTempView(name)
    found = spark.read.parquet(f"{samples}/car_data")
    car = f.regexp_extract(f.input_file_name(), CAR, 1).cast("int")
    found.select(found.session_id.alias("session_key"), car.alias("driver_number"), "speed", "throttle").createOrReplaceTempView(
        "car_data"
    )
    return lambda sql: [tuple(row) for row in spark.sql(sql).collect()]


ENGINES = {"duckdb": duckdb_engine, "chdb": chdb_engine, "polars": polars_engine, "spark": spark_engine}


def peak_mb() -> float:
    """Peak memory of this process and its children, which Spark's Java is, in MB; Linux only, elsewhere 0."""
    process = Path("/proc") / str(os.getpid())
    if not process.exists():
        return 0
    children = (process / "task" / process.name / "children").read_text().split()
    peaks = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in [process.name, *children]]
    return sum(int(peak[1]) for peak in peaks if peak) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--dump", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--scales", action="store_true")
    given = parser.parse_args()
    tables = {file.stem: file for file in sorted(given.dump.glob("*.parquet")) if file.stem not in ("car_data", "location")}
    began = time.perf_counter()
    ask = ENGINES[given.engine](tables, given.samples)
    started = time.perf_counter() - began
    answers: dict[str, Any] = {}
    for question in QUESTIONS:
        if given.scales and not question.scales:
            continue
        began = time.perf_counter()
        rows = ask(question.sql)
        answers[question.name] = {"seconds": time.perf_counter() - began, "rows": len(rows) if given.scales else rows}
    print(json.dumps({"started": started, "peak_mb": peak_mb(), "answers": answers}, default=float), flush=True)
    os._exit(0)  # Spark's Java and ClickHouse's threads need no farewell


if __name__ == "__main__":
    main()
