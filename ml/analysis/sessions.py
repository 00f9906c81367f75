"""The laps of a session, with the names of who drove them and the weight of the fuel."""

from typing import TYPE_CHECKING, Any, NamedTuple

from ml import datasets

if TYPE_CHECKING:
    import pandas as pd

    from races.models import Session

FUEL_EFFECT = 0.03  # s per kg, what engineers reckon with
FUEL_LOAD = 110.0  # kg at the start of a race, the most the rules allow
SPRINT = 100 / 305  # of a race: kilometres that the rules ask for
FEWEST = 20  # clean laps of a session
BAND = (0.02, 0.04)  # s per kg, between which published figures lie
CLEAN = (
    "clean laps: no first, in- or out-lap, no flag, safety car or virtual safety car, dry tyres of a known compound, within "
    "107 % of the best so far, no time that cannot be, no lap of a start on which the whole field was slow"
)


class NotThere(LookupError):
    """The question does not exist; the session is not stored, has no laps, or is of another kind."""


class CannotSay(ValueError):
    """Too little was driven to answer, or an option does not belong to the question."""


class Stored(NamedTuple):
    """A session whose rows have been read already, so that no question reads them again."""

    session: "Session"  # with its race
    tables: "dict[str, pd.DataFrame]"  # as `datasets.read_tables` gives them
    has_flags: bool  # whether messages of race control are stored of it


def find_session(session_id: int) -> "Session":
    """The session with its race; NotThere without one."""
    from races.models import Session

    session = Session.objects.select_related("race").filter(pk=session_id).first()
    if session is None:
        raise NotThere(
            f"There is no session {session_id}; /api/v1/sessions/ lists those that are stored, and "
            "sync_openf1 --season YEAR brings more."
        )
    return session


def read_laps(session_id: int, *, kinds: tuple[str, ...], stored: Stored | None = None) -> tuple[dict[str, Any], "pd.DataFrame"]:
    """(what the session is, its laps as `datasets.load` gives them without surroundings, and with `name` and `clean`)."""
    import pandas as pd

    session = stored.session if stored else find_session(session_id)
    if session.session_name not in kinds:
        raise NotThere(f"Session {session_id} is called {session.session_name}; this is asked of: {', '.join(kinds)}.")
    tables = stored.tables if stored else datasets.read_tables([session])
    laps = datasets.load([session], with_surroundings=False, tables=tables)
    if laps.empty:
        raise NotThere(
            f"No laps of session {session_id} are stored; sync_openf1 laps stints --session {session_id} brings them in."
        )
    names = dict(zip(tables["entries"]["driver_number"], tables["entries"]["name"], strict=True))
    numbers = laps["driver_number"]
    laps["name"] = numbers.map(names).where(numbers.map(names).notna(), numbers.astype(str))
    laps["clean"] = laps["excluded"] == ""
    about = {"session_id": session.pk, "year": session.year, "race": session.race.race_name, "session_name": session.session_name}
    return about, laps.assign(
        team=laps["team"].astype("object").where(laps["team"].notna(), "unknown"),
        compound=pd.Series(laps["compound"], dtype="object"),
    )


def fuel(laps: "pd.DataFrame", *, fuel_load: float) -> "pd.Series":
    """Fuel on board at the start of each lap in kg, burnt evenly from `fuel_load` to nothing at the flag."""
    return fuel_load * (laps["race_laps"] - laps["lap_number"] + 1) / laps["race_laps"]


def clean_laps(laps: "pd.DataFrame", *, fuel_effect: float, fuel_load: float) -> "pd.DataFrame":
    """Clean laps with `corrected`: their time less what the fuel on board costs. CannotSay where there are too few."""
    clean = laps[laps["clean"]]
    if len(clean) < FEWEST:
        raise CannotSay(f"{len(clean)} clean laps are too few to say anything; {FEWEST} are needed.")
    return clean.assign(corrected=clean["lap_duration"] - fuel_effect * fuel(clean, fuel_load=fuel_load))


def describe_fuel(fuel_effect: float, fuel_load: float) -> str:
    return f"fuel costs {fuel_effect:g} s per kg; {fuel_load:g} kg at the start are burnt evenly until the flag"
