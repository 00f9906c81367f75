"""The services of several machines besides those of `servers`: RabbitMQ, an S3 store, and HAProxy before the web servers."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import boto3
from machines import Machine, Network
from servers import ROOT, Server, end, free_port, listens, until

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# moto, which imitates Amazon, believes every key.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


def missing_programs() -> list[str]:
    """The programs of the services that are not installed."""
    programs = {name: shutil.which(name) for name in ("redis-server", "haproxy")}
    programs["rabbitmq-server"] = shutil.which("epmd") if RABBITMQ.exists() else None
    return [name for name, found in programs.items() if not found]


class Service(Server):
    """A program on a machine. It ends with the `with` that it is started in."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder, self.port = machine, folder, free_port()
        self.environment = dict(os.environ)
        folder.mkdir()

    def command(self) -> list[str]:
        raise NotImplementedError

    def run(self, *command: str) -> subprocess.Popen:
        with (self.folder / "log.txt").open("a") as log:
            return subprocess.Popen(
                self.machine.command(*command),
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        self.process = self.run(*self.command())
        name = type(self).__name__
        until(lambda: self.process.poll() is not None or listens(self.machine, self.port), name)
        if self.process.returncode is not None:
            raise RuntimeError(f"{name} ended at once: {(self.folder / 'log.txt').read_text()[-2000:]}")


class RabbitMQ(Service):
    """A RabbitMQ node with a port mapper (epmd) of its own, so that it meets no other node."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        super().__init__(machine, folder)
        self.url = f"amqp://guest:guest@{machine.address}:{self.port}//"
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = {machine.address}:{self.port}\nloopback_users.guest = false\n")
        (folder / "plugins").write_text("[].")
        self.epmd_port = free_port()
        self.environment |= {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
        }

    def __enter__(self) -> Self:
        self.epmd = self.run("epmd", "-port", str(self.epmd_port))
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        end(self.epmd)

    def command(self) -> list[str]:
        return [str(RABBITMQ)]

    def restart(self) -> float:
        """Restart it, and return the seconds for which it was away."""
        began = time.monotonic()
        self.stop()
        self.start()
        return time.monotonic() - began


class ObjectStore(Service):
    """An S3 store in memory: the server of moto."""

    def __init__(self, machine: Machine, folder: Path, network: Network) -> None:
        super().__init__(machine, folder)
        self.network, self.url = network, f"http://{machine.address}:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", self.machine.address, "-p", str(self.port)]

    def start(self) -> None:
        super().start()
        names = dict(zip(("aws_access_key_id", "aws_secret_access_key", "region_name"), CREDENTIALS.values(), strict=True))
        boto3.client("s3", endpoint_url=self.url, **names).create_bucket(Bucket="f1-stats")

    def settings(self) -> dict[str, str]:
        """The settings of a site that keeps its files here."""
        return CREDENTIALS | {"STORAGE_URL": "s3://f1-stats/files", "STORAGE_ENDPOINT": self.url}

    @contextmanager
    def away(self) -> Iterator[None]:
        """Break the network to the store for the length of a `with`."""
        self.network.cut(self.machine, self.process)
        try:
            yield
        finally:
            self.network.join(self.machine, self.process)


class HAProxy(Service):
    """The proxy, configured as in containers but for the addresses."""

    def __init__(self, machine: Machine, folder: Path, servers: Iterable[str]) -> None:
        super().__init__(machine, folder)
        self.url = f"http://{machine.address}:{self.port}"
        lines = "\n".join(f"    server web{number} {address}" for number, address in enumerate(servers, 1))
        text = (ROOT / "tools" / "container" / "haproxy.cfg").read_text()
        text = text.replace("bind :8080", f"bind {machine.address}:{self.port}")
        (folder / "haproxy.cfg").write_text(re.sub(r"^ *server-template.*$", lines, text, flags=re.MULTILINE))

    def command(self) -> list[str]:
        return ["haproxy", "-db", "-f", str(self.folder / "haproxy.cfg")]


class Relay(Service):
    """Makes upstream, which listens on this machine's loopback, reachable for the other machines."""

    def __init__(self, machine: Machine, folder: Path, openf1: str) -> None:
        super().__init__(machine, folder)
        self.openf1 = f"http://{machine.address}:{self.port}/v1"
        (folder / "haproxy.cfg").write_text(
            "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 600s\n    timeout server 600s\n"
            f"listen upstream\n    bind {machine.address}:{self.port}\n    server upstream {urlsplit(openf1).netloc}\n"
        )

    def command(self) -> list[str]:
        return ["haproxy", "-db", "-f", str(self.folder / "haproxy.cfg")]
