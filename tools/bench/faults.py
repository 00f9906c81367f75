"""Faults, each injected into a site of its own. Every function yields (check, measured value, passed)."""

import json
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from servers import Redis, Site, limit_files, until
from traffic import Connection

Check = tuple[str, str, bool]
SMALL = 20_000  # bytes; a car's samples take some hundred thousand
HOUR = 3600


def disk_full(site: Site, session: int) -> Iterator[Check]:
    """Sync samples while no file can grow beyond a limit, and again without the limit."""
    site.run_command("migrate", "-v0")
    site.run_command("sync_openf1", "drivers", "--session", str(session))
    sync = ("sync_openf1", "car_data", "--session", str(session))
    failed = site.manage(*sync, preexec_fn=limit_files(SMALL))
    message = failed.stderr.strip()
    clear = failed.returncode == 1 and "Traceback" not in message and ".parquet" in message
    yield "a sync of samples ends", f"{failed.returncode}: {message.splitlines()[-1] if message else 'no message'}", clear
    files, rows = sample_files(site)
    yield "files, described in the database", f"{len(files)}, {len(rows)}", not files and not rows
    again = site.manage(*sync)
    files, rows = sample_files(site)
    whole = {name: size for name, size in files.items() if rows.get(name) == size}
    good = again.returncode == 0 and len(files) == len(whole) == len(rows) > 0
    yield "with room again: files, whole and described", f"{len(files)}, {len(whole)}", good


def sample_files(site: Site) -> tuple[dict[str, int], dict[str, int]]:
    """Return {name: size} of the files below MEDIA_ROOT, and of those in the database."""
    files = {str(path.relative_to(site.media)): path.stat().st_size for path in site.media.rglob("*") if path.is_file()}
    program = (
        "import json; from telemetry.models import SampleFile;"
        "print(json.dumps(dict(SampleFile.objects.values_list('name', 'size'))))"
    )
    return files, json.loads(site.run_command("shell", "-v0", "-c", program))


def job(connection: Connection, kind: str, **parameters: object) -> tuple[int, str]:
    """Queue a job; return (status of the answer, path of the job)."""
    status, body = connection.ask("POST", "/api/v1/jobs/", {"kind": kind, "parameters": parameters})
    return status, f"/api/v1/jobs/{json.loads(body)['job_id']}/" if status == 202 else ""


def state(connection: Connection, path: str) -> dict:
    return json.loads(connection.ask("GET", path)[1])


def broker_gone(site: Site, redis: Redis, session: int) -> Iterator[Check]:
    """Stop the broker, queue a job, and start the broker again without its messages."""
    site.run_command("migrate", "-v0")
    site.run_command("sync_openf1", "--session", str(session))
    connection = Connection(site.url, Authorization=f"Token {site.token()}")
    site.serve()
    site.worker()
    site.beat()
    _, first = job(connection, "check_data", sessions=[session])
    until(lambda: state(connection, first)["state"] == "succeeded", "the first job")
    redis.stop()
    began = time.monotonic()
    status, path = job(connection, "check_data", sessions=[session])
    yield "a job is taken without the broker", f"{status} after {time.monotonic() - began:.1f} s", status == 202
    reads = [connection.ask("GET", f"/api/v1/laps/?session_id={session}")[0] for _ in range(20)]
    yield "reads answered", f"{reads.count(200)} of {len(reads)}", reads.count(200) == len(reads)
    status, body = connection.ask("GET", "/readyz/")
    yield "/readyz/ says", f"{status}, broker: {json.loads(body)['parts']['broker']}", status == 503
    time.sleep(5)
    waits = state(connection, path)["state"]
    yield "the job is", waits, waits == "queued"
    redis.start()
    seconds = until(lambda: state(connection, path)["state"] == "succeeded", "the job", patience=120)
    yield "the broker is back: the job is done", f"after {seconds:.0f} s", True


def clock_set_back(site: Site, offset: Path, *, season: int, session: int) -> Iterator[Check]:
    """Kill a worker during a sync, set the clock back an hour, and let the next worker resume."""
    site.run_command("migrate", "-v0")
    connection = Connection(site.url, Authorization=f"Token {site.token()}")
    site.serve()
    worker = site.worker()
    _, path = job(connection, "sync", seasons=[season])
    laps = f"/v1/laps?session_key={session}"
    until(lambda: connection.ask("GET", laps)[0] == 200, "the sync")  # in the middle of it
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    time.sleep(1.5)  # what has just changed has no date yet
    connection.ask("GET", laps)
    validators = connection.answered
    offset.write_bytes(struct.pack("l", -HOUR))
    status, _ = connection.ask("GET", "/api/v1/laps/")
    yield "reads answered", str(status), status == 200
    site.worker()
    site.beat()
    seconds = until(lambda: state(connection, path)["state"] not in ("queued", "running"), "the sync", patience=180)
    ended = state(connection, path)
    yield "a dead worker's sync is taken up", f"{ended['state']} after {seconds:.0f} s", ended["state"] == "succeeded"
    again = json.loads(site.run_command("sync_openf1", "--season", str(season), "--force", "--json"))
    counts = {name: again[name] for name in ("created", "updated", "vanished")}
    yield "one more sync: created, updated, vanished", ", ".join(map(str, counts.values())), not any(counts.values())
    yield from seen(connection, session, validators)


def seen(connection: Connection, session: int, validators: dict[str, str]) -> Iterator[Check]:
    """Check that clients with an earlier answer (its validators in the headers) see an edit made after the clock was set back."""
    lap = json.loads(connection.ask("GET", f"/api/v1/laps/?session_id={session}&page_size=1")[1])["results"][0]
    connection.ask("PATCH", f"/api/v1/laps/{lap['lap_id']}/", {"lap_duration": 77.777})
    conditions = {"If-None-Match": validators["etag"], "If-Modified-Since": validators["last-modified"]}
    statuses = {
        name: connection.ask("GET", f"/v1/laps?session_key={session}", **{name: conditions[name]})[0] for name in conditions
    }
    summary = ", ".join(f"{name} {status}" for name, status in statuses.items())
    yield "an edit is seen by those who have an older answer", summary, set(statuses.values()) == {200}
