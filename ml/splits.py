"""Splits of laps into training and test laps, by whole races except for `random`."""

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FOLDS = 5
MIN_TRAINING_RACES = 2  # of the first fold of `rolling`
TEST_RACES = 4  # of each fold of `rolling`
NAMES = "by_race, by_season, before:YYYY-MM-DD, rolling, random"


def is_leaky(split: str) -> bool:
    """Whether laps of one race are in both the training and the test set."""
    return split == "random"


def is_known(split: str) -> bool:
    """Whether a split is one of those here, which say which laps are tested."""
    try:
        check_split(split)
    except ValueError:
        return False
    return True


def check_split(split: str) -> None:
    """ValueError where there is no such split, before anything is loaded for it."""
    if split.startswith("before:"):
        read_day(split.removeprefix("before:"))
    elif split not in ("by_race", "by_season", "rolling", "random"):
        raise ValueError(f"There is no split {split!r}; there are: {NAMES}.")


def split_laps(laps: "pd.DataFrame", split: str, *, seed: int) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
    """Yield (training mask, test mask) over the laps for each fold; ValueError for an unknown split or an empty set."""
    import numpy as np

    check_split(split)
    dates = laps.groupby("session_id")["session_date"].first().sort_values()
    session = laps["session_id"].to_numpy()
    if split == "random":
        test = np.random.default_rng(seed).random(len(laps)) < 1 / FOLDS
        masks = [(~test, test)]
    elif split == "by_race":
        order = np.random.default_rng(seed).permutation(len(dates)) % FOLDS
        folds = [np.isin(session, dates.index[order == fold]) for fold in range(min(FOLDS, len(dates)))]
        masks = [(~test, test) for test in folds]
    elif split == "by_season":
        masks = [
            ((laps["season"] != season).to_numpy(), (laps["season"] == season).to_numpy()) for season in laps["season"].unique()
        ]
    elif split == "rolling":
        starts = range(max(MIN_TRAINING_RACES, len(dates) // 3), len(dates), TEST_RACES)
        masks = [(np.isin(session, dates.index[:at]), np.isin(session, dates.index[at : at + TEST_RACES])) for at in starts]
    else:
        masks = [before(laps, split.removeprefix("before:"))]
    if not masks or not all(training.any() and test.any() for training, test in masks):
        raise ValueError(f"The split {split!r} leaves no training or no test laps: the laps are of {len(dates)} race(s).")
    yield from masks


def before(laps: "pd.DataFrame", text: str) -> "tuple[np.ndarray, np.ndarray]":
    training = (laps["session_date"].dt.date < read_day(text)).to_numpy()
    return training, ~training


def read_day(text: str) -> date:
    reason = f"{text!r} is none"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):  # Python reads other ISO dates, too
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            reason = str(error)
    raise ValueError(f"The split before:{text} needs a date such as before:2024-01-01: {reason}.")
