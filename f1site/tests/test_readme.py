"""What is registered is documented: settings, commands and endpoints stand in the README, and nothing else does."""

import ast
import re

from django.conf import settings
from django.core.management import get_commands
from rest_framework.schemas.generators import EndpointEnumerator

from api.openf1.differences import DIFFERENCES
from f1site.urls import router

README = (settings.BASE_DIR / "README.md").read_text()


def table(title):
    """The first cells of all tables in a section of the README, without their code marks."""
    section = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert cells, f"the README has no table under {title!r}"
    return set(cells)


def settings_read():
    """Names of the environment variables that settings.py reads: the first argument of every call of `env`'s methods."""
    nodes = ast.walk(ast.parse((settings.BASE_DIR / "f1site" / "settings.py").read_text()))
    reads = [node for node in nodes if isinstance(node, ast.Call) and re.match(r"env\.(?!read_env)", ast.unparse(node.func))]
    return {ast.literal_eval(call.args[0]) for call in reads}


def test_every_setting_is_in_the_readme_and_in_the_example():
    example = (settings.BASE_DIR / ".env.example").read_text()
    assert table("Settings") == settings_read()
    assert set(re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE)) == settings_read()


def test_every_command_is_in_the_readme():
    ours = {command for command, app in get_commands().items() if (settings.BASE_DIR / app.partition(".")[0]).is_dir()}
    assert table("Commands") == ours


def usual(prefixes):
    """The routes that every entity has, which the README describes once: its rows, lists below its parents, its sync."""
    for one in prefixes:
        yield from (f"/api/v1/{one}/{{}}/", f"/api/v1/{one}/sync/{{}}/")
        yield from (f"/api/v1/{parent}/{{}}/{one}/" for parent in prefixes)


def test_every_endpoint_is_in_the_readme():
    def anonymous(path):
        return re.sub(r"\{\w+\}", "{}", path)

    routed = {anonymous(path) for path, _, _ in EndpointEnumerator().get_api_endpoints()}
    documented = {anonymous(path) for path in table("REST API")}
    special = routed - set(usual([prefix for prefix, *_ in router.registry]))
    assert {path for path in special - documented | documented - routed if path.startswith("/api/")} == set()


def test_every_make_target_that_is_spoken_of_exists():
    targets = re.findall(r"^([\w-]+):.*## ", (settings.BASE_DIR / "Makefile").read_text(), re.MULTILINE)
    spoken_of = set(re.findall(r"(?:^|`)make ([\w-]+)", README, re.MULTILINE))
    assert {"run", "test"} <= spoken_of <= set(targets)


def test_every_difference_to_openf1_is_in_the_readme():
    rows = ["| " + " | ".join(difference) + " |" for difference in DIFFERENCES.values()]
    assert [row for row in rows if row not in README] == []
