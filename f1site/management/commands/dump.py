"""Write the mirror, or some seasons of it, to files that other programs read."""

from pathlib import Path
from sqlite3 import Error as DatabaseFileError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from f1site import dump
from jobs.wording import plural
from mirror.arguments import whole_number
from mirror.storage import DamagedFile


class Command(BaseCommand):
    help = (
        "Write each collection to a file, with a manifest in the same folder (--output), or all of them into one SQLite database "
        "(--sqlite). Names are OpenF1's, and corrections are applied."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--season", type=whole_number, nargs="+", action="extend", default=[], metavar="Y", help="only these seasons"
        )
        parser.add_argument(
            "--format", choices=dump.FORMATS, default="parquet", help="of the files in --output (default: parquet)"
        )
        parser.add_argument("--output", type=Path, metavar="DIR", help="the folder to write the files and manifest.json into")
        parser.add_argument(
            "--sqlite", type=Path, metavar="FILE", help="the SQLite database to write, for programs such as datasette"
        )

    def handle(self, *, season: list[int], format: str, output: Path | None, sqlite: Path | None, **options: Any) -> None:
        if not (output or sqlite):
            raise CommandError("give --output DIR, --sqlite FILE, or both")
        try:
            if output:
                self.report(dump.dump(output, format_=format, seasons=season), output)
            if sqlite:
                self.report(dump.dump_sqlite(sqlite, seasons=season), sqlite)
        except DamagedFile as error:
            raise CommandError(f"The dump is not complete. {error}") from error
        except (OSError, DatabaseFileError) as error:
            raise CommandError(f"The dump cannot be written: {error}") from error

    def report(self, manifest: dict[str, Any], path: Path) -> None:
        rows = sum(collection["rows"] for collection in manifest["collections"].values())
        self.stdout.write(f"{plural(rows, 'row')} of {plural(len(manifest['collections']), 'collection')} written to {path}.")
