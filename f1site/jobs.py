"""The job that writes all stored data to files."""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from api.fields import ChoiceField
from f1site import dump
from jobs import kinds
from jobs.models import Job
from jobs.progress import Failed, Progress
from mirror.storage import DamagedFile


class DumpParameters(kinds.Parameters):
    """The seasons to write and the format of the files."""

    seasons = kinds.season_list()
    format = ChoiceField(dump.FORMATS, required=False, help_text="Of the files; parquet by default.")


def run_dump(progress: Progress, job: Job) -> dict[str, Any]:
    """Write files to a folder of the job's own below MEDIA_ROOT, after removing those of an earlier attempt."""
    folder = Path(settings.MEDIA_ROOT) / "dumps" / f"{timezone.now():%Y-%m-%d}-{job.pk}"
    shutil.rmtree(folder, ignore_errors=True)
    progress.step("Writing", total=1)
    try:
        manifest = dump.dump(folder, format_=job.parameters.get("format", "parquet"), seasons=job.parameters.get("seasons", ()))
    except (DamagedFile, OSError) as error:
        raise Failed(f"The dump is not complete. {error}") from error
    progress.step(done=1)
    return {"folder": str(folder.relative_to(settings.MEDIA_ROOT)), "manifest": manifest}


kinds.register("dump", run=run_dump, parameters=DumpParameters, about="write files below MEDIA_ROOT, as `dump`")
