"""Numbers on the command line that no column holds: refused by name, by every command."""

import argparse
from importlib import import_module

import pytest
from django.core.management import CommandError, call_command, get_commands

OURS = sorted(name for name, app in get_commands().items() if app in {"f1site", "mirror", "telemetry", "ml"})


def numbers():
    """(command, option) of all options that take numbers."""
    for name in OURS:
        parser = import_module(f"{get_commands()[name]}.management.commands.{name}").Command().create_parser("", name)
        for action in parser._actions:
            if action.dest != "verbosity" and (action.type in (int, float) or is_checked(action.type)):
                yield name, action.option_strings[0]


def is_checked(kind):
    return getattr(kind, "__module__", "") == "mirror.arguments"


NUMBERS = [pair for pair in numbers() if pair != ("start", "--port")]


def test_options_that_take_numbers_are_found():
    assert {("merge_fastf1", "--season"), ("dump", "--season"), ("analyse", "--fuel-load")} <= set(NUMBERS)


@pytest.mark.parametrize("value", ["9" * 20, "9" * 400, "x", "1e400", "nan"])
@pytest.mark.parametrize(("command", "option"), NUMBERS, ids=map(" ".join, NUMBERS))
def test_a_number_that_no_column_holds_is_refused_by_name(command, option, value):
    parser = import_module(f"{get_commands()[command]}.management.commands.{command}").Command().create_parser("", command)
    action = parser._option_string_actions[option]
    if action.type.__name__ == "finite_number" and value == "9" * 20:
        return
    with pytest.raises(argparse.ArgumentTypeError, match=r"out of range|is no (whole )?number"):
        action.type(value)


@pytest.mark.parametrize("command", sorted({name for name, option in NUMBERS if option == "--season"} | {"sync_openf1"}))
def test_several_seasons_are_named_at_once_or_one_by_one(command):
    parser = import_module(f"{get_commands()[command]}.management.commands.{command}").Command().create_parser("", command)
    action = parser._option_string_actions["--season"]
    season, required = action.type or str, {"build_dataset": ["--output", "x"], "train_model": ["ridge"]}.get(command, [])
    for given in (["--season", "2023", "2024"], ["--season", "2023", "--season", "2024"]):
        assert vars(parser.parse_args([*required, *given]))["season"] == [season("2023"), season("2024")]


@pytest.mark.django_db
def test_the_command_names_the_option():
    with pytest.raises(CommandError, match="--session: 99999999999999999999 is out of range"):
        call_command("analyse", "race-pace", "--session", "99999999999999999999")
