"""Run one measurement per process, so that memory is measured separately; the result is a JSON object on standard output.

    measure.py sync --season 2023 --only laps stints     a sync, with the time that upstream took
    measure.py loop --season 2023                        update_or_create with a commit per row, of 2,000 laps and 500 stints
    measure.py executemany --season 2023                 answers decoded and inserted as they are, in a transaction per session
    measure.py writes --season 2023                      the sync's way to write beside plain bulk_create, session by session

`--demo N` instead of `--season` asks the simulator for a season of N races. DATABASE_URL says which database is written,
OPENF1_BASE_URL where rows come from; the loop and the writes want the sessions there already.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "f1site.settings")

import django

django.setup()

import msgspec
from django.db import connection, transaction

from mirror import changes, writing
from mirror.client import Client, from_settings
from mirror.feeds import registry
from mirror.fields import JSONText
from mirror.pipeline import sync
from mirror.planning import Scope
from races.models import Session


def peak() -> float:
    """Return the peak memory of this process so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class Upstream:
    """Measures requests: upstream's work, the transfer and the HTTP client, without parsing the answer."""

    def __init__(self, client: Client):
        self.seconds = self.cpu = 0.0
        self.send = client._send
        client._send = self  # type: ignore[method-assign]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        began, cpu_began = time.perf_counter(), time.process_time()
        try:
            return self.send(*arguments, **options)
        finally:
            self.seconds += time.perf_counter() - began
            self.cpu += time.process_time() - cpu_began


def source(given: argparse.Namespace) -> tuple[Client, list[int]]:
    """(client, seasons to sync with it)"""
    if not given.demo:
        return from_settings(), given.season
    from mirror import simulator

    return simulator.client(simulator.Season(races=given.demo)), [simulator.YEAR]


def measure_sync(client: Client, seasons: list[int], only: list[str]) -> dict:
    upstream = Upstream(client)
    before, began, cpu_began = peak(), time.perf_counter(), time.process_time()
    report = sync(client=client, scope=Scope(seasons=tuple(seasons)), collections=only)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    if report.errors:
        sys.exit(f"the sync failed: {report.errors[0]}")
    counts = report.total
    return {
        "seconds": seconds,
        "upstream": upstream.seconds,
        "cpu": cpu - upstream.cpu,
        "rows": counts["created"] + counts["updated"] + counts["unchanged"],
        "written": counts["created"] + counts["updated"],
        "requests": report.requests,
        "memory_before": before,
        "memory": peak(),
    }


def measure_loop(client: Client, seasons: list[int], laps: int = 2_000) -> dict:
    """Store rows one by one with update_or_create, as a simple script would; fetching them is not measured."""
    feeds, sample = registry(), []
    wanted = {"laps": laps, "stints": laps // 4}
    for session in Session.objects.filter(year__in=seasons, session_name="Race"):
        for name, count in wanted.items():
            rows = client.rows(name, {"session_key": session.pk})[:count] if count else []
            wanted[name] -= len(rows)
            sample += [(feeds[name], row) for row in rows]
    began, cpu_began = time.perf_counter(), time.process_time()
    for feed, row in sample:
        values = {name: row[wire] for name, wire in feed.wire.items() if wire in row}
        key = {name: values.pop(name) for name in feed.key}
        feed.model._default_manager.update_or_create(**key, defaults=values)
    return {"rows": len(sample), "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu_began}


def measure_executemany(client: Client, seasons: list[int]) -> dict:
    """Insert laps and stints as fast as Python and the database can: decoded and bound, with no check and no log.

    The time is that from the bytes of an answer to the commit, like a sync's without upstream; a transaction per session.
    """
    count, seconds, cpu = 0, 0.0, 0.0
    for name in ("laps", "stints"):
        feed = registry()[name]
        stored = [field for field in feed.model._meta.concrete_fields if not field.primary_key]
        own = {"source": "openf1", "changed_at": "2024-01-01 00:00:00"}
        plan = [(feed.wire.get(f.attname), own.get(f.attname, f.get_default()), isinstance(f, JSONText)) for f in stored]
        columns, marks = ", ".join(str(field.column) for field in stored), ", ".join(["%s"] * len(stored))
        sql = f"INSERT INTO {feed.model._meta.db_table} ({columns}) VALUES ({marks})"
        for session in Session.objects.filter(year__in=seasons):
            answer = msgspec.json.encode(client.rows(name, {"session_key": session.pk}))
            began, cpu_began = time.perf_counter(), time.process_time()
            rows = [
                tuple(encoded(row.get(wire, default)) if is_json else row.get(wire, default) for wire, default, is_json in plan)
                for row in msgspec.json.decode(answer)
            ]
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.executemany(sql, rows)
            seconds, cpu = seconds + time.perf_counter() - began, cpu + time.process_time() - cpu_began
            count += len(rows)
    return {"rows": count, "seconds": seconds, "cpu": cpu}


def encoded(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def measure_writes(client: Client, seasons: list[int], times: int = 5) -> dict:
    """Return seconds per way of storing a season of new rows: median of `times` alternating runs, a transaction per session."""
    results: dict[str, dict[str, float]] = {}
    for name in ("laps", "position"):
        feed, pieces = registry()[name], []
        for session in Session.objects.filter(year__in=seasons):
            built, _ = feed.build(client.rows(name, {"session_key": session.pk}))
            if built:
                fields = changes.sent_fields(feed, built)
                columns = writing.make_columns(feed.key + fields, map(changes.getter(feed.key + fields), built))
                rows = [
                    feed.model(**{n: v for n, v in zip(columns, row, strict=True) if v is not msgspec.UNSET})
                    for row in zip(*columns.values(), strict=True)
                ]
                pieces.append((rows, columns, fields))
        ways = {
            "bulk_create": lambda rows, columns, fields, feed=feed: feed.model.objects.bulk_create(rows),
            "sync": lambda rows, columns, fields, feed=feed: writing.upsert(feed, columns, fields, source="openf1"),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for way in list(ways) * (times + 1):
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {feed.model._meta.db_table} CASCADE")
            for rows, _, _ in pieces:
                for row in rows:  # bulk_create notes the keys of what it has stored
                    row.pk, row._state.adding = None, True
            began = time.perf_counter()
            for piece in pieces:
                with transaction.atomic():
                    ways[way](*piece)
            seconds[way].append(time.perf_counter() - began)
        results[name] = {"rows": sum(len(rows) for rows, _, _ in pieces), "pieces": len(pieces)}
        results[name] |= {way: statistics.median(some[1:]) for way, some in seconds.items()}
    return results


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["sync", "loop", "executemany", "writes"])
    parser.add_argument("--season", type=int, nargs="+", default=[])
    parser.add_argument("--demo", type=int)
    parser.add_argument("--only", nargs="+", default=[])
    given = parser.parse_args()
    client, seasons = source(given)
    if given.what == "sync":
        print(json.dumps(measure_sync(client, seasons, given.only)))
    else:
        ways = {"loop": measure_loop, "executemany": measure_executemany, "writes": measure_writes}
        print(json.dumps(ways[given.what](client, seasons)))


main()
