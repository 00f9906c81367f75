"""Import corrections that another site exported."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.wording import plural
from mirror import exchange
from ml.strategy import fact_exchange
from races import corner_exchange


class Command(BaseCommand):
    help = (
        "Import the corrections, edited corners and facts about circuits of a file written by export_corrections. "
        "Rows that are not stored here are reported and skipped; "
        "a different correction of the same field made here is kept unless --overwrite. Importing twice "
        "changes nothing. Exit status 1 when corrections were refused as invalid."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file; - for standard input")
        parser.add_argument("--user", help="name of the user recorded as author of the corrections (default: nobody)")
        parser.add_argument("--overwrite", action="store_true", help="replace corrections of the same field that were made here")

    def handle(self, *, file: str, user: str | None, overwrite: bool, **options: Any) -> None:
        users = get_user_model()
        try:
            owner = users.objects.get_by_natural_key(user) if user else None
            with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stream:
                content = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)  # what is larger is refused
            shared, circuits, facts = exchange.parse(content), corner_exchange.parse(content), fact_exchange.parse(content)
            counts, problems = exchange.apply(shared, user=owner, overwrite=overwrite)
            corner_counts, corner_problems = corner_exchange.apply(circuits, overwrite=overwrite)
            fact_counts, fact_problems = fact_exchange.apply(facts, overwrite=overwrite)
        except users.DoesNotExist as error:
            raise CommandError(f"there is no user {user!r}") from error
        except (OSError, ValueError) as error:
            raise CommandError(f"{file}: {error}") from error
        counts += corner_counts + fact_counts
        for line in [*problems, *corner_problems, *fact_problems]:
            self.stdout.write(line)
        names = ("applied", "known", "skipped", "missing", "refused")
        self.stdout.write(", ".join(f"{counts[name]} {name}" for name in names))
        if counts["refused"]:
            raise CommandError(f"{plural(counts['refused'], 'correction was', 'corrections were')} refused")
