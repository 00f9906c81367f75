"""What is registered is documented, and what is documented exists: README.md and the pages in docs/."""

import ast
import re
import shlex
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import URLPattern
from rest_framework.schemas.generators import EndpointEnumerator

from api.openf1.differences import DIFFERENCES
from f1site.feeds import FEEDS
from f1site.tests.test_layers import LAYERS
from f1site.urls import router, urlpatterns
from jobs.kinds import KINDS
from mirror.feeds import Feed
from ml.analysis import QUESTIONS
from ml.estimators import MODELS
from ml.splits import NAMES as SPLITS
from ml.tasks import TASKS

pytestmark = pytest.mark.once

ROOT = settings.BASE_DIR
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *DOCS]
README = (ROOT / "README.md").read_text()


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next one of its level or a higher one."""
    heading = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert heading, f"there is no section {title!r}"
    return re.split(rf"^#{{1,{len(heading[1])}}} ", text[heading.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """The first cells of all tables in a text, without their code marks."""
    cells = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert cells, "there is no table"
    return cells


def settings_read() -> set[str]:
    """Names of the environment variables that settings.py reads: the first argument of every call of `env`'s methods."""
    nodes = ast.walk(ast.parse((ROOT / "f1site" / "settings.py").read_text()))
    reads = [node for node in nodes if isinstance(node, ast.Call) and re.match(r"env\.(?!read_env)", ast.unparse(node.func))]
    return {ast.literal_eval(call.args[0]) for call in reads}


def test_the_readme_is_short_and_has_both_commands_and_a_picture():
    assert len(README) <= 8000
    assert "make run " in section(README, "Two commands")
    assert "make test " in section(README, "Two commands")
    pictures = re.findall(r"^!\[[^\]]+\]\((docs/images/[^)]+)\)$", README, re.MULTILINE)
    assert pictures
    assert all((ROOT / picture).stat().st_size < 200_000 for picture in pictures)


def test_every_setting_is_documented_and_in_the_example():
    example = (ROOT / ".env.example").read_text()
    assert sorted(first_cells(page("settings"))) == sorted(settings_read())
    assert set(re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE)) == settings_read()


def our_commands() -> set[str]:
    return {command for command, app in get_commands().items() if (ROOT / app.partition(".")[0]).is_dir()}


def test_every_command_is_documented():
    assert sorted(first_cells(page("commands"))) == sorted(our_commands())


