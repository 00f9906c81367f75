"""Static files as `make run` serves them."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from f1site import static_files

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    static_files.collect(folder)
    return folder


def test_files_are_collected_once_and_again_only_when_they_have_changed(folder, monkeypatch):
    began = []
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: began.append(command))
    static_files.collect(folder)
    assert began == []
    (folder / static_files.STAMP).write_text("of another version")
    static_files.collect(folder)
    assert len(began) == 1


def test_a_page_names_files_by_their_content_and_browsers_may_keep_them(folder):
    """In a process of its own: which storage there is, is decided when the settings are read."""
    program = """
import django; django.setup()
from django.template.loader import render_to_string
from django.test import Client
html = render_to_string("pages/base.html")
style = html.split('rel="stylesheet" href="')[1].split('"')[0]
answer = Client().get(style, HTTP_ACCEPT_ENCODING="gzip")
print(style, answer.status_code, answer["Cache-Control"], answer["Content-Encoding"])
"""
    environment = os.environ | {
        "STATIC_ROOT": str(folder),
        "DJANGO_SETTINGS_MODULE": "f1site.settings",
        "ALLOWED_HOSTS": "testserver",
    }
    run = subprocess.run([sys.executable, "-c", program], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    style, status, *caching = run.stdout.split()
    assert re.fullmatch(r"/static/pages/style\.[0-9a-f]{12}\.css", style)
    assert (status, caching[-1]) == ("200", "gzip")
    assert "immutable" in " ".join(caching)


def test_modules_of_javascript_import_each_other_by_their_hashed_names(folder):
    [lines] = [path for path in (folder / "pages").glob("lines.*.js") if path.suffix == ".js"]
    [imported] = re.findall(r'from "\./(shell\.[0-9a-f]{12}\.js)"', lines.read_text())
    assert (folder / "pages" / imported).exists()
