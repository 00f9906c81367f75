"""All views of a session, in the order in which pages link to them."""

from pages.charts import View, laps, positions, strategy, trace

VIEWS: dict[str, View] = {view.name: view for view in (trace.VIEW, laps.VIEW, positions.VIEW, strategy.VIEW)}
