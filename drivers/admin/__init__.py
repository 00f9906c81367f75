"""Admin pages of drivers, teams, entries, results, grids and standings."""

from drivers.admin.people import DriverAdmin, DriverAliasAdmin, TeamAdmin
from drivers.admin.rows import (
    CarRowAdmin,
    ChampionshipDriverAdmin,
    ChampionshipTeamAdmin,
    EntryAdmin,
    SessionResultAdmin,
    StartingGridAdmin,
    clock_time,
    times_text,
)

__all__ = [
    "CarRowAdmin",
    "ChampionshipDriverAdmin",
    "ChampionshipTeamAdmin",
    "DriverAdmin",
    "DriverAliasAdmin",
    "EntryAdmin",
    "SessionResultAdmin",
    "StartingGridAdmin",
    "TeamAdmin",
    "clock_time",
    "times_text",
]
