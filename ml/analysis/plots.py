"""Pictures of the answers."""

import io
from typing import TYPE_CHECKING, Any

from ml.plots import ACTUAL, MODEL, NAIVE, QUIET, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMPOUNDS = {"SOFT": "#da291c", "MEDIUM": "#e0a800", "HARD": "#6b7280", "INTERMEDIATE": "#43b02a", "WET": "#0067ad"}
# Of each question: what names a row, its value, its interval (a key, or two), and what the axis says.
ROWS: dict[str, tuple[str, str, str | tuple[str, str] | None, str]] = {
    "race-pace": ("name", "gap", "band", "s behind the best median lap, without fuel; bars: 0.02 to 0.04 s per kg"),
    "consistency": ("name", "mad", None, "median distance of a lap from the stint's trend, s"),
    "long-runs": ("name", "median", None, "median lap of the run, s"),
    "degradation": ("compound", "slope", "interval", "s per lap of age; bars: 95 %"),
    "team-mates": ("pair", "delta", "interval", "s by which the second is slower; bars: 95 %"),
    "qualifying-gap": ("name", "gap_percent", None, "% behind the fastest lap"),
    "pit-loss": ("track", "median", ("p10", "p90"), "s that a stop costs; bars: 80 % of the stops"),
    "crossover": ("pair", "age", ("p10", "p90"), "laps of age; bars: 80 %"),
    "undercut": ("pair", "gain", None, "s gained by stopping first"),
}


def encode(answer: dict[str, Any], form: str) -> bytes:
    """The picture of an answer as an SVG or PNG file. ValueError where there is nothing to draw."""
    file = io.BytesIO()
    drawn(answer).savefig(file, format=form, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


def drawn(answer: dict[str, Any]) -> "Figure":
    """The picture of an answer of `analysis.ask`. ValueError where it has no rows."""
    rows = named(answer)
    if not rows:
        raise ValueError("there is nothing to draw.")
    session = answer["session"]
    title = f"{session['year']} {session['race']}, {session['session_name']}: {answer['question'].replace('-', ' ')}"
    return evolution(rows, title) if answer["question"] == "stint-pace" else dots(answer["question"], rows, title)


def named(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with what a picture calls them; without those that have nothing to show."""
    match answer["question"]:
        case "team-mates":
            rows = [{**row, **row["lap"], "pair": f"{row['first']} – {row['second']}"} for row in answer["rows"]]
            return [row for row in rows if row["delta"] is not None]
        case "undercut":
            return [{**row, "pair": f"{row['name']} on {row['on']}, lap {row['lap_number']}"} for row in answer["rows"]]
        case "crossover":
            return [{**row, "pair": f"{row['faster_when_new']} / {row['other']}"} for row in answer["rows"] if "age" in row]
        case "long-runs":
            return [{**row, "name": f"{row['name']}, {row['compound']}, {row['laps']} laps"} for row in answer["rows"]]
    return answer["rows"]


def dots(question: str, rows: list[dict[str, Any]], title: str) -> "Figure":
    """A dot per row, with its interval."""
    label, value, ends, about = ROWS[question]
    figure, axes = canvas(title, across=about, up="", height=1.6 + 0.27 * len(rows))
    for place, row in enumerate(rows):
        interval = row[ends] if isinstance(ends, str) else [row[end] for end in ends] if ends else None
        if interval:
            axes.hlines(place, *interval, color=NAIVE, linewidth=2.5)
        axes.scatter(row[value], place, color=COMPOUNDS.get(str(row.get("compound")), MODEL), zorder=3)
    axes.set_yticks(range(len(rows)), [row[label] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    if min(row[value] for row in rows) <= 0:
        axes.axvline(0, color=ACTUAL, linewidth=0.8)
    return figure


def evolution(rows: list[dict[str, Any]], title: str) -> "Figure":
    """Laps without fuel, a small picture per driver, coloured by compound."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    across = 4
    down = -(-len(names) // across)
    figure, axes = canvas("", across="", up="", height=1 + 1.6 * down)
    axes.remove()
    figure.suptitle(f"{title} (s, without fuel)", fontsize=11)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for place, name in enumerate(names):
        one = grid[place // across][place % across]
        for row in rows:
            if row["name"] == name:
                laps, times = zip(*row["evolution"], strict=True)
                one.plot(laps, times, ".-", color=COMPOUNDS.get(str(row["compound"]), ACTUAL), linewidth=0.8, markersize=2.5)
        one.set_title(name, fontsize=8)
        one.grid(color=QUIET, linewidth=0.4)
        one.tick_params(labelsize=7)
    for spare in grid.ravel()[len(names) :]:
        spare.set_visible(False)
    return figure
