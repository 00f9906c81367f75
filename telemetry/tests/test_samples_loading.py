"""Libraries that read samples, loaded ahead of the first question."""

import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

PROGRAM = """
import sys, f1site.wsgi
from types import SimpleNamespace
from telemetry.samples import loading
loading.SampleFile = SimpleNamespace(objects=SimpleNamespace(exists=lambda: {there}))
loading.load()
loaded = "pyarrow.parquet" in sys.modules
if loaded:
    import pyarrow
    assert pyarrow.array([1, None]).to_numpy(zero_copy_only=False)[0] == 1
    assert "pandas" not in sys.modules
    assert pyarrow.table({{"speed": [301]}}).to_pandas().speed[0] == 301
print(loaded)
"""


@pytest.mark.parametrize("there", [True, False])
def test_what_reads_samples_is_loaded_where_there_are_any(there):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(there=there)], cwd=settings.BASE_DIR, capture_output=True, text=True
    )
    assert run.stdout.strip() == str(there), run.stderr
