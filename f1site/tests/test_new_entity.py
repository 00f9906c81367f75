"""The steps of CONTRIBUTING.md suffice to add an entity, and each that is left out is named by one failing test.

They are carried out in a copy of the project, with the code blocks of the page itself.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

PAGE = (settings.BASE_DIR / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(r"^In `([^`]+)`(?:, after `([^\n]+)`)?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MIGRATION = re.compile(r"^\.venv/bin/python (manage\.py makemigrations .+)$", re.MULTILINE)
CHECKLIST = "f1site/tests/test_checklist.py"
GENERAL_TESTS = ("api/tests/test_contract.py", "mirror/tests/test_feeds.py", "f1site/tests/test_docs.py")
NOT_COPIED = (".git", ".venv*", ".env", ".secret_key", ".admin_password", "*.sqlite3*", "media", ".*cache", "node_modules")
HAND_WRITTEN_LINES = 45  # that an entity may cost at most

USE = """
import io, json
from datetime import UTC, datetime

import django
django.setup()
from django.core.management import call_command
from django.test import Client
from races.models import Race, Session
from telemetry.models import TyreSet

def grade():
    report = io.StringIO()
    call_command("check_data", session=[9472], json=True, stdout=report)
    return json.loads(report.getvalue())["sessions"][0]["grades"]["tyre_sets"]

def get(url):
    answer = Client(headers={"host": "localhost"}).get(url)
    return [answer.status_code, answer.json()]

call_command("migrate", verbosity=0)
call_command("load_demo", races=1, stdout=io.StringIO())
race = Race.objects.create(race_id=1229, race_name="Bahrain Grand Prix", year=2024)
start = datetime(2024, 3, 2, 15, tzinfo=UTC)
Session.objects.create(session_id=9472, race=race, session_name="Race", session_type="Race", year=2024, date_start=start)
seen = {"graded_without_rows": grade(), "openf1_without_rows": get("/v1/tyre_sets")}
TyreSet.objects.create(session_id=9472, driver_number=16, set_number=1, tyre_compound="SOFT", laps_driven=3)
seen |= {"graded": grade(), "openf1": get("/v1/tyre_sets?compound=SOFT"), "rest": get("/api/v1/tyre-sets/?season=2024")}
print(json.dumps(seen))
"""


@dataclass
class Project:
    """A copy of the project."""

    folder: Path

    def write(self, path: str, anchor: str, code: str) -> None:
        """Put a block of the page into a file: imports to the imports, the rest after a line with the anchor or at the end."""
        file = self.folder / path
        lines = file.read_text().splitlines()
        imports = [line for line in code.splitlines() if line.startswith(("from ", "import "))]
        rest = [line for line in code.strip("\n").splitlines() if line not in imports]
        where = next(n for n, line in enumerate(lines, start=1) if anchor in line) if anchor else len(lines)
        lines[where:where] = rest
        if imports:
            last = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)][-1]
            lines[last.end_lineno : last.end_lineno] = imports
        file.write_text("\n".join(lines) + "\n")

    def run(self, *command: str, status: int = 0) -> str:
        """What the copy's Python prints."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {
            "COLUMNS": "1000",  # pytest cuts its summary at the width of the terminal
            "DATABASE_URL": f"sqlite:///{self.folder}/trial.sqlite3",
            "MEDIA_ROOT": f"{self.folder}/media",
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        }
        run = subprocess.run([sys.executable, *command], cwd=self.folder, env=environment, capture_output=True, text=True)
        assert run.returncode == status, run.stdout + run.stderr
        return run.stdout

    def failing_tests(self) -> dict[str, str]:
        """{failing test of the checklist, of those about the new entity: the step that it names}"""
        out = self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", "-k", "tyre", CHECKLIST, status=1)
        failures = re.findall(r"^FAILED \S+::(\w+)\[\w+\](.*)$", out, re.MULTILINE)
        return {test: ", ".join(re.findall(r"step \d", why)) for test, why in failures}


def blocks_without(*files: str) -> list[tuple[str, str, str]]:
    blocks = BLOCK.findall(PAGE)
    assert set(files) <= {path for path, _, _ in blocks}
    return [block for block in blocks if block[0] not in files]


@pytest.fixture
def project(tmp_path):
    ignore = shutil.ignore_patterns(*NOT_COPIED)
    return Project(Path(shutil.copytree(settings.BASE_DIR, tmp_path / "copy", ignore=ignore)))


def test_an_entity_costs_about_forty_lines():
    code = [line for _, _, block in BLOCK.findall(PAGE) for line in block.splitlines() if line.strip()]
    assert 20 < len(code) <= HAND_WRITTEN_LINES


def test_the_documented_steps_add_an_entity(project):
    for block in BLOCK.findall(PAGE):
        project.write(*block)
    [command] = MIGRATION.findall(PAGE)
    project.run(*command.split())
    project.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "tyre or test_docs", CHECKLIST, *GENERAL_TESTS)

    seen = json.loads(project.run("-c", USE).splitlines()[-1])
    assert seen["graded_without_rows"] == {"grade": "missing", "stored": 0, "reason": "never synced"}
    assert seen["graded"] == {"grade": "complete", "stored": 1, "reason": ""}
    assert seen["openf1_without_rows"] == [404, {"detail": "No results found."}]
    row = {"driver_number": 16, "set_number": 1, "compound": "SOFT", "laps_driven": 3}
    assert seen["openf1"] == [200, [{"meeting_key": 1229, "session_key": 9472, **row}]]
    status, page = seen["rest"]
    assert status == 200
    [shown] = page["results"]
    assert shown.items() >= {"session_id": 9472, "driver_number": 16, "set_number": 1, "tyre_compound": "SOFT"}.items()


def test_each_step_that_is_left_out_is_named_by_one_failing_test(project):
    """All at once: the migration, the feed in the list, the route, the admin page and the row in the documentation."""
    documentation = next(path for path, _, _ in BLOCK.findall(PAGE) if path.endswith(".md"))
    for block in blocks_without("f1site/feeds.py", "telemetry/urls.py", "telemetry/admin.py", documentation):
        project.write(*block)
    assert project.failing_tests() == {
        "test_the_table_of_a_mirrored_model_is_made_by_a_migration": "step 1",
        "test_a_feed_is_in_the_list_of_all_that_is_synced": "step 2",
        "test_an_entity_has_a_rest_route": "step 3",
        "test_an_entity_has_an_admin_page": "step 4",
        "test_an_entity_has_a_row_in_the_documentation": "step 5",
    }


def test_a_model_without_a_feed_is_named_by_one_failing_test(project):
    for block in blocks_without("f1site/feeds.py", "telemetry/feeds.py"):
        project.write(*block)
    [command] = MIGRATION.findall(PAGE)
    project.run(*command.split())
    assert project.failing_tests() == {"test_a_mirrored_model_has_a_feed": "step 2"}
