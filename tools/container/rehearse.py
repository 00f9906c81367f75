"""Build the image and run its containers without Docker: `make rehearse`.

The steps are read from the Dockerfile and run in an empty folder, which stands for the root of the image's file system, with the
files that .dockerignore lets through. Steps that a USER precedes, and the containers, run as that user where root starts this.
What is not rehearsed: the base image (this machine's Python takes its place), and the services of compose.yaml, which is only
read, by a Docker client where there is one.
"""

import fnmatch
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEALTHY_TIMEOUT = 120  # seconds until the site is healthy
STOP_SIGNALS = {"web": signal.SIGTERM, "worker": signal.SIGQUIT, "beat": signal.SIGTERM}  # how compose.yaml stops them
IGNORED_INSTRUCTIONS = {"LABEL", "EXPOSE", "VOLUME"}


def instructions(text: str) -> list[tuple[str, str]]:
    """Return (keyword, rest) of each instruction; continued lines are joined, comments dropped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def context() -> list[Path]:
    """Return the files that .dockerignore does not exclude, of those that git tracks or would add."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line.strip() and not line.startswith("#")]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    known = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [Path(name) for name in known if name and (ROOT / name).is_file() and passes(name, rules)]


def passes(name: str, rules: list[str]) -> bool:
    """Whether the last rule that matches a file, or a folder above it, begins with an exclamation mark."""
    path = Path(name)
    spoken = [rule for rule in rules if any(matches(each.as_posix(), rule.lstrip("!")) for each in (path, *path.parents))]
    return not spoken or spoken[-1].startswith("!")


def matches(name: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(Path(name).name, pattern[3:])
    return name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern)


class Image:
    """A stage of the Dockerfile in a folder."""

    def __init__(self, root: Path, python: Path):
        self.root, self.workdir, self.user = root, Path("/"), ""
        self.env = {"PATH": f"{python}/bin:{os.defpath}", "LD_LIBRARY_PATH": f"{python}/lib", "LANG": "C.UTF-8"}
        self.commands: dict[str, list[str]] = {}  # by HEALTHCHECK, ENTRYPOINT and CMD
        root.mkdir()

    def real(self, text: str) -> str:
        """Return a text in which absolute paths of the image are replaced by paths in the folder."""
        return re.sub(r"(?<![\w.:/])/(?=(srv|data)\b)", f"{self.root}/", text).replace(":/srv", f":{self.root}/srv")

    def folder(self) -> Path:
        path = self.root / self.workdir.relative_to("/")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def as_user(self, command: list[str]) -> list[str]:
        """Return a command that runs with the rights that it would have in a container."""
        if not self.user or os.getuid() != 0:
            return command
        user, _, group = self.user.partition(":")
        return ["setpriv", f"--reuid={user}", f"--regid={group or user}", "--clear-groups", "--no-new-privs", *command]

    def start(self, command: list[str], **env: str) -> subprocess.Popen:
        environment = {name: self.real(value) for name, value in (self.env | env).items()}
        folder = self.folder()
        return subprocess.Popen(self.as_user([*map(self.real, command)]), cwd=folder, env=environment, start_new_session=True)

    def run(self, command: list[str], **env: str) -> int:
        return self.start(command, **env).wait()


def base_image(folder: Path) -> Path:
    """Link this machine's Python, with pip as its only package, into a folder that other users can read."""
    print(f"Python {sys.version.split()[0]} takes the place of the Dockerfile's base image")
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    shutil.copytree(library, folder / "lib" / python, copy_function=link, ignore=only_pip, symlinks=True)
    for shared in Path(sys.base_prefix, "lib").glob("libpython*"):
        link(shared, folder / "lib" / shared.name)
    (folder / "bin").mkdir()
    link(Path(sys.executable).resolve(), folder / "bin" / "python")
    return folder


def only_pip(folder: str, names: list[str]) -> list[str]:
    packages = Path(folder).name in ("site-packages", "dist-packages")
    return [name for name in names if name in ("__pycache__", "test") or (packages and not name.startswith("pip"))]


def link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # on another file system
        shutil.copy2(source, target, follow_symlinks=False)


def build(folder: Path, python: Path) -> Image:
    """Build all stages and return the last one."""
    stages: dict[str, Image] = {}
    image = None
    for number, (word, rest) in enumerate(instructions((ROOT / "Dockerfile").read_text())):
        print(f"{word} {rest[:100]}", flush=True)
        if word == "FROM":
            name = rest.partition(" AS ")[2] or f"stage{number}"
            image = stages[name] = Image(folder / name, python)
        elif image is None:
            sys.exit(f"{word} stands before the first FROM")
        else:
            step(image, word, rest, stages)
    if image is None:
        sys.exit("The Dockerfile has no FROM")
    return image


