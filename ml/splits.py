"""What is learnt from, and what is asked: ways to divide laps, by race in all of them but `random`."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FOLDS = 5
FEWEST = 2  # races that `rolling` begins with, at least
BLOCK = 4  # races that `rolling` predicts before it learns again
NAMES = "by_race, by_season, before:YYYY-MM-DD, rolling, random"


def is_leaky(split: str) -> bool:
    """Whether laps of one race are on both sides, so that a model is asked what it has been told."""
    return split == "random"


def divide(laps: "pd.DataFrame", split: str, *, seed: int) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
    """Pairs of masks over the laps: learnt from, asked. Raises ValueError for an unknown split, or an empty side."""
    import numpy as np

    dates = laps.groupby("session_id")["session_date"].first().sort_values()
    session = laps["session_id"].to_numpy()
    if split == "random":
        asked = np.random.default_rng(seed).random(len(laps)) < 1 / FOLDS
        parts = [(~asked, asked)]
    elif split == "by_race":
        order = np.random.default_rng(seed).permutation(len(dates)) % FOLDS
        folds = [np.isin(session, dates.index[order == fold]) for fold in range(min(FOLDS, len(dates)))]
        parts = [(~asked, asked) for asked in folds]
    elif split == "by_season":
        parts = [
            ((laps["season"] != season).to_numpy(), (laps["season"] == season).to_numpy()) for season in laps["season"].unique()
        ]
    elif split == "rolling":
        starts = range(max(FEWEST, len(dates) // 3), len(dates), BLOCK)
        parts = [(np.isin(session, dates.index[:at]), np.isin(session, dates.index[at : at + BLOCK])) for at in starts]
    elif split.startswith("before:"):
        parts = [before(laps, split.removeprefix("before:"))]
    else:
        raise ValueError(f"There is no split {split!r}; there are: {NAMES}.")
    if not parts or not all(learnt.any() and asked.any() for learnt, asked in parts):
        raise ValueError(
            f"The split {split!r} leaves nothing to learn from or nothing to ask: the laps are of {len(dates)} race(s)."
        )
    yield from parts


def before(laps: "pd.DataFrame", text: str) -> "tuple[np.ndarray, np.ndarray]":
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"The split before:{text} needs a date such as before:2024-01-01.") from None
    learnt = (laps["session_date"].dt.date < day).to_numpy()
    return learnt, ~learnt
