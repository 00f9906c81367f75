"""The machines of a trial: network namespaces with addresses of their own, joined by a bridge; or this machine's loopback.

Namespaces need root on Linux. Without them every machine is 127.0.0.1, and processes have their own ports and folders.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """A host; without a namespace it is the one that this program runs on."""

    address: str = "127.0.0.1"
    namespace: str = ""
    link: str = ""  # the outer end of its network cable

    def command(self, *command: str) -> list[str]:
        """The command line that runs a command on this machine, as the process that is started."""
        return ["ip", "netns", "exec", self.namespace, *command] if self.namespace else [*command]


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


class Network:
    """Makes machines that reach each other, and removes them with everything that still runs on them."""

    def __init__(self) -> None:
        number = os.getpid()
        self.prefix, self.bridge, self.subnet = f"f1-{number}", f"f1b{number}", f"10.77.{number % 250}"
        self.machines: list[Machine] = []
        self.missing = self.find_out_what_is_missing()

    def find_out_what_is_missing(self) -> str:
        """Why there can be no namespaces here; empty if there can."""
        if sys.platform != "linux" or not shutil.which("ip"):
            return "there is no `ip netns` here"
        if os.geteuid() != 0:
            return "`ip netns` takes root"
        try:
            ip("netns", "add", self.prefix)
            ip("netns", "del", self.prefix)
            ip("link", "add", self.bridge, "type", "bridge")
        except subprocess.CalledProcessError as error:
            return f"`ip netns` is not allowed: {error.stderr.strip()}"
        return ""

    def __enter__(self) -> "Network":
        if not self.missing:
            ip("addr", "add", f"{self.subnet}.254/24", "dev", self.bridge)
            ip("link", "set", self.bridge, "up")
        return self

    def __exit__(self, *exception: object) -> None:
        for machine in self.machines:
            for process in ip("netns", "pids", machine.namespace).split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            ip("netns", "del", machine.namespace)
        if not self.missing:
            ip("link", "del", self.bridge)

    @property
    def outside(self) -> Machine:
        """Where this program runs, as the machines see it."""
        return Machine() if self.missing else Machine(f"{self.subnet}.254")

    def machine(self, name: str) -> Machine:
        """A new machine."""
        if self.missing:
            return Machine()
        number = len(self.machines) + 1
        made = Machine(f"{self.subnet}.{number}", f"{self.prefix}-{name}", f"{self.bridge}v{number}")
        ip("netns", "add", made.namespace)
        self.machines.append(made)
        ip("link", "add", made.link, "type", "veth", "peer", "name", "eth0", "netns", made.namespace)
        ip("link", "set", made.link, "master", self.bridge, "up")
        for device in ("lo", "eth0"):
            ip("-n", made.namespace, "link", "set", device, "up")
        ip("-n", made.namespace, "addr", "add", f"{made.address}/24", "dev", "eth0")
        return made

    def cut(self, machine: Machine, process: subprocess.Popen) -> None:
        """Take a machine off the network; without namespaces its process is stopped, which answers as little."""
        if machine.link:
            ip("link", "set", machine.link, "down")
        else:
            os.killpg(process.pid, signal.SIGSTOP)

    def join(self, machine: Machine, process: subprocess.Popen) -> None:
        """Undo `cut`."""
        if machine.link:
            ip("link", "set", machine.link, "up")
        else:
            os.killpg(process.pid, signal.SIGCONT)
