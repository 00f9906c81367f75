"""Imports go one way, without circles, and the web process starts without the scientific libraries."""

import subprocess
import sys

import pytest
from django.conf import settings

from f1site.tests.layers import House, bindings

LAYERS = ["jobs", "mirror", "api", "races", "drivers", "telemetry", "ml", "pages", "live", "ask", "f1site"]  # the lowest first
TASK_NAMES = {f"f1site.jobs.{name}" for name in ("run", "schedule", "take_up", "prune")}  # in the schedules of old databases
HEAVY = {"pandas", "numpy", "sklearn", "scipy", "pyarrow", "duckdb", "matplotlib", "skops"}
WEB = {"models", "admin", "urls", "views", "serializers", "filters", "feeds", "jobs"}


pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def house():
    return House(root=settings.BASE_DIR, layers=LAYERS, labels={"openf1": "mirror"}, allowed=TASK_NAMES)


def test_no_package_knows_one_of_a_higher_layer(house):
    assert len(house.modules) > 150
    assert house.violations() == []


def test_no_modules_import_each_other_in_a_circle(house):
    assert house.circles() == []


def test_no_module_but_the_settings_is_longer_than_300_lines():
    paths = [path for package in LAYERS for path in (settings.BASE_DIR / package).rglob("*.py")]
    own = [
        path
        for path in paths
        if not {"tests", "migrations"} & set(path.parts) and path != settings.BASE_DIR / "f1site/settings.py"
    ]
    assert len(own) > 150
    assert [path for path in own if len(path.read_text().splitlines()) > 300] == []


def test_what_the_web_process_loads_does_not_import_scientific_libraries_at_module_level(house):
    heavy = [
        f"{name} imports {full}"
        for name, module in house.modules.items()
        if WEB & set(name.split("."))
        for node in module.tree.body
        for _, full in bindings(node)
        if full.split(".")[0] in HEAVY
    ]
    assert heavy == []


def test_the_web_process_starts_without_scientific_libraries():
    program = "import sys, f1site.wsgi, f1site.urls; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(run.stdout.split())


# The rules themselves, each on a small tree: `cars` is the lower package, `races` with the app label "season" the upper one.

CARS = {"cars/models.py": "class Car: ...\nLISTED = []\n", "cars/admin.py": "class CarAdmin:\n    inlines = []\n"}
RACES = {"races/models.py": "class Race: ...\n", "races/admin.py": "class RaceAdmin: ...\n"}


def build(folder, **files):
    """The small tree with one more file."""
    for path, source in (CARS | RACES | files).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(source)
    return House(root=folder, layers=["cars", "races"], labels={"season": "races"}, allowed={"races.models.task"})


@pytest.mark.parametrize(
    "source",
    [
        "import races.models",
        "from races.models import Race",
        "from races import models",
        "def late():\n    from races.models import Race",
        "if TYPE_CHECKING:\n    from races.models import Race",
        "from . import models",
        "import_string('races.models.Race')",
        "CLASSES = ['races.models']",
        "race = ForeignKey('races.Race')",
        "race = ForeignKey('season.Race')",
        "apps.get_model('season', 'Race')",
        "apps.get_model('season.Race')",
        "import_module('races')",
    ],
)
def test_a_lower_package_names_no_upper_one(tmp_path, source):
    [found] = build(tmp_path, **{"cars/bad.py": source}).violations()
    assert found.startswith("cars.bad:")


@pytest.mark.parametrize(
    "source",
    [
        "from cars.admin import CarAdmin\nCarAdmin.sync = print",
        "from cars.admin import CarAdmin\nCarAdmin.sync: int = 1",
        "from cars.admin import CarAdmin\nCarAdmin.inlines += [1]",
        "from cars.admin import CarAdmin\nCarAdmin.inlines[0] = 1",
        "from cars.admin import CarAdmin\ndel CarAdmin.inlines",
        "from cars.admin import CarAdmin\nsetattr(CarAdmin, 'sync', print)",
        "from cars import admin\nadmin.CarAdmin.sync = print",
        "import cars.admin as pages\npages.CarAdmin.sync = print",
        "from cars.admin import CarAdmin\nCarAdmin.inlines.append(1)",
        "from cars.models import LISTED\nLISTED.append(1)",
        "from cars.models import Car\nadmin.site.unregister(Car)",
        "from cars.models import Car\nadmin.site.unregister([Car])",
        "from cars.models import Car\nfor model in (Car,):\n    admin.site.unregister(model)",
    ],
)
def test_an_upper_package_changes_nothing_in_a_lower_one_from_outside(tmp_path, source):
    [found] = build(tmp_path, **{"races/bad.py": source}).violations()
    assert found.startswith("races.bad:")


@pytest.mark.parametrize(
    "source",
    [
        "from cars.models import Car\nclass Race(Car):\n    inlines = [Car]",
        "from cars.admin import CarAdmin\nCarAdmin.register_inline(1)",
        "from cars.models import Car\nCar.objects.update(number=4)",
        "from cars import models\nmodels.add(1)",
        "from cars.models import Car\ncar = Car()\ncar.number = 4",
        "race = ForeignKey('races.Race')",
        "from django.contrib.auth.models import User\nadmin.site.unregister(User)",
        "from races.admin import RaceAdmin\nRaceAdmin.sync = print",
    ],
)
def test_an_upper_package_uses_a_lower_one(tmp_path, source):
    assert build(tmp_path, **{"races/good.py": source}).violations() == []


@pytest.mark.parametrize("source", ["word = 'races'", "task = 'races.models.task'", "log = getLogger('races.requests')"])
def test_words_that_only_look_like_an_upper_package_are_no_references(tmp_path, source):
    assert build(tmp_path, **{"cars/good.py": source}).violations() == []


def test_a_circle_is_found_also_where_the_import_is_in_a_function(tmp_path):
    files = {"cars/a.py": "from cars import b", "cars/b.py": "from cars.c import x", "cars/c.py": "def f():\n    import cars.a"}
    assert build(tmp_path, **files).circles() == [["cars.a", "cars.b", "cars.c"]]
    files["cars/c.py"] = "if TYPE_CHECKING:\n    import cars.a"
    assert build(tmp_path, **files).circles() == []
