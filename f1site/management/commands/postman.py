"""The REST API for Postman."""

import json
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator

from f1site import postman

FOLDER = settings.BASE_DIR / "docs"


def files() -> dict[str, str]:
    """{name: content} of the collection and its environment."""
    schema = SchemaGenerator().get_schema(public=True)
    contents = {"postman_collection.json": postman.collection(schema), "postman_environment.json": postman.environment()}
    return {name: json.dumps(content, indent=1, ensure_ascii=False) + "\n" for name, content in contents.items()}


class Command(BaseCommand):
    help = (
        "Write the REST API as a Postman collection, with every route and an example of each body, and an environment that says "
        "where the site is (base_url) and who asks (token). Both are made from the OpenAPI description."
    )

    def add_arguments(self, parser):
        parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR", help="the folder (default: docs)")

    def handle(self, *, output, **options):
        output.mkdir(parents=True, exist_ok=True)
        for name, content in files().items():
            (output / name).write_text(content)
            self.stdout.write(f"{output / name}")
