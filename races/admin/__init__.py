"""Admin pages of race weekends, sessions, circuits, weather and race control."""

from races.admin.circuits import CircuitAdmin
from races.admin.rows import NeutralisationAdmin, RaceControlAdmin, SessionRowAdmin, WeatherAdmin
from races.admin.weekends import RaceAdmin, SessionAdmin, page_link

__all__ = [
    "CircuitAdmin",
    "NeutralisationAdmin",
    "RaceAdmin",
    "RaceControlAdmin",
    "SessionAdmin",
    "SessionRowAdmin",
    "WeatherAdmin",
    "page_link",
]
