"""A lap on the map: by speed, gear or pedals, or who is faster in each of 25 mini-sectors."""

from typing import Any

from pages import comparing
from pages.analyses import empty_chart
from pages.chart import Chart, Choice, Table
from pages.charts import View
from pages.charts.telemetry import document, summary
from pages.lap_choice import chosen_laps, sampled_cars
from pages.rows import SessionRows
from pages.state import BadState, State
from pages.strips import SHORT, layout_strips
from pages.track_map import layout_map
from telemetry.samples.sources import way_to

MODES = {"gain": "who is faster", "speed": "speed", "gear": "gear", "pedals": "throttle and brake"}
NO_POSITIONS = "No positions are stored of this circuit; {}."


def build(rows: SessionRows, state: State) -> Chart:
    """The lap, or the two laps, that the state names."""
    chosen = chosen_laps(rows, state)
    mode = state.choice("by", MODES, "gain" if len(chosen) > 1 else "speed")
    if mode == "gain" and len(chosen) == 1:
        raise BadState("by=gain compares two laps; name two, e.g. laps=VER-20,LEC-20.")
    asked_at = rows.version_beside(comparing.version)
    data = comparing.compared(chosen, asked_at) if chosen else "No lap of this session has a time."
    if isinstance(data, str):
        if state.query.get("laps") and "no samples" not in data:
            raise BadState(data)
        return empty_chart("map", "Map", data, lacks_samples="samples" in data)
    if data["circuit"] is None:
        way = way_to(rows.session.pk, "car_data", "location", source=rows.session.source)
        return empty_chart("map", "Map", NO_POSITIONS.format(way), lacks_samples=True)
    options = [(name, text) for name, text in MODES.items() if name != "gain" or len(chosen) > 1]
    return Chart(
        view="map",
        title="Map",
        summary=f"{data['circuit']['name']}, {about(mode, data, [lap.label for lap in chosen])} {summary(chosen, data)}",
        table=mini_sector_table(data) if mode == "gain" else comparing.table_of(data, step=comparing.TABLE_STEP),
        cars=[lap.car for lap in chosen],
        choices=[Choice("by", "Colour by", mode, options)],
        notes=comparing.notes(data),
        data=data | {"by": mode},
    )


def about(mode: str, data: dict[str, Any], labels: list[str]) -> str:
    """What the colours mean, and what they show."""
    if mode != "gain":
        return f"{labels[0]} by {MODES[mode]}."
    won = [each["won"] for each in data["mini_sectors"]]
    counts = ", ".join(f"{label} in {won.count(label)}" for label in labels[:2])
    return f"who is faster for certain in 25 mini-sectors: {counts}; the others cannot be told."


def mini_sector_table(data: dict[str, Any]) -> Table:
    first, second = (lap["label"] for lap in data["laps"][:2])
    columns = [
        ("Mini-sector", True),
        ("From, m", True),
        ("To, m", True),
        (f"{second} behind {first}, s", True),
        ("95 %, ± s", True),
    ]
    rows = [[each[name] for name in ("number", "from", "to", "gain", "band_95", "won")] for each in data["mini_sectors"]]
    return Table.of([*columns, ("Faster", False)], rows)


def layout(chart: Chart) -> dict[str, Any]:
    return layout_strips(chart.data, SHORT) | {"map": layout_map(chart.data, chart.cars, chart.data["by"])}


VIEW = View(
    name="map",
    title="Map",
    about="Where on the track is who faster, and where does a lap brake, shift and accelerate?",
    build=build,
    parameters=("laps", "by"),
    sessions=None,
    template="pages/views/map.html",
    layout=layout,
    tables=sampled_cars,
    version=comparing.version,
    document=document,
)
