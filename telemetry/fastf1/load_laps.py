"""Load sessions with FastF1 and save their laps. Runs in FastF1's own Python: load_laps.py CACHE FOLDER SESSIONS_AS_JSON"""

import json
import logging
import re
import sys
import unicodedata
from typing import Any

import fastf1


def normalise_name(name: str) -> str:
    """A name without accents, case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", name).casefold())


def load(request: dict[str, Any]) -> Any:
    """The laps of one session as FastF1's DataFrame."""
    schedule = fastf1.get_event_schedule(request["year"], include_testing=False)
    rounds = {
        normalise_name(name): int(number) for name, number in zip(schedule["EventName"], schedule["RoundNumber"], strict=True)
    }
    number = rounds.get(normalise_name(request["race_name"]))
    if number is None:
        raise LookupError(f"FastF1 has no {request['race_name']} of {request['year']}")
    session = fastf1.get_session(request["year"], number, request["session_name"])
    session.load(laps=True, telemetry=False, weather=False, messages=False)
    return session.laps


def main(cache: str, folder: str, sessions: str) -> None:
    logging.getLogger("fastf1").setLevel(logging.ERROR)
    fastf1.Cache.configure(cache_dir=cache)
    for request in json.loads(sessions):
        result = {"session_id": request["session_id"], "version": fastf1.__version__, "error": ""}
        result["file"] = f"{folder}/{request['session_id']}.csv"
        try:
            load(request).to_csv(result["file"], index=False)
        except Exception as error:  # FastF1 does not document its errors; load the other sessions after any of them
            result["error"] = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
