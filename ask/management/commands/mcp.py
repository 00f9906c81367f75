"""Serve this site's data to a language model on this machine, over the standard input and output."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Serve tools for language models over the standard input and output (MCP); desktop programs start it themselves."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.MCP:
            raise CommandError("MCP is turned off on this site (setting MCP).")
        from ask.mcp.server import make_server

        make_server().run("stdio")
