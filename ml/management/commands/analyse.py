"""Answer a race engineer's question about a session."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich import box
from rich.console import Console
from rich.table import Table

from mirror.arguments import finite_number, whole_number
from ml.analysis import QUESTIONS, CannotSay, NotThere, ask

ABOUT = "; ".join(f"{name}: {question.about}" for name, question in QUESTIONS.items())


class Command(BaseCommand):
    help = (
        "Answer a question about the laps of a session, with how many laps the answer rests on, which those are, and what was "
        f"taken for granted. Questions: {ABOUT}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("question", choices=[*QUESTIONS], metavar="QUESTION", help="one of the questions above")
        parser.add_argument("--session", type=whole_number, required=True, metavar="ID", help="session_id of the session")
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

    def handle(self, *, question: str, session: int, as_json: bool, plot: Path | None, **options: Any) -> None:
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
            report(Console(file=cast(IO[str], self.stdout), width=150), answer)


def report(console: Console, answer: dict[str, Any]) -> None:
    """A table of what fits into one, and what is to be known about it."""
    session = answer["session"]
    about = QUESTIONS[answer["question"]].about
    table = Table(box=box.SIMPLE_HEAD)
    rows = [flat(row) for row in answer["rows"]]
    for name in (names := list(dict.fromkeys(name for row in rows for name in row))):
        text = all(isinstance(row.get(name), str) for row in rows)
        table.add_column(name.replace("_", " "), justify="left" if text else "right")
    for row in rows:
        table.add_row(*(format_value(row.get(name)) for name in names))
    console.print(f"{session['year']} {session['race']}, {session['session_name']}: {about}", style="bold")
    console.print(table)
    for pair in answer.get("pairs", ()):
        console.print(pair["said"])
    for line in besides(answer):
        console.print(line)
    for warning in answer.get("warnings", ()):
        console.print(f"Mind: {warning}", style="bold")
    console.print(f"n = {answer['n']}; {'; '.join(answer['filters'])}")
    console.print(f"Taken for granted: {'; '.join(answer['assumptions'])}")


def besides(answer: dict[str, Any]) -> Iterator[str]:
    """What is no row: the distribution of a gain, what the race says without being told of fuel, what was left out."""
    if "median" in answer:
        spread = f"80 % from {answer['p10']:.2f} to {answer['p90']:.2f} s"
        yield f"median {answer['median']:.2f} s, {spread}; ahead afterwards: {answer['worked']:.0%}"
    if free := answer.get("free"):
        slopes = "; ".join(
            f"{name} {format_value(slope['value'])} ({format_value(slope['interval'])})" for name, slope in free["slopes"].items()
        )
        yield f"Without taking fuel for granted: {slopes}"
        if free["fuel_effect"]:
            yield f"fuel: {format_value(free['fuel_effect']['value'])} s per kg ({format_value(free['fuel_effect']['interval'])})"
    if left_out := answer.get("left_out"):
        parts = left_out if isinstance(left_out, list) else [f"{name}: {count}" for name, count in left_out.items()]
        yield f"Left out: {'; '.join(parts)}"


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without its lists of rows; {"lap": {"delta": 1}} becomes {"lap delta": 1}."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name} {part}": inner for part, inner in value.items()}
        elif not (isinstance(value, list) and any(isinstance(item, list | dict) for item in value)):
            found[name] = value
    return found


def format_value(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(format_value(item) for item in value)
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
