"""The feed for other programs: on a broker of the owner's, in OpenF1's topics, and as sensors for Home Assistant."""

import asyncio
import logging
from typing import Any

import msgspec

from live.connection import open_client
from live.messages import Message

log = logging.getLogger(__name__)

WAITING = 20_000  # messages that wait for the broker at most; beyond it the oldest are left out
STATE_TOPIC = "f1stats/live/state"
SENSORS = {
    "flag": ("Flag", "mdi:flag"),
    "safety_car": ("Safety car", "mdi:car-emergency"),
    "status": ("Session", "mdi:flag-checkered"),
    "lap": ("Lap", "mdi:counter"),
    "leader": ("Leader", "mdi:podium-gold"),
    "next_session": ("Next session", "mdi:calendar-clock"),
}
Outgoing = tuple[str, bytes, bool]  # (topic, payload, retained)


def sensor_states(board: dict[str, Any] | None, next_session: str) -> dict[str, Any]:
    """What Home Assistant shows; without a board no session is on track."""
    if board is None:
        blank = dict.fromkeys(("flag", "lap", "leader"), "none")
        return {**blank, "safety_car": "off", "status": "no session", "next_session": next_session}
    leader = board["cars"].get(str(board["order"][0])) if board["order"] else None
    return {
        "flag": board["track"]["flag"],
        "safety_car": board["track"]["flag"] if board["track"]["flag"] in ("sc", "vsc") else "off",
        "status": f"{board['session']['race']}, {board['session']['name']}",
        "lap": board["clock"].get("lap") or "none",
        "leader": leader["name"] if leader else "none",
        "next_session": next_session,
    }


def discovery() -> list[Outgoing]:
    """The messages by which Home Assistant finds the sensors: MQTT discovery."""
    device = {"identifiers": ["f1stats"], "name": "F1 Stats", "manufacturer": "F1 Stats"}
    found = []
    for key, (name, icon) in SENSORS.items():
        config = {"name": name, "icon": icon, "unique_id": f"f1stats_{key}", "state_topic": STATE_TOPIC, "device": device}
        config["value_template"] = f"{{{{ value_json.{key} }}}}"
        found.append((f"homeassistant/sensor/f1stats/{key}/config", msgspec.json.encode(config), True))
    return found


class Republisher:
    """Publishes to a broker for as long as it runs; while the broker is away the newest messages wait."""

    def __init__(self, url: str, *, home_assistant: bool = False) -> None:
        self.url, self.home_assistant = url, home_assistant
        self.waiting: asyncio.Queue[Outgoing] = asyncio.Queue(WAITING)
        self.state: dict[str, Any] | None = None
        self.retained: dict[str, Outgoing] = {}  # {topic: what was published there last}
        self.left_out = 0

    def add(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        if self.waiting.full():
            self.waiting.get_nowait()
            self.left_out += 1
        self.waiting.put_nowait((topic, payload, retained))

    def add_messages(self, messages: list[Message]) -> None:
        """Pass messages on as they came; what is no row is not passed on."""
        for message in messages:
            if isinstance(message.payload, dict):
                self.add(message.topic, msgspec.json.encode(message.payload))

    def show(self, board: dict[str, Any] | None, next_session: str) -> None:
        """Tell Home Assistant what has changed."""
        if self.home_assistant and (state := sensor_states(board, next_session)) != self.state:
            self.state = state
            self.add(STATE_TOPIC, msgspec.json.encode(state), retained=True)

    def stand_by(self) -> None:
        """Another process receives the session, and knows better what is shown."""
        self.state = None
        self.retained.clear()

    def first_messages(self) -> list[Outgoing]:
        """What every connection begins with, as a broker that was started again may have forgotten what was retained."""
        return [*discovery(), *self.retained.values()] if self.home_assistant else []

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                async with open_client(self.url, "", "") as client:
                    for topic, payload, retained in self.first_messages():
                        await client.publish(topic, payload, retain=retained)
                    while True:
                        topic, payload, retained = await self.waiting.get()
                        if retained:  # also where this connection ends before it is sent
                            self.retained[topic] = topic, payload, retained
                        await client.publish(topic, payload, retain=retained)
            except Exception as error:  # of the broker, or of a topic that it does not take: the next message may be fine
                log.warning("LIVE_MQTT_URL cannot be published to: %r", error)
                await asyncio.sleep(5)
