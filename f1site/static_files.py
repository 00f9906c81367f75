"""Static files for browsers: compressed, and named by their content, so that they may be kept for a year."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from whitenoise.storage import CompressedManifestStaticFilesStorage

STAMP = "collected-from.txt"  # says what a folder's files were made of


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names of files get a hash, also where modules of JavaScript import each other."""

    support_js_module_import_aggregation = True
    manifest_strict = False  # a file that is not in the manifest keeps its name


def collect(folder: Path) -> None:
    """Bring a folder of static files up to date; nothing to do where they have not changed since the last time.

    It takes some seconds, in a process of its own, whose settings name the folder.
    """
    stamp = folder / STAMP
    source = fingerprint()
    if stamp.exists() and stamp.read_text() == source:
        return
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "--verbosity", "0"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=os.environ | {"STATIC_ROOT": str(folder)}, check=True)  # noqa: S603
    stamp.write_text(source)


def fingerprint() -> str:
    """A digest of the names, sizes and dates of all static files that apps bring."""
    digest = hashlib.sha256(settings.VERSION.encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = os.stat(storage.path(path))
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
