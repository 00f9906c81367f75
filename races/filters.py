from api.filters import ModelFilter
from races.models import Race, Session


class RaceFilter(ModelFilter):
    related = {"season": "year"}

    class Meta:
        model = Race


class SessionFilter(ModelFilter):
    related = {"season": "year", "race_name": "race__race_name"}

    class Meta:
        model = Session


class SessionRowFilter(ModelFilter):
    """Filters of rows about a session: also by its name, race weekend and season."""

    related = {
        "race_id": "session__race_id",
        "session_name": "session__session_name",
        "year": "session__year",
        "season": "session__year",
    }
