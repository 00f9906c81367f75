"""Compute the facts about circuits from the stored races."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml.models.circuit_facts import CircuitFact


class Command(BaseCommand):
    help = (
        "Compute for each circuit what a stop costs, how easy it is to overtake and how often there is a safety car, from all "
        "stored races, each with its 95 % interval and the number of stops, laps or races. Values that a person has set in the "
        "admin stay. /api/v1/circuit-facts/ serves them, and the strategy model uses them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--circuit", nargs="+", default=[], metavar="NAME", help="circuit_name; all by default")

    def handle(self, *, circuit: list[str], **options: Any) -> None:
        from ml.strategy.circuit_facts import update_circuit_facts

        counts = update_circuit_facts(circuit)
        if not counts:
            raise CommandError("No race of these circuits is stored; sync_openf1 --season 2024 brings some.")
        self.stdout.write(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
        rows = CircuitFact.objects.all()
        for row in rows.filter(circuit_name__in=circuit) if circuit else rows:
            interval = "" if row.low is None else f" [{row.low:.3f}, {row.high:.3f}]"
            edited = ", set by a person" if row.edited else ""
            self.stdout.write(f"{row.circuit_name}: {row.fact} {row.value:.3f}{edited}{interval}, n = {row.n}")
