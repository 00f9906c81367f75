"""Write all corrections to a file that others can import."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand

from mirror import exchange
from mirror.models import Correction


class Command(BaseCommand):
    help = "Write what people corrected on OpenF1's rows to a JSON file, keyed so that any other mirror can import it."

    def add_arguments(self, parser):
        parser.add_argument(
            "--output", default="corrections.json", help="the file to write; - for standard output (default: %(default)s)"
        )

    def handle(self, *, output, **options):
        content = exchange.dump()
        if output == "-":
            sys.stdout.write(content.decode() + "\n")
        else:
            Path(output).write_bytes(content + b"\n")
            self.stdout.write(f"{Correction.objects.filter(source='openf1').count()} corrections written to {output}.")
