"""What is wrong when a database does not answer, in a sentence for people who have given a command."""

import re

from django.db import DatabaseError, InterfaceError, OperationalError

# As SQLite and PostgreSQL say that a table or column is not there.
LACKING = re.compile(r"no such (table|column)|has no column named|(relation|column) \S+ (of relation \S+ )?does not exist")


def describe(error: DatabaseError | InterfaceError) -> str:
    """The sentence, with what the database itself says; empty for an error that is neither of its state nor of its reach."""
    said = (str(error).strip().splitlines() or [""])[0]
    if LACKING.search(said):
        return f"the database is not of this version: run manage.py migrate, then give the same command again ({said})"
    if isinstance(error, OperationalError | InterfaceError):
        return f"the database cannot be reached or is busy; give the same command again to go on ({said})"
    return ""
