"""What happened on track, by topic: laps, stints, track (pit stops, positions, …), samples, quality, fastf1."""

from telemetry.models.calibration import DeltaCalibration
from telemetry.models.fastf1 import FastF1Comparison
from telemetry.models.laps import Lap
from telemetry.models.quality import SessionQuality
from telemetry.models.samples import CarSample, LocationSample, SampleFile, Telemetry
from telemetry.models.stints import Stint
from telemetry.models.track import Interval, Overtake, Pit, Position, TeamRadio

__all__ = [
    "CarSample",
    "DeltaCalibration",
    "FastF1Comparison",
    "Interval",
    "Lap",
    "LocationSample",
    "Overtake",
    "Pit",
    "Position",
    "SampleFile",
    "SessionQuality",
    "Stint",
    "TeamRadio",
    "Telemetry",
]
