"""A race of the demo season as if it were on track: for a look at the live page without an account."""

from datetime import datetime, timedelta

from live.messages import Message
from live.weaving import moment, weave
from mirror import simulator
from mirror.feeds import registry
from mirror.simulator.season import Session as SimulatedSession
from mirror.storage import FileStorage

EARLY = timedelta(seconds=30)  # before the start, at which the demo begins


def demo_race() -> tuple[int, list[Message], list[Message]]:
    """(session, messages until shortly before the start, those from then on) of the demo race that has positions on track."""
    season = simulator.Season()
    start, messages = demo_messages(season, season.sampled)
    begin = next((at for at, message in enumerate(messages) if message.t > start - EARLY), len(messages))
    return season.sampled.key, messages[:begin], messages[begin:]


def demo_messages(season: simulator.Season, session: SimulatedSession) -> tuple[datetime, list[Message]]:
    """(when the first lap begins, all messages but those of car_data) of a session of the demo season."""
    client = simulator.client(season)
    rows = {}
    for collection, feed in registry().items():
        if feed.lists or collection == "car_data":
            continue
        cars = client.rows("drivers", {"session_key": session.key}) if isinstance(feed.storage, FileStorage) else [None]
        queries = [{"session_key": session.key} | ({"driver_number": car["driver_number"]} if car else {}) for car in cars]
        rows[collection] = [row for query in queries for row in client.rows(collection, query)]
    driven = [moment(row["date_start"]) for row in rows["laps"] if row.get("date_start")]
    start = min((at for at in driven if at), default=session.start)
    return start, weave(rows, start=start, end=session.end)
