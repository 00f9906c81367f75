"""The feeds of all collections, in the order in which they are synced: parents first."""

from drivers.feeds import ChampionshipDriverFeed, ChampionshipTeamFeed, DriverFeed, SessionResultFeed, StartingGridFeed
from races.feeds import MeetingFeed, RaceControlFeed, SessionFeed, WeatherFeed
from telemetry.feeds import (
    CarDataFeed,
    IntervalFeed,
    LapFeed,
    LocationFeed,
    OvertakeFeed,
    PitFeed,
    PositionFeed,
    StintFeed,
    TeamRadioFeed,
)

FEEDS = [
    MeetingFeed(),
    SessionFeed(),
    DriverFeed(),
    StintFeed(),
    LapFeed(),
    PitFeed(),
    WeatherFeed(),
    RaceControlFeed(),
    PositionFeed(),
    IntervalFeed(),
    OvertakeFeed(),
    TeamRadioFeed(),
    SessionResultFeed(),
    StartingGridFeed(),
    ChampionshipDriverFeed(),
    ChampionshipTeamFeed(),
    CarDataFeed(),
    LocationFeed(),
]
