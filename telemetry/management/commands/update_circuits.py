"""Compute the circuits from the stored positions of cars."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mirror.arguments import whole_number
from races.models import Circuit
from telemetry.circuits import circuits_of, update_circuit


class Command(BaseCommand):
    help = (
        "Compute the centre line, the sector lines and the corners of circuits from all stored location samples. A circuit whose "
        "samples have not changed is left alone unless --force; corners that a person has edited stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--circuit", type=whole_number, nargs="+", metavar="KEY", help="circuit_key; all by default")
        parser.add_argument("--force", action="store_true", help="compute anew although no samples have changed")

    def handle(self, *, circuit: list[int] | None, force: bool, **options: Any) -> None:
        known = circuits_of()
        if unknown := [str(key) for key in circuit or [] if key not in known]:
            raise CommandError(
                f"There are no location samples of circuit {', '.join(unknown)}; "
                "`manage.py sync_openf1 location --session ID` brings them in."
            )
        for key in circuit or known:
            found = update_circuit(key, force=force)
            self.stdout.write(f"{key} {describe(found)}" if found else f"{key}: the samples hold no lap at speed")


def describe(circuit: Circuit) -> str:
    corners = circuit.corners.count()
    return f"{circuit}: {circuit.length:,.0f} m, {corners} corners, {circuit.laps} laps of {circuit.sessions} sessions"
