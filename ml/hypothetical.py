"""Predictions of laps that nobody has driven, by the champion of `lap_time`.

This module loads scikit-learn: import it inside functions.
"""

import math

import numpy as np
import pandas as pd
from django.utils import timezone

from drivers.models import Entry
from ml import circuits, tasks
from ml.champions import Champion, load_champion
from ml.prediction import Lap, Prediction, single_threaded

HYPOTHETICAL_TASK = "lap_time"


@single_threaded
def predict_hypothetical(
    *,
    lap_number: int,
    circuit_name: str,
    driver_id: str = "",
    tyre_compound: str = "UNKNOWN",
    race_laps: int | None = None,
    **conditions: float,
) -> Prediction:
    """Predict a lap that nobody has driven, from what the last race at the circuit says, and tyres, driver and weather.

    conditions: `stint_number`, `tyre_age` (laps), `air_temperature`, `track_temperature` (°C), `rainfall` (0 or 1); unknown where
    left out. At a circuit that the champion knows nothing of, the interval is the range of the circuits that it knows.
    """
    champion = load_champion(HYPOTHETICAL_TASK)
    levels = champion.circuit_levels()
    level = levels.get(circuit_name, circuits.Level(math.nan, math.nan, lap_number))
    names = ("stint_number", "tyre_age", "track_temperature", "rainfall")
    lap = pd.DataFrame(
        {
            "lap_number": [float(lap_number)],
            "race_laps": [float(race_laps or max(level.race_laps, lap_number))],
            "compound": [tyre_compound],
            **{name: [float(conditions.get(name, np.nan))] for name in names},
        }
    )
    driver_delta, warnings = driver_effect(champion, driver_id)
    inputs = tasks.hypothetical_inputs(lap, pd.Series([driver_delta]))
    champion.check_inputs(inputs)
    if circuit_name not in levels:
        return unknown_circuit(champion, levels, lap_number=lap_number, circuit_name=circuit_name)
    anchor = float(tasks.hypothetical_anchor(lap, pd.DataFrame([level._asdict()]), pd.Series([driver_delta]))[0])
    low, high = champion.intervals.predict(inputs, pd.Series([np.nan]), lap, pd.Series([0.0]))
    seconds = anchor + float(champion.estimator.predict(inputs)[0])
    if tyre_compound in ("INTERMEDIATE", "WET"):
        warnings.append(f"{tyre_compound} tyres: the model has learnt from dry laps only, so this is a lap on a dry track.")
    warnings += champion.range_warnings(inputs)
    predicted = Lap(lap_number, seconds, anchor + float(low[0]), anchor + float(high[0]), HYPOTHETICAL_TASK)
    return Prediction([predicted], {HYPOTHETICAL_TASK: champion}, warnings)


def unknown_circuit(champion: Champion, levels: dict[str, circuits.Level], *, lap_number: int, circuit_name: str) -> Prediction:
    """The range of the circuits that are known, for a circuit that is not."""
    low, middle, high = np.quantile([level.level for level in levels.values()], [0.1, 0.5, 0.9]).tolist()
    warning = (
        f"No race at {circuit_name} was learnt from, so nothing is known of its laps: this is the range of the circuits that are "
        f"known, {', '.join(sorted(levels))}."
    )
    return Prediction([Lap(lap_number, middle, low, high, HYPOTHETICAL_TASK)], {HYPOTHETICAL_TASK: champion}, [warning])


def driver_effect(champion: Champion, driver_id: str) -> tuple[float, list[str]]:
    """(seconds that a driver is slower than the field's pace over past races, what to say where nothing is known of them)."""
    if not driver_id:
        return 0.0, []
    entries = Entry.objects.filter(driver_id=driver_id).order_by("-session__date_start")
    number = entries.values_list("driver_number", flat=True).first()
    memory = champion.memory(timezone.now())
    if number is None or ("driver", "delta", number) not in memory.sums:
        return 0.0, [f"No lap of {driver_id} was learnt from: this is a lap of an average driver."]
    return memory.mean("driver", "delta", number), []
