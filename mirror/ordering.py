"""Which sessions of a scope are synced, in which order, and how many requests that takes."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from mirror.feeds import Feed, registry
from mirror.planning import Weekend
from mirror.storage import FileStorage

USUAL_CARS = 20  # of a session whose entries are not stored yet
USEFUL_FIRST = ("Race", "Sprint", "Qualifying")  # sessions whose samples most pages show, in the order they are fetched


def named_sessions(weekends: list[Weekend], names: tuple[str, ...]) -> list[Weekend]:
    """The weekends with only their sessions of these names; ValueError where no session of the scope has one."""
    if not names:
        return weekends
    known = session_names(weekends)
    chosen = []
    for weekend in weekends:
        sessions = [session for session in weekend.sessions if known.get(session) in names]
        if sessions:
            chosen.append(replace(weekend, sessions=sessions, whole=False))
    if not chosen:
        there = ", ".join(sorted(set(known.values()))) or "none that has begun"
        raise ValueError(f"no session of the scope is called {' or '.join(names)}; there are: {there}")
    return chosen


def by_usefulness(weekends: list[Weekend]) -> list[Weekend]:
    """A weekend for each session alone: all races first, then sprints and qualifyings, then the rest."""
    names = session_names(weekends)

    def rank(weekend: Weekend) -> int:
        name = names.get(weekend.sessions[0], "")
        return USEFUL_FIRST.index(name) if name in USEFUL_FIRST else len(USEFUL_FIRST)

    alone = [replace(weekend, sessions=[session], whole=False) for weekend in weekends for session in weekend.sessions]
    return sorted(alone, key=rank)


def session_names(weekends: list[Weekend]) -> dict[int, str]:
    """{session: its name} of the stored sessions of weekends."""
    keys = [session for weekend in weekends for session in weekend.sessions]
    return dict(registry()["sessions"].model._default_manager.filter(pk__in=keys).values_list("pk", "session_name"))


def count_requests(
    weekends: list[Weekend],
    tables: list[Feed],
    *,
    sessions: list[Weekend],
    files: Mapping[str, FileStorage],
    finished: Collection[tuple],
) -> int:
    """About how many requests a sync still sends: one per table and weekend, one per kind of samples, session and car.

    `sessions` as `by_usefulness` gives them; `finished` are the pieces that an interrupted sync has stored.
    """
    count = len(tables) * sum(1 if weekend.whole else len(weekend.sessions) for weekend in weekends)
    for weekend in sessions:
        [session] = weekend.sessions
        for collection, storage in files.items():
            cars = storage.car_numbers(session)
            pieces = {(collection, weekend.race_id, session, car) for car in cars}
            count += len(pieces.difference(finished)) if cars else USUAL_CARS
    return count


def count_steps(weekends: list[Weekend], feeds: list[Feed]) -> int:
    """How many times an observer hears that a piece is stored or skipped: samples are stored session by session."""
    files = sum(isinstance(feed.storage, FileStorage) for feed in feeds)
    return len(weekends) * (len(feeds) - files) + files * sum(len(weekend.sessions) for weekend in weekends)