def documented_calls() -> list[tuple[str, str]]:
    """(page, command line) of every call of manage.py in a shell block."""
    return [
        (path.name, line.partition("manage.py ")[2])
        for path in PAGES
        for block in re.findall(r"^ *```(?:sh|bash)?\n(.*?)^ *```", path.read_text(), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if re.match(r" *(?:sudo -u \w+ )?[\w/.-]*python manage\.py ", line)
    ]


@pytest.mark.parametrize(("name", "line"), documented_calls())
def test_every_documented_call_of_a_command_is_accepted_by_its_parser(name, line):
    command, *arguments = shlex.split(line, comments=True)
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    with redirect_stderr(StringIO()) as complaint:
        try:
            parser.parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{name}: {complaint.getvalue()}")


def usual_routes(prefixes: list[str]) -> set[str]:
    """The routes that every entity has, which are described once: its list, its rows, lists below its parents, its sync."""
    lists = {f"/api/v1/{prefix}/" for prefix in prefixes}
    rows = {f"/api/v1/{prefix}/{{}}/" for prefix in prefixes}
    syncs = {f"/api/v1/{prefix}/sync/{{}}/" for prefix in prefixes}
    return lists | rows | syncs | {f"/api/v1/{parent}/{{}}/{prefix}/" for parent in prefixes for prefix in prefixes}


def test_every_route_is_documented():
    def anonymous(path: str) -> str:
        return re.sub(r"\{\w+\}", "{}", path)

    paths = {path for path, _, _ in EndpointEnumerator().get_api_endpoints()}
    # A row has a line of its own where it does something particular.
    documented = {anonymous(path) for path in first_cells(page("rest-api")) if path.startswith("/")}
    routed = {anonymous(path) for path in paths}
    usual = usual_routes([prefix for prefix, *_ in router.registry])
    assert {path for path in routed - usual - documented if path.startswith("/api/")} == set()
    plain = {f"/{each.pattern}" for each in urlpatterns if isinstance(each, URLPattern) and "^" not in str(each.pattern)} - {
        "/favicon.ico"
    }
    assert plain <= documented
    assert {path for path in documented - routed - plain if path.startswith("/api/")} == set()


def test_every_entity_has_a_row_that_names_its_collection():
    """A row that a mirrored entity lacks is named by test_checklist.py, as all steps of adding one."""
    models = {viewset.queryset.model: prefix for prefix, viewset, _ in router.registry}
    collections = {feed.collection for feed in FEEDS}
    rows = dict(re.findall(r"^\| `/api/v1/([\w-]+)/` \| `?(\w*)`? \|", section(page("rest-api"), "Entities"), re.MULTILINE))
    assert {prefix for model, prefix in models.items() if model not in Feed.by_model} - rows.keys() == set()
    assert {name for name in rows.values() if name} <= collections
    entities = {feed.collection: models.get(feed.model) for feed in FEEDS}
    assert {name: prefix for prefix, name in rows.items() if entities.get(name) not in (None, prefix)} == {}


def test_every_kind_of_job_is_documented_with_its_parameters():
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\|", section(page("rest-api"), "Background work"), re.MULTILINE)
    documented = {kind: set(re.findall(r"`(\w+)`", parameters)) for kind, parameters in rows}
    assert documented == {name: set(kind.parameters().fields) for name, kind in KINDS.items()}


def test_every_task_model_split_and_question_is_documented():
    assert first_cells(section(page("models"), "Tasks")) == [*TASKS, *MODELS, *SPLITS.split(", ")]
    assert sorted(first_cells(page("analysis"))) == sorted(QUESTIONS)


def test_every_make_target_is_documented_and_exists():
    targets = set(re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for path in PAGES for name in re.findall(r"(?:^|`)make ([a-z][\w-]*)", path.read_text(), re.MULTILINE)}
    assert named == targets


def test_every_difference_to_openf1_is_documented():
    rows = ["| " + " | ".join(difference) + " |" for difference in DIFFERENCES.values()]
    table = section(page("openf1-api"), "Differences")
    assert [row for row in rows if row not in table] == []
    assert table.count("\n| ") == len(rows) + 1


def test_every_page_is_in_the_index():
    index = page("README")
    assert [path.name for path in DOCS if path.name != "README.md" and f"({path.name})" not in index] == []


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_links_lead_to_files_and_headings_that_exist(path):
    def broken(target: str) -> bool:
        name, _, heading = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists():
            return True
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE) if heading else []
        return bool(heading) and heading not in map(anchor, headings)

    targets = re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text())
    assert [target for target in targets if broken(target)] == []


def packages_of_the_map() -> list[str]:
    block = section(page("architecture"), "Map").split("```")[1]
    return re.findall(r"^(\w+) ", block, re.MULTILINE)


def test_the_map_of_the_architecture_has_every_package():
    def has_code(folder: Path) -> bool:
        return folder.is_dir() and not folder.name.startswith(".") and any(folder.glob("**/*.py"))

    assert sorted(packages_of_the_map()) == sorted(folder.name for folder in ROOT.iterdir() if has_code(folder))


def test_the_order_of_imports_is_the_one_that_is_enforced():
    [line] = re.findall(r"^jobs  <-  .*$", page("architecture"), re.MULTILINE)
    packages = line.split("  <-  ")
    assert packages == [package for package in LAYERS if (ROOT / package).is_dir()]
    assert set(packages) == set(packages_of_the_map()) - {"tools", "docs"}


def test_modules_that_the_architecture_names_exist():
    named = set(re.findall(r"\b(\w+/[\w/]+\.py)\b", page("architecture")))
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []
