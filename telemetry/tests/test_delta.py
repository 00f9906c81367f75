"""Laps timed by speed, positions and official times: against the truth of invented laps, and against plain algebra."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from scipy.interpolate import PchipInterpolator

from mirror import versions
from telemetry.calibrating import frame_of, sampled_laps
from telemetry.circuits import circuit_for, stored_line
from telemetry.delta.integral import SpeedIntegral
from telemetry.delta.smoothing import smooth
from telemetry.delta.timing import FINISH, SECTOR_1, SECTOR_2, time_lap
from telemetry.delta.validation import LINES, factors, judge, leave_lines_out
from telemetry.lap_samples import NoSamples, files_of, read_lap
from telemetry.models import DeltaCalibration, Lap, SampleFile
from telemetry.tests import driven

TRACK = driven.build_track()


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def session(db):
    session = driven.make_session()
    session.clocks = driven.drive(session, TRACK, jitter=0.05)
    return session


@pytest.fixture
def frame(session):
    return frame_of(session)


def timed(session, frame, *, car=4, number=3, **options):
    lap = Lap.objects.get(session=session, driver_number=car, lap_number=number)
    samples, _ = read_lap(lap, files_of([session.pk]), frame.line)
    return samples, time_lap(samples, frame.lines, scale=frame.scale_of(car), **options)


@pytest.mark.once
def test_the_integral_is_that_of_a_monotone_cubic():
    random = np.random.default_rng(3)
    times = np.cumsum(random.uniform(0.2, 0.5, 60))
    speeds = random.uniform(20, 90, 60)
    moments = np.linspace(times[0], times[-1], 500)
    expected = PchipInterpolator(times, speeds).antiderivative()
    ours = SpeedIntegral(times, speeds)
    inner = slice(1, -1)  # the two ends are a matter of taste
    piece = np.searchsorted(times, moments)
    inside = (piece > 1) & (piece < len(times) - 1)
    assert ours.way(moments)[inside] - ours.way(times[1:2]) == pytest.approx(
        (expected(moments) - expected(times[1]))[inside], abs=1e-6
    )
    assert ours.speed(times[inner]) == pytest.approx(speeds[inner])


@pytest.mark.once
def test_the_smoother_gives_the_least_squares_solution_with_its_covariance():
    random = np.random.default_rng(4)
    observed, noise, steps = random.normal(0, 1, 30), random.uniform(0.1, 2, 30), random.uniform(0.01, 0.5, 30)
    noise[[4, 17]] = np.inf
    precision = np.diag(1 / noise) + np.diag([1 / (1e6 + steps[0]), *[0] * 29])
    for at in range(1, 30):
        precision[np.ix_([at - 1, at], [at - 1, at])] += np.array([[1, -1], [-1, 1]]) / steps[at]
    covariance = np.linalg.inv(precision)
    found = smooth(observed.tolist(), noise.tolist(), steps.tolist())
    assert found.means == pytest.approx(covariance @ np.where(np.isfinite(noise), observed / noise, 0), abs=1e-4)
    assert found.variances == pytest.approx(np.diag(covariance), abs=1e-4)
    later = np.arange(5, 30)
    assert found.correlation(later - 5, later) * found.variances[later] == pytest.approx(covariance[later - 5, later], abs=1e-4)


def test_a_lap_is_exact_at_the_official_lines_and_near_the_truth_between(session, frame):
    samples, lap = timed(session, frame)
    assert lap.time_at(frame.lines) == pytest.approx(samples.official, abs=0.001)
    truth = session.clocks[4, 3]
    metres = np.arange(0, len(truth) - 1, 10)
    errors = lap.time_at(metres * frame.circuit.length / TRACK.length) - truth[metres]
    assert np.abs(errors).max() < 0.06
    assert np.abs(errors).mean() < 0.02


def test_a_lap_is_more_certain_near_a_line(session, frame):
    _, lap = timed(session, frame)
    first, second = frame.lines[[SECTOR_1, SECTOR_2]]
    deviations = np.sqrt(lap.variance_at(np.array([first, first + 10, (first + second) / 2])))
    assert deviations[0] < deviations[1] < deviations[2]


def test_the_gain_of_a_stretch_is_more_certain_than_independent_ends_would_be(session, frame):
    _, lap = timed(session, frame)
    ends = np.linspace(0, frame.circuit.length, 26)
    independent = lap.variance_at(ends)[1:] + lap.variance_at(ends)[:-1]
    assert (lap.gain_variances(ends)[2:8] < independent[2:8]).all()


def test_a_line_that_is_left_out_is_not_used(session, frame):
    samples, lap = timed(session, frame, left_out=SECTOR_1)
    assert lap.time_at(frame.lines)[[0, SECTOR_2, FINISH]] == pytest.approx(samples.official[[0, SECTOR_2, FINISH]], abs=0.001)
    assert lap.variance_at(frame.lines[[SECTOR_1]]) > timed(session, frame)[1].variance_at(frame.lines[[SECTOR_1]])


def test_without_a_sector_time_the_lines_that_are_known_are_used(session, frame):
    Lap.objects.filter(session=session).update(duration_sector_2=None, duration_sector_3=None)
    samples, lap = timed(session, frame)
    assert np.isnan(samples.official[SECTOR_2])
    known = [0, SECTOR_1, FINISH]
    assert lap.time_at(frame.lines)[known] == pytest.approx(samples.official[known], abs=0.001)


def test_without_positions_speed_is_pinned_and_less_certain(session, frame):
    with_positions = timed(session, frame)[1]
    SampleFile.objects.filter(collection="location").delete()
    versions.touch("location", session.pk)
    alone = frame_of(session)
    assert not alone.calibration.with_positions
    samples, lap = timed(session, alone)
    assert not samples.has_positions
    assert lap.time_at(alone.lines) == pytest.approx(samples.official, abs=0.001)
    middle = np.array([alone.lines[1:3].mean()])
    assert lap.variance_at(middle) > with_positions.variance_at(middle)


def test_laps_that_cannot_be_timed_say_why(session, frame):
    lap = Lap.objects.filter(session=session, driver_number=4, lap_number=3)
    with pytest.raises(NoSamples, match=r"no samples of lap 3 of car 4 in session 10; `manage.py sync_openf1"):
        read_lap(lap.get(), {}, frame.line)
    lap.update(date_start=None)
    with pytest.raises(NoSamples, match="has no start"):
        read_lap(lap.get(), files_of([session.pk]), frame.line)


@pytest.mark.parametrize("seconds", [0.1, 31.0, 2.0**31])
@pytest.mark.parametrize("sector", [1, 2, 3])
def test_a_wrong_sector_pins_no_lap(session, frame, sector, seconds):
    laps = Lap.objects.filter(session=session, driver_number=4, lap_number=3)
    sound = timed(session, frame)[1]
    laps.update(**{f"duration_sector_{sector}": seconds})
    samples, lap = timed(session, frame)
    assert np.isnan(samples.official[[SECTOR_1, SECTOR_2]]).all()
    assert lap.time_at(frame.lines) == pytest.approx(sound.time_at(frame.lines), abs=0.3)


def test_a_lap_that_takes_longer_than_any_can_is_not_timed(session, frame):
    laps = Lap.objects.filter(session=session, driver_number=4, lap_number=3)
    laps.update(lap_duration=2.0**31)
    with pytest.raises(NoSamples, match=r"takes 2147483648.000 s, which no lap does"):
        read_lap(laps.get(), files_of([session.pk]), frame.line)


def test_bands_are_calibrated_on_left_out_lines(session):
    """Errors are drawn with twice the deviation that the filter believes: the factors find that."""
    line = stored_line(circuit_for(session))
    laps = sampled_laps(session.pk, line)
    frame = frame_of(session)
    errors = leave_lines_out(laps, frame.lines, frame.calibration.scales and {lap.car: frame.scale_of(lap.car) for lap in laps})
    assert errors.seconds.shape == (len(laps), len(LINES))
    random = np.random.default_rng(5)
    many = replace(
        errors,
        cars=np.arange(600) % 20,
        seconds=random.normal(0, 0.02, (600, 2)),
        deviations=np.full((600, 2), 0.01),
    )
    found = factors(many)
    assert found[80] == pytest.approx((2.56, 2.56), rel=0.15)
    assert found[95] == pytest.approx((3.92, 3.92), rel=0.15)
    quality = judge(many)
    assert quality.coverage[80] == pytest.approx((0.8, 0.8), abs=0.07)
    assert quality.mae == pytest.approx((22.6, 22.6), rel=0.15)
    assert factors(errors.of_cars({1})) is None
    two = replace(many, cars=np.arange(600) % 2)  # half of them is one car, which has no pair
    assert np.isnan(judge(two).coverage[80]).all()
    assert judge(two).mae == pytest.approx((22.6, 22.6), rel=0.15)


def test_of_two_cars_nobody_knows_how_good_the_bands_are(session, monkeypatch):
    from telemetry.management.commands import validate_delta

    monkeypatch.setattr(validate_delta, "MIN_LAPS", 5)
    monkeypatch.setattr("telemetry.delta.validation.LEAST_PAIRS", 5)
    cars = sorted(set(Lap.objects.filter(session=session).values_list("driver_number", flat=True)))[2:]
    Lap.objects.filter(session=session, driver_number__in=cars).delete()
    assert frame_of(session).calibration.quality is None
    out = StringIO()
    call_command("validate_delta", "--session", str(session.pk), stdout=out)
    [said] = [line for line in out.getvalue().splitlines() if line.startswith("errors within the 80 % band")]
    assert said.split()[-4:] == ["not", "known", "not", "known"]


def test_the_calibration_is_kept_until_laps_or_samples_change(session):
    first = frame_of(session).calibration
    assert frame_of(session).calibration.computed_at == first.computed_at
    versions.touch("laps", session.pk)
    assert frame_of(session).calibration.computed_at > first.computed_at
    assert DeltaCalibration.objects.count() == 1


def test_the_command_shows_each_way_beside_the_others(session, monkeypatch):
    from telemetry.management.commands import validate_delta

    monkeypatch.setattr(validate_delta, "MIN_LAPS", 5)
    out = StringIO()
    call_command("validate_delta", "--session", str(session.pk), stdout=out)
    lines = {line[:40].strip(): line[40:].split() for line in out.getvalue().splitlines()}
    ours = [float(value) for value in lines["speed and positions, smoothed"]]
    naive = [float(value) for value in lines["integrated speed"]]
    assert ours < naive
    assert "ms of CPU time a lap" in out.getvalue()
    with pytest.raises(CommandError, match="no session 77"):
        call_command("validate_delta", "--session", "77")
    Lap.objects.filter(session=session).delete()
    with pytest.raises(CommandError, match="0 laps with samples"):
        call_command("validate_delta", "--session", str(session.pk))
