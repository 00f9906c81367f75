"""The lock files: `make` installs them as they are, whatever has been released since."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

ROOT = settings.BASE_DIR
FLAGS = {"--no-deps", "--require-hashes"}


def make_wheel(folder, *, name, version, metadata=""):
    """A wheel without a module; its line for a lock file."""
    info, path = f"{name}-{version}.dist-info", folder / f"{name}-{version}-py3-none-any.whl"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{file},sha256={digest(text)},{len(text)}" for file, text in files.items()] + [f"{info}/RECORD,,"]
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": "\n".join(record)}.items():
            wheel.writestr(file, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder of wheels: coverage, a newer release of it, and pytest_cov, which requires coverage with an extra."""
    folder = tmp_path_factory.mktemp("index")
    extra = "Provides-Extra: toml\n"
    lines = {"coverage": make_wheel(folder, name="coverage", version="7.17.3", metadata=extra)}
    make_wheel(folder, name="coverage", version="7.17.5", metadata=extra)
    requires = "Requires-Dist: coverage[toml]>=7.10.6\n"
    lines["pytest_cov"] = make_wheel(folder, name="pytest_cov", version="7.0.0", metadata=requires)
    return folder, lines


@pytest.fixture
def install(request, index, tmp_path):
    """Runs `make install-lock` in a new environment that knows only the folder of wheels; uv is there already, or nowhere."""
    installer = getattr(request, "param", "uv")
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    env = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index[0]), "PIP_CONFIG_FILE": os.devnull}
    if installer == "uv":
        env |= {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(index[0]), "UV_CACHE_DIR": str(tmp_path / "cache")}
        for file in distribution("uv").files or ():
            target = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target)

    def run(lock):
        (tmp_path / "lock.txt").write_text(lock)
        make = [shutil.which("make"), "install-lock", f"PY={python}", f"LOCK={tmp_path / 'lock.txt'}"]
        done = subprocess.run(make, cwd=ROOT, env=env, capture_output=True, text=True)
        assert ("uv could not install" in done.stdout) == (installer == "pip" or "DO NOT MATCH" in done.stderr), done.stdout
        listed = subprocess.run([python, "-m", "pip", "list", "--format", "freeze"], env=env, capture_output=True, text=True)
        return done, {line.strip() for line in listed.stdout.splitlines()}

    return run


@pytest.mark.parametrize("install", ["uv", "pip"], indirect=True)
def test_a_newer_release_than_the_pinned_one_changes_nothing(index, install):
    done, packages = install("".join(index[1].values()))
    assert done.returncode == 0, done.stderr
    assert "coverage==7.17.3" in packages


def test_a_lock_file_that_lacks_a_requirement_is_an_error_that_names_it(index, install):
    done, packages = install(index[1]["pytest_cov"])
    assert done.returncode != 0
    assert "requires coverage, which is not installed" in done.stdout.replace("[toml]", "")
    assert not any(line.startswith("coverage") for line in packages)


def test_a_package_with_another_hash_is_not_installed(index, install):
    done, packages = install(re.sub("sha256:.*", f"sha256:{'0' * 64}", index[1]["coverage"]))
    assert done.returncode != 0
    assert "DO NOT MATCH" in done.stderr
    assert not any(line.startswith("coverage") for line in packages)


def test_every_installation_is_one_of_a_lock_file():
    makefile = (ROOT / "Makefile").read_text()
    assert len(re.findall("-m pip install|-m uv pip install", makefile)) == 2, "all targets use the same commands"
    locks = {path.relative_to(ROOT).as_posix() for path in (ROOT / "requirements.txt", *ROOT.glob("requirements/*.txt"))}
    installed = re.findall(r"\$\(call install,[^,]+,([\w/.]+)\)|\$\(PIP_INSTALL\) .*(requirements/uv.txt)", makefile)
    assert {one or other for one, other in installed} == locks
    for text in (makefile, (ROOT / "Dockerfile").read_text()):
        for command in re.findall(r"pip(?: --python \S+)? install(?: .*\\\n)* .*", text):
            assert set(command.split()) >= FLAGS


def test_each_lock_file_has_a_source_and_pins_every_package_with_hashes():
    sources = {path.stem for path in ROOT.glob("requirements/*.in")}
    assert sources == {"site", *(path.stem for path in ROOT.glob("requirements/*.txt"))}
    for path in (ROOT / "requirements.txt", *ROOT.glob("requirements/*.txt")):
        lines = re.findall(r"^[^\s#].*$", path.read_text(), re.MULTILINE)
        assert lines
        assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+( ; .*)? \\$", line) for line in lines), path
