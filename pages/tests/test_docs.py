"""docs/pages.md is true."""

import re

from django.conf import settings

from pages.charts.registry import VIEWS
from pages.rows import load
from pages.state import State

PAGE = (settings.BASE_DIR / "docs" / "pages.md").read_text()


def test_every_view_is_documented():
    table = PAGE.partition("## Views of a session")[2].partition("##")[0]
    assert set(VIEWS) <= set(re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE))


def test_every_parameter_of_a_view_is_documented():
    section = PAGE.partition("## State, data, embedding")[2].partition("##")[0]
    missing = {name for view in VIEWS.values() for name in (*view.parameters, *State.COMMON) if f"`{name}" not in section}
    assert missing == set()


def test_the_view_that_is_shown_as_an_example_works(race):
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(example.splitlines()) <= 30
    module = {}
    exec(example, module)  # noqa: S102 - the page's own code
    chart = module["VIEW"].build(load(race), State({}))
    assert len(chart.lines) > 10
    assert chart.lines[0].y[4] == load(race).laps_of[chart.lines[0].car][4].duration_sector_1
