"""pyarrow loaded ahead of the first question, which then does not wait for it."""

import gc
import logging
import threading

from django.db import DatabaseError, connection

from api.tables.sparing import spare_pandas
from telemetry.models import SampleFile

log = logging.getLogger(__name__)


def load_later() -> None:
    """Load it in a thread, as the server answers other questions meanwhile."""
    threading.Thread(target=load, name="load pyarrow", daemon=True).start()


def load() -> None:
    """Load what reading samples needs, where there are any; a site without them is spared the memory."""
    try:
        wanted = SampleFile.objects.exists()
    except DatabaseError as error:  # who asks for samples waits for it then
        log.warning("Whether there are samples is not known: %s", error)
        return
    finally:
        connection.close()
    if wanted:
        import pyarrow.compute
        import pyarrow.parquet  # noqa: F401 - for those who ask later

        spare_pandas()
        gc.freeze()  # it stays: the collector would take a quarter of a second to look through it, in which nobody is answered
