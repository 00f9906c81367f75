"""Two to four laps over the distance: speed, pedals, gear, engine, DRS, and the delta with its band."""

from typing import Any

from pages import comparing
from pages.analyses import empty_chart
from pages.chart import Chart
from pages.charts import View
from pages.lap_choice import ChosenLap, chosen_laps, sampled_cars
from pages.rows import SessionRows
from pages.state import BadState, State
from pages.strips import FULL, layout_strips
from pages.track_map import layout_map


def build(rows: SessionRows, state: State) -> Chart:
    """The laps that the state names, compared by distance."""
    zoom, chosen = zoomed(state), chosen_laps(rows, state)
    asked_at = rows.version_beside(comparing.version)
    data = comparing.compared(chosen, asked_at) if chosen else "No lap of this session has a time."
    if isinstance(data, str):
        if state.query.get("laps") and "no samples" not in data:
            raise BadState(data)
        return empty_chart("telemetry", "Telemetry", data, lacks_samples="samples" in data)
    zoom = zoom and (min(zoom[0], data["length"] - 50), min(zoom[1], data["length"]))
    return Chart(
        view="telemetry",
        title="Telemetry",
        summary=summary(chosen, data),
        x_label="Metres from the start line",
        table=comparing.table_of(data, step=10 if state.query.get("format") == "csv" else comparing.TABLE_STEP),
        cars=[lap.car for lap in chosen],
        notes=comparing.notes(data),
        data=data | ({"zoom": zoom} if zoom else {}),
    )


def zoomed(state: State) -> tuple[float, float] | None:
    """`zoom=1200-2400`: the metres that are shown; None for the whole lap."""
    value = state.query.get("zoom", "")
    if not value:
        return None
    begin, _, end = value.partition("-")
    if not (begin.isdigit() and end.isdigit() and int(begin) < int(end)):
        raise BadState(
            f"zoom={value!r} is no part of a lap; write two distances in metres, the lower first, e.g. zoom=1200-2400."
        )
    return float(begin), float(end)


def summary(chosen: list[ChosenLap], data: dict[str, Any]) -> str:
    """Who compares with whom, and by how much."""
    first, *others = data["laps"]
    names = [f"{lap.car.name}, {lap.label}" for lap in chosen]
    if not others or first["lap_duration"] is None:
        return f"{names[0]}: one lap over its distance."
    parts = [
        f"{name} is {abs(lap['lap_duration'] - first['lap_duration']):.3f} s "
        f"{'slower' if lap['lap_duration'] > first['lap_duration'] else 'faster'}"
        for name, lap in zip(names[1:], others, strict=True)
    ]
    return f"Against {names[0]}: {'; '.join(parts)}."


def document(chart: Chart) -> dict[str, Any]:
    """The chart as JSON: its columns by name."""
    return {
        "view": chart.view,
        "title": chart.title,
        "summary": chart.summary,
        "notes": chart.notes,
        "empty": chart.empty,
        **chart.data,
    }


def layout(chart: Chart) -> dict[str, Any]:
    drawn = layout_strips(chart.data, FULL)
    return drawn | ({"map": layout_map(chart.data, chart.cars, "speed")} if chart.data["circuit"] else {})


VIEW = View(
    name="telemetry",
    title="Telemetry",
    about="Where on the lap was one faster than the other, and how sure is that?",
    build=build,
    parameters=("laps", "zoom"),
    sessions=None,
    template="pages/views/telemetry.html",
    layout=layout,
    tables=sampled_cars,
    version=comparing.version,
    document=document,
)
