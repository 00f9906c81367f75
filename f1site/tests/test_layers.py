"""Imports go one way, and the web process starts without the scientific libraries."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

LAYERS = [("mirror", "api", "jobs"), ("races",), ("drivers",), ("telemetry",), ("ml",), ("f1site",)]  # lowest first
HEAVY = {"pandas", "numpy", "sklearn", "scipy", "pyarrow", "duckdb", "matplotlib", "skops"}
WEB = {"models", "admin", "urls", "views", "serializers", "filters", "feeds"}


def sources() -> Iterator[tuple[str, Path]]:
    """(dotted name, file) of every module of the site, tests aside."""
    for package in {layer[0].split(".")[0] for layer in LAYERS}:
        for path in (settings.BASE_DIR / package).rglob("*.py"):
            if "tests" not in path.parts:
                parts = path.relative_to(settings.BASE_DIR).with_suffix("").parts
                yield ".".join(parts).removesuffix(".__init__"), path


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "modules are imported by their full name"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def layer_of(name: str) -> int:
    """The layer of a module or of a name in one; -1 for the modules of others, and for `f1site` itself."""
    if name == "f1site" or name.startswith("f1site.__"):
        return -1
    return next((i for i, layer in enumerate(LAYERS) if any(f"{name}.".startswith(f"{part}.") for part in layer)), -1)


def test_no_module_imports_one_from_a_later_layer():
    upward = [
        f"{module} imports {name}"
        for module, path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported(node)
        if layer_of(name) > layer_of(module)
    ]
    assert upward == []


def test_what_the_web_process_loads_does_not_import_scientific_libraries_at_module_level():
    heavy = [
        f"{module} imports {name}"
        for module, path in sources()
        if WEB & set(module.split("."))
        for node in ast.parse(path.read_text()).body
        for name in imported(node)
        if name.split(".")[0] in HEAVY
    ]
    assert heavy == []


def test_the_web_process_starts_without_scientific_libraries():
    program = "import sys, f1site.wsgi, f1site.urls; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(run.stdout.split())
