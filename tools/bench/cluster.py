"""The site on several machines, with faults, and how it scales: `make cluster`.

Two web servers behind HAProxy, three workers, a scheduler, PostgreSQL, RabbitMQ, Redis and an S3 store (moto's server) have a
machine each: network namespaces, or where those are not allowed processes on loopback. Jobs sync a season while 32 readers and an
editor go on; a web server and a worker are killed, RabbitMQ restarts, the network to the store breaks. Then reads, syncs and
trainings are counted with one and two web servers and one to three workers. Ends with a table, and with 1 when something is
not as it should be.

    tools/bench/cluster.py [--only faults scale] [--races 25] [--seconds 20]
"""

import argparse
import os
import platform
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from load import Result, console, show
from machines import Network
from scaling import scale
from servers import Postgres, Redis, Site, upstream
from services import HAProxy, ObjectStore, RabbitMQ, Relay, missing_programs
from together import be_together

WEBS, WORKERS = 2, 3
# Requests that upstream and the site allow in so many seconds: more than OpenF1's, so that a season takes two minutes.
PACE = {"second": 10, "minute": 240}


class Cluster:
    """The machines, and what runs on them."""

    def __init__(self, folder: Path, stack: ExitStack, *, openf1: str, season: int, session: int):
        self.folder, self.stack, self.season, self.session = folder, stack, season, session
        self.upstream = openf1.removesuffix("/v1")  # as this program reaches it
        self.network = network = stack.enter_context(Network())
        relay = stack.enter_context(Relay(network.outside, folder / "relay", openf1))
        (folder / "database").mkdir()
        (folder / "database").chmod(0o711)  # PostgreSQL may run as another user
        postgres = stack.enter_context(Postgres(folder / "database", network.machine("database")))
        self.broker = stack.enter_context(RabbitMQ(network.machine("broker"), folder / "rabbitmq"))
        redis = stack.enter_context(Redis(network.machine("cache")))
        self.store = stack.enter_context(ObjectStore(network.machine("store"), folder / "store", network))
        proxy = network.machine("proxy")
        self.settings = self.store.settings() | {
            "DATABASE_URL": postgres.database("f1stats"),
            "CELERY_BROKER_URL": self.broker.url,
            "CACHE_URL": redis.url,
            "SECRET_KEY": secrets.token_urlsafe(64),
            "ALLOWED_HOSTS": "*",
            "NUM_PROXIES": "1",
            "HEARTBEAT_TIMEOUT": "5",
            "OPENF1_BASE_URL": relay.openf1,
            "OPENF1_REQUESTS_PER_SECOND": str(PACE["second"]),
            "OPENF1_REQUESTS_PER_MINUTE": str(PACE["minute"]),
        }
        self.webs = [self.site(f"web{number}") for number in range(1, WEBS + 1)]
        self.workers = [self.site(f"worker{number}") for number in range(1, WORKERS + 1)]
        self.scheduler = self.site("scheduler")
        self.webs[0].run_command("migrate", "-v0")
        self.token = self.webs[0].token()
        addresses = [urlsplit(web.url).netloc for web in self.webs]
        self.proxy = stack.enter_context(HAProxy(proxy, folder / "proxy", addresses))
        self.url = self.proxy.url

    def site(self, name: str, **environment: str) -> Site:
        """A machine of the site, with a folder of its own and no files in common with the others."""
        settings = self.settings | {"DATA_ROOT": str(self.folder / name)} | environment
        database = settings.pop("DATABASE_URL")
        return self.stack.enter_context(Site(self.folder / name, database, self.network.machine(name), **settings))


def run(folder: Path, only: list[str], races: int, seconds: int) -> Iterator[Result]:
    if missing := missing_programs():
        yield Result("several machines", "not tried", f"not installed: {', '.join(missing)}", True)
        return
    if Postgres.programs() is None:
        yield Result("several machines", "not tried", "PostgreSQL's programs (initdb, pg_ctl) are not installed", True)
        return
    limits = f"{PACE['second']}/1,{PACE['minute']}/60" if "faults" in only else ""
    with ExitStack() as stack:
        url, season, session = stack.enter_context(upstream(limits))
        cluster = Cluster(folder, stack, openf1=url, season=season, session=session)
        if cluster.network.missing:
            yield Result("several machines", "on loopback, not in network namespaces", cluster.network.missing, True)
        if "faults" in only:
            yield from be_together(cluster, races)
        if "scale" in only:
            unlimited, _, _ = stack.enter_context(upstream())
            yield from scale(cluster, unlimited, seconds)


def main() -> int:
    names = ["faults", "scale"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="some of the trials")
    parser.add_argument("--races", type=int, default=100, help="race weekends that are synced at most (default: the season)")
    parser.add_argument("--seconds", type=int, default=20, help="of each count of reads and jobs (default 20)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="f1cluster") as folder:
        os.chmod(folder, 0o711)  # PostgreSQL may run as another user
        results = []
        for result in run(Path(folder), given.only, given.races, given.seconds):
            console.print(f"[dim]{result.trial}: {result.what}: {result.measured}")
            results.append(result)
    show(results)
    bad = sum(not result.good for result in results)
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
