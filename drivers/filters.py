from api.filters import ModelFilter
from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry, SessionResult, StartingGrid
from races.filters import SessionRowFilter


class DriverFilter(ModelFilter):
    class Meta:
        model = Driver


class EntryFilter(SessionRowFilter):
    class Meta:
        model = Entry


class SessionResultFilter(SessionRowFilter):
    class Meta:
        model = SessionResult


class StartingGridFilter(SessionRowFilter):
    class Meta:
        model = StartingGrid


class ChampionshipDriverFilter(SessionRowFilter):
    class Meta:
        model = ChampionshipDriver


class ChampionshipTeamFilter(SessionRowFilter):
    class Meta:
        model = ChampionshipTeam
