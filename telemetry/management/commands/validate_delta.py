"""Measure how far off deltas between laps are, beside simpler ways."""

import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.wording import plural
from races.arguments import add_session_arguments, chosen_session
from races.models import Session
from telemetry.calibrating import is_complete, lines_and_scales, sampled_laps
from telemetry.circuits import circuit_for, stored_line

if TYPE_CHECKING:
    import numpy as np

    from telemetry.delta.timing import LapSamples

MIN_LAPS = 20


class Command(BaseCommand):
    help = (
        "Time all laps of a session at racing speed, each once without its first and once without its second sector line, and "
        "compare deltas between laps of different cars with the official times there: mean absolute errors of each way, and how "
        "many errors lie within the bands. Bands are calibrated on the other half of the cars."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_session_arguments(parser)

    def handle(self, **options: Any) -> None:
        session = chosen_session(options)
        found = Session.objects.filter(pk=session).first()
        if found is None:
            raise CommandError(f"There is no session {session} here.")
        circuit = circuit_for(found)
        laps = sampled_laps(session, stored_line(circuit) if circuit else None)
        lines, scales = lines_and_scales(laps, circuit)
        laps = [lap for lap in laps if is_complete(lap, lines)]
        if len(laps) < MIN_LAPS:
            raise CommandError(
                f"{plural(len(laps), 'lap')} with samples and all sector times in session {session}: {MIN_LAPS} are needed; "
                f"`manage.py sync_openf1 car_data location --session {session}` brings samples in."
            )
        self.stdout.write(f"{found}: {len(laps)} laps {'with positions' if laps[0].has_positions else 'without positions'}")
        self.report(laps, lines, scales)

    def report(self, laps: "list[LapSamples]", lines: "np.ndarray", scales: dict[int, float]) -> None:
        from telemetry.delta.validation import LEVELS, SIMPLE_WAYS, factors, judge, leave_lines_out, try_simple_way

        self.stdout.write(f"{'mean absolute error of the delta, ms':40} sector 1 sector 2")
        for name, way in SIMPLE_WAYS.items():
            if laps[0].has_positions or name != "positions, pinned":
                self.line(name, try_simple_way(way, laps, lines, scales))
        began = time.process_time()
        errors = leave_lines_out(laps, lines, scales)
        milliseconds = 1000 * (time.process_time() - began) / len(laps) / 2
        quality, multiples = judge(errors), factors(errors)
        self.line("speed and positions, smoothed" if laps[0].has_positions else "speed, smoothed", quality.mae)
        for level in LEVELS:
            self.line(f"errors within the {level} % band, %", tuple(100 * share for share in quality.coverage[level]))
            self.line(f"half-width of the {level} % band, ms", quality.half_width[level])
            if multiples:
                self.line(f"factor of the {level} % band", multiples[level])
        self.stdout.write(f"{milliseconds:.1f} ms of CPU time a lap")

    def line(self, name: str, values: "tuple[float, ...]") -> None:
        first, second = ("not known" if value != value else f"{value:.1f}" for value in values)  # noqa: PLR0124 - NaN
        self.stdout.write(f"{name:40} {first:>8} {second:>8}")
