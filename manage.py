#!/usr/bin/env python
"""Django's command line for this site."""

import os
import signal
import sys
from types import FrameType


def terminate(number: int, frame: FrameType | None) -> None:
    """End the command as Ctrl-C does, so that half-written files are deleted and rows say that it was ended."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, terminate)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "f1site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError, InterfaceError

    from jobs import database_errors

    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, ConnectionError) as error:  # a wrong setting; the storage of files is away
        sys.exit(str(error))
    except (DatabaseError, InterfaceError) as error:
        sentence = database_errors.describe(error)
        if not sentence or "--traceback" in sys.argv:
            raise
        sys.exit(f"CommandError: {sentence}")
