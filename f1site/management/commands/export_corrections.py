"""Export corrections to a file that other sites can import."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.wording import plural
from mirror import exchange
from mirror.models import Correction
from ml.strategy import fact_exchange
from races import corner_exchange


class Command(BaseCommand):
    help = "Write what people corrected on OpenF1's rows to a JSON file, keyed so that any other mirror can import it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output", default="corrections.json", help="the file to write; - for standard output (default: %(default)s)"
        )

    def handle(self, *, output: str, **options: Any) -> None:
        content = exchange.dump(**corner_exchange.dump(), **fact_exchange.dump())
        if output == "-":
            sys.stdout.write(content.decode() + "\n")
        else:
            Path(output).write_bytes(content + b"\n")
            self.stdout.write(f"{plural(Correction.objects.filter(source='openf1').count(), 'correction')} written to {output}.")
