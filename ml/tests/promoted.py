"""Runs on laps of the demo season, as `train_model` records them."""

from ml import building, trials

TASKS = ("next_lap", "pace_delta", "rest_of_stint", "lap_time")


def before_the_last(laps):
    """The split in which the last race is predicted."""
    return f"before:{laps['session_date'].max():%Y-%m-%d}"


def learn(laps, table, task, model="ridge", split=None):
    data = building.Data(laps, table, "a" * 64)
    return trials.trial(data, model=model, task=task, split=split or before_the_last(laps), owner="ada")
