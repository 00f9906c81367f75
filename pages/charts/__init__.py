"""The views of a session, each a pure function from rows and state to a `Chart`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pages.chart import Chart
from pages.rows import More, SessionRows
from pages.state import State
from races.models import RACES


@dataclass(frozen=True, kw_only=True)
class View:
    """A view of a session: its address ends in `name`."""

    name: str
    title: str
    about: str  # the question it answers
    build: Callable[[SessionRows, State], Chart]
    parameters: tuple[str, ...] = ()  # of its state, besides those that all views have
    sessions: tuple[str, ...] | None = RACES  # names of the sessions it is for; None for all
    template: str = "pages/views/lines.html"
    layout: Callable[[Chart], dict[str, Any]] | None = None  # where things are drawn, for views that the template draws
    narrow: Callable[[Chart], dict[str, Any]] | None = None  # the same for a drawing that phones show in its place
    document: Callable[[Chart], dict[str, Any]] | None = None  # what its JSON is, for views that have more columns than a chart
    tables: More | None = None  # whose rows it shows besides, as `SessionRows.more` gives them
    version: Callable[[int], object] | None = None  # of a session's number: what the view shows besides its rows

    def fits(self, session_name: str) -> bool:
        """Whether a session of this name has the view."""
        return self.sessions is None or session_name in self.sessions
