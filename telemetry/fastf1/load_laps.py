"""Load sessions with FastF1 and save their laps. Runs in FastF1's own Python: load_laps.py CACHE FOLDER SESSIONS_AS_JSON"""

import json
import logging
import re
import sys
import unicodedata
from typing import Any

import fastf1


def folded(name: str) -> str:
    """Without accents, case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", name).casefold())


def load(asked: dict[str, Any]) -> Any:
    """The laps of one session as FastF1's DataFrame."""
    schedule = fastf1.get_event_schedule(asked["year"], include_testing=False)
    rounds = {folded(name): int(number) for name, number in zip(schedule["EventName"], schedule["RoundNumber"], strict=True)}
    number = rounds.get(folded(asked["race_name"]))
    if number is None:
        raise LookupError(f"FastF1 knows no {asked['race_name']} of {asked['year']}")
    session = fastf1.get_session(asked["year"], number, asked["session_name"])
    session.load(laps=True, telemetry=False, weather=False, messages=False)
    return session.laps


def main(cache: str, folder: str, sessions: str) -> None:
    logging.getLogger("fastf1").setLevel(logging.ERROR)
    fastf1.Cache.configure(cache_dir=cache)
    for asked in json.loads(sessions):
        answer = {"session_id": asked["session_id"], "version": fastf1.__version__, "error": ""}
        answer["file"] = f"{folder}/{asked['session_id']}.csv"
        try:
            load(asked).to_csv(answer["file"], index=False)
        except Exception as error:  # FastF1 raises what its sources and libraries raise; the others are to be loaded all the same
            answer["error"] = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
