"""Pin the newest versions that requirements/*.in allow, and tell what is newer than these pins: `make upgrade`.

A version is held back by a bound in an .in file, by another package's requirement, or by Python 3.11, the oldest supported one.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON, NEWEST_PYTHON = "3.11", "3.14"
LOCKS = {  # {lock file: its source}; the site's first, because the development one includes it
    "requirements.txt": "requirements/site.in",
    **{f"requirements/{name}.txt": f"requirements/{name}.in" for name in ("uv", "dev", "conformance", "fastf1", "engines")},
}
PIN = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", re.MULTILINE)


def compile_lock(*arguments: str, stdin: str = "") -> str:
    """The standard output of `uv pip compile`, which resolves for every platform and never installs."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--upgrade", *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin, stdout=subprocess.PIPE, text=True, check=True).stdout


def pins(text: str) -> dict[str, str]:
    """{package: version} of a lock file; the last one where versions differ between platforms."""
    return dict(PIN.findall(text))


def newer_releases(pinned: dict[str, str]) -> list[str]:
    """One line for each package of which a newer release exists than the pinned one."""
    names = "\n".join(pinned)
    newest = pins(compile_lock("--no-deps", "--no-header", "--python-version", NEWEST_PYTHON, "-", stdin=names))
    return [f"  {name} {newest[name]}, pinned is {version}" for name, version in pinned.items() if newest[name] != version]


def main() -> None:
    for lock, source in LOCKS.items():
        before = pins((ROOT / lock).read_text())
        options = ["--python-version", OLDEST_PYTHON, "--generate-hashes", "--custom-compile-command", "make upgrade"]
        compile_lock(*options, "-o", lock, source)
        pinned = pins((ROOT / lock).read_text())
        changes = [
            f"  {name} {before.get(name, 'added')} -> {pinned.get(name, 'removed')}"
            for name in sorted({*before, *pinned})
            if before.get(name) != pinned.get(name)
        ]
        print("\n".join([f"{lock}: {len(changes)} of {len(pinned)} pins changed", *changes]))
        newer = newer_releases(pinned)
        print("\n".join([f"{lock}: {len(newer)} packages have a newer release than their pin", *newer]))


if __name__ == "__main__":
    main()
