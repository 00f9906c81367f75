"""All views of a session, in the order in which pages link to them."""

from pages.charts import (
    View,
    changes,
    degradation,
    forecast,
    laps,
    pace,
    positions,
    qualifying,
    replay,
    strategy,
    telemetry,
    trace,
)
from pages.charts import map as track

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        qualifying.VIEW,
        trace.VIEW,
        pace.VIEW,
        laps.VIEW,
        positions.VIEW,
        strategy.VIEW,
        degradation.VIEW,
        telemetry.VIEW,
        track.VIEW,
        replay.VIEW,
        forecast.VIEW,
        changes.VIEW,
    )
}
