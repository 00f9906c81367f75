"""The script in docs/ does what it says, against a real server; what docs/ names is there."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from PIL import Image

from ml import building, recording, trials

pytestmark = pytest.mark.once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("promoted", [True, False])
def test_an_analyst_gets_from_the_api_to_a_picture(live_server, settings, tmp_path, monkeypatch, promoted):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("ml.plots.draw_all", lambda result: iter(()))
    call_command("load_demo", "--races", "3", verbosity=0)
    if promoted:
        for model, task in (("linear", "next_lap"), ("ridge", "next_lap"), ("ridge", "pace_delta")):
            run, _ = trials.trial(building.load_data(), model=model, task=task, split="rolling", owner="ada")
            recording.promote(run)
    done = subprocess.run(
        [sys.executable, django_settings.BASE_DIR / "docs" / "laptimes.py"],
        capture_output=True,
        text=True,
        env=os.environ | {"SITE": live_server.url, "OUT": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "Assumptions: fuel costs 0.03 s per kg" in done.stdout
    assert ("better than the best naive answer" in done.stdout) is promoted
    assert ("promote_model" in done.stdout) is not promoted
    assert ("next_lap: 2 runs, best" in done.stdout) is promoted
    assert len(Image.open(tmp_path / "laptimes.png").convert("RGB").getcolors(1_000_000)) > 50


def test_the_docs_say_of_every_number_that_strategy_is_given_by_hand_what_it_was_compared_on():
    text = (django_settings.BASE_DIR / "docs" / "strategy.md").read_text().split("## Constants")[1]
    code = "".join(path.read_text() for path in (django_settings.BASE_DIR / "ml" / "strategy").glob("*.py"))
    given = re.findall(r"^([A-Z][A-Z_]+(?:, [A-Z][A-Z_]+)*) = \(?[\d.]", code, re.MULTILINE)
    assert len(given) > 40
    names = {name for names in given for name in names.split(", ")}
    assert {name for name in names if f"`{name}`" not in text} == set()
