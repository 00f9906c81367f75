"""Answer a race engineer's question about a session."""

import json
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from mirror.arguments import finite_number
from ml.analysis import QUESTIONS, CannotSay, NotThere, ask, spell_question
from ml.analysis.printing import print_answer
from races.arguments import add_session_arguments, chosen_session

ABOUT = "; ".join(f"{name}: {question.about}" for name, question in QUESTIONS.items())


class Command(BaseCommand):
    help = (
        "Answer a question about the laps of a session, with how many laps the answer rests on, which those are, and what was "
        f"taken for granted. Questions: {ABOUT}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "question", type=spell_question, choices=[*QUESTIONS], metavar="QUESTION", help="one of the questions above"
        )
        add_session_arguments(parser)
        parser.add_argument(
            "--fuel-effect", type=finite_number, metavar="S", help="seconds that a kilogram costs (default: 0.03)"
        )
        parser.add_argument(
            "--fuel-load",
            type=finite_number,
            metavar="KG",
            help="kilograms at the start (default: 110, in a sprint a third of it)",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print everything as one JSON object")
        parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the answer, too: a PNG, SVG or PDF file")

    def handle(self, *, question: str, as_json: bool, plot: Path | None, **options: Any) -> None:
        session = chosen_session(options, kinds=QUESTIONS[question].kinds)
        given = {name: options[name] for name in ("fuel_effect", "fuel_load") if options[name] is not None}
        try:
            answer = ask(question, session, **given)
        except (NotThere, CannotSay) as error:
            raise CommandError(error.args[0]) from error
        if plot:
            from ml.analysis import plots

            try:
                plots.drawn(answer).savefig(plot)
            except (ValueError, OSError) as error:
                raise CommandError(f"--plot {plot}: {error}") from error
        if as_json:
            self.stdout.write(json.dumps(answer, indent=1))
        else:
            print_answer(Console(file=cast(IO[str], self.stdout), width=80), answer, about=QUESTIONS[question].about)