def step(image: Image, word: str, rest: str, stages: dict[str, Image]) -> None:
    match word:
        case "WORKDIR":
            image.workdir = Path(rest)
        case "ENV":
            for part in shlex.split(rest):
                name, _, value = part.partition("=")
                image.env[name] = value.replace(f"${name}", image.env.get(name, ""))
        case "COPY":
            copy(image, rest, stages)
        case "RUN":
            if image.run(["sh", "-c", rest]):
                sys.exit(f"This step failed: {rest}")
        case "USER":
            image.user = rest
        case "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
            image.commands[word] = json.loads(rest.rpartition(" CMD ")[2])
        case _ if word not in IGNORED_INSTRUCTIONS:
            sys.exit(f"{word} is not rehearsed: add it to tools/container/rehearse.py")


def copy(image: Image, rest: str, stages: dict[str, Image]) -> None:
    """Copy the context, single files of it, or another stage's folder into the working folder."""
    *options, source, target = rest.split()
    if target != "./" or len(options) > 1:
        sys.exit(f"COPY {rest} is not rehearsed: it goes to ./, with at most --from")
    if options:
        origin = stages[options[0].removeprefix("--from=")].root / source.lstrip("/")
        shutil.copytree(origin, image.folder(), symlinks=True, dirs_exist_ok=True, copy_function=link)
        return
    for path in context():
        if source in (".", path.as_posix()):
            (image.folder() / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, image.folder() / path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def expect(truth: object, message: str) -> None:
    if not truth:
        sys.exit(f"WRONG: {message}")
    print(f"ok: {message}", flush=True)


def look_into(image: Image) -> None:
    """Check what must not be in the image, and what its user must not be able to do."""
    folder = image.folder()
    hidden = [path for path in folder.iterdir() if path.name.startswith(".") and path.name != ".venv"]
    expect(not hidden and not [*folder.glob("*.sqlite3*")], "no secret and no database is in the image")
    expect(not [*folder.glob("*/tests")] and not (folder / ".venv/bin/pip").exists(), "neither tests nor pip are in it")
    expect([*(folder / "static/admin").glob("css/base.css.gz")], "static files are collected and packed")
    if os.getuid() == 0:
        expect(image.run(["sh", "-c", "! touch f1site/touched 2>/dev/null"]) == 0, "its user cannot change the code")
        expect(image.run(["sh", "-c", '[ "$(id -u)" != 0 ]']) == 0, "its user is not root")


def run_containers(image: Image) -> None:
    """Run web until it is healthy, then worker and beat beside it, and stop each as compose.yaml does."""
    env, entrypoint = {"PORT": str(free_port())}, image.commands["ENTRYPOINT"]
    running = {"web": image.start([*entrypoint, *image.commands["CMD"]], **env)}
    try:
        until_healthy(image, running["web"], env)
        for path in ("/", "/health/", "/api/v1/laps/", "/static/admin/css/base.css"):
            with urllib.request.urlopen(f"http://127.0.0.1:{env['PORT']}{path}", timeout=20) as answer:
                expect(answer.status == 200, f"{path} answers 200")
        for name in ("worker", "beat"):
            running[name] = image.start([*entrypoint, name], **env)
        password = {"DJANGO_SUPERUSER_PASSWORD": secrets.token_hex(16)}
        made = ["createsuperuser", "--noinput", "--username", "rehearsal", "--email", "rehearsal@example.org"]
        expect(image.run([*entrypoint, *made], **env, **password) == 0, "commands of manage.py run")
        time.sleep(5)
        for name, process in running.items():
            expect(process.poll() is None, f"{name} runs")
        for name, process in reversed(running.items()):
            process.send_signal(STOP_SIGNALS[name])
            expect(process.wait(timeout=20) in (0, -STOP_SIGNALS[name]), f"{name} ends when stopped")
    finally:
        for process in running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def until_healthy(image: Image, web: subprocess.Popen, env: dict[str, str]) -> None:
    began = time.monotonic()
    while image.run(image.commands["HEALTHCHECK"], **env):
        time.sleep(1)
        if web.poll() is not None or time.monotonic() - began > HEALTHY_TIMEOUT:
            sys.exit("The site did not become healthy")
    expect(True, f"healthy after {time.monotonic() - began:.0f} s")


def read_compose() -> None:
    """Check that `docker compose` accepts compose.yaml, where it is installed."""
    passwords = {f"{name}_PASSWORD": "rehearsed" for name in ("POSTGRES", "REDIS", "RABBITMQ")}
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        print("NOT read by docker compose: this machine has none")
        return
    process = subprocess.run(["docker", "compose", "config", "--quiet"], cwd=ROOT, env=os.environ | passwords, check=False)
    expect(process.returncode == 0, "docker compose understands compose.yaml")


def temporary_folder() -> str | None:
    """Return a folder in memory when it has room for an image (a gigabyte of small files), else None for the default one."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or os.statvfs(memory).f_flag & os.ST_NOEXEC or shutil.disk_usage(memory).free < 4 * 2**30:
        return None
    return str(memory)


def main() -> None:
    read_compose()
    with tempfile.TemporaryDirectory(dir=temporary_folder()) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the containers' user has to pass
        if os.getuid() != 0:
            print("NOT rehearsed with the rights of the image's user: this takes root")
        image = build(folder, base_image(folder / "python"))
        look_into(image)
        run_containers(image)


if __name__ == "__main__":
    main()
