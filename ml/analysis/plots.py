"""Pictures of the answers: in the colours of teams and compounds, and the cars' order, that the pages have."""

import io
import itertools
from typing import TYPE_CHECKING, Any

from jobs.wording import plural
from ml.cars import stored_looks
from ml.plots import ACTUAL, MODEL, NAIVE, QUIET, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMPOUNDS = {"SOFT": "#da291c", "MEDIUM": "#e0a800", "HARD": "#6b7280", "INTERMEDIATE": "#43b02a", "WET": "#0067ad"}
# Of each question: what names a row, its value, its interval (a key, or two), and what the axis says.
ROWS: dict[str, tuple[str, str, str | tuple[str, str] | None, str]] = {
    "race-pace": ("name", "gap", "band", "s behind the best median lap, without fuel; bars: 0.02 to 0.04 s per kg"),
    "consistency": ("name", "mad", None, "median distance of a lap from the stint's trend, s"),
    "long-runs": ("label", "median", None, "median lap of the run, s"),
    "degradation": ("compound", "slope", "interval", "s per lap of age; bars: 95 %"),
    "team-mates": ("label", "delta", "interval", "s by which the second is slower; bars: 95 %"),
    "qualifying-gap": ("name", "gap_percent", None, "% behind the fastest lap"),
    "undercut": ("label", "gain", None, "s gained by stopping first"),
}
BY_COMPOUND = ("long-runs", "degradation")
ACROSS = 4  # small pictures beside each other


def encode(answer: dict[str, Any], form: str) -> bytes:
    """The picture of an answer as an SVG or PNG file. ValueError where there is nothing to draw."""
    file = io.BytesIO()
    drawn(answer).savefig(file, format=form, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


def drawn(answer: dict[str, Any]) -> "Figure":
    """The picture of an answer of `analysis.ask`. ValueError where it has no rows."""
    rows = labelled(answer)
    if not rows:
        raise ValueError("there is nothing to draw.")
    session, question = answer["session"], answer["question"]
    title = f"{session['year']} {session['race']}, {session['session_name']}: {question.replace('-', ' ')}"
    looks = {look.acronym: look.light for look in stored_looks(session["session_id"])}
    match question:
        case "stint-pace":
            return evolution(rows, title, order=[*looks])
        case "pit-loss":
            return losses(answer, title, looks)
        case "crossover":
            return crossovers(rows, title)
    return dots(question, rows, title, looks, left_out=len(answer["rows"]) - len(rows) if question == "undercut" else 0)


def labelled(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with what a picture calls them; without those that have nothing to show, and undercuts with a slow stop."""
    rows = answer["rows"]
    match answer["question"]:
        case "team-mates":
            rows = [{**row, **row["lap"], "name": row["second"], "label": f"{row['first']} – {row['second']}"} for row in rows]
            return [row for row in rows if row["delta"] is not None]
        case "undercut":
            return [{**row, "label": f"{row['name']} on {row['on']}, lap {row['lap_number']}"} for row in rows if not row["slow"]]
        case "crossover":
            return [row for row in rows if "ages" in row]
        case "long-runs":
            return [{**row, "label": f"{row['name']}, {row['compound']}, {plural(row['laps'], 'lap')}"} for row in rows]
    return rows


def dots(question: str, rows: list[dict[str, Any]], title: str, looks: dict[str, str], *, left_out: int = 0) -> "Figure":
    """A dot per row, with its interval."""
    label, value, ends, about = ROWS[question]
    about += f"; {left_out} with a slow stop left out" if left_out else ""
    figure, axes = canvas(title, across=about, up="", height=1.6 + 0.27 * len(rows))
    for place, row in enumerate(rows):
        interval = row[ends] if isinstance(ends, str) else [row[end] for end in ends] if ends else None
        if interval:
            axes.hlines(place, *interval, color=NAIVE, linewidth=2.5)
        own = COMPOUNDS.get(str(row.get("compound"))) if question in BY_COMPOUND else looks.get(row["name"])
        axes.scatter(row[value], place, color=own or MODEL, s=45, zorder=3)
    axes.set_yticks(range(len(rows)), [row[label] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    if min(row[value] for row in rows) <= 0:
        axes.axvline(0, color=ACTUAL, linewidth=0.8)
    return figure


def losses(answer: dict[str, Any], title: str, looks: dict[str, str]) -> "Figure":
    """A dot per stop in the colour of its team, by track, around the median and between the ends of 80 %."""
    tracks = [row for row in answer["rows"] if row["track"] in answer["stops"]]
    figure, axes = canvas(
        title, across="s that a stop costs; bars: median and 80 % of the stops", up="", height=1.6 + 1.5 * len(tracks)
    )
    for place, row in enumerate(tracks):
        axes.hlines(place, row["p10"], row["p90"], color=QUIET, linewidth=26)
        axes.vlines(row["median"], place - 0.32, place + 0.32, color=ACTUAL, linewidth=1.5)
        stops = answer["stops"][row["track"]]
        heights = swarm([stop["loss"] for stop in stops])
        for stop, height in zip(stops, heights, strict=True):
            axes.scatter(stop["loss"], place + height, color=looks.get(stop["name"], MODEL), s=26, zorder=3)
    labels = {"green": "free track", "neutralised": "safety car,\nvirtual or not"}
    axes.set_yticks(range(len(tracks)), [f"{labels[row['track']]}\n{plural(row['stops'], 'stop')}" for row in tracks])
    axes.set_ylim(len(tracks) - 0.4, -0.6)
    return figure


def swarm(values: list[float], *, bins: int = 40, step: float = 0.07) -> list[float]:
    """Heights at which dots of alike values lie beside each other, around 0."""
    width = (max(values) - min(values)) / bins or 1.0
    taken: dict[int, int] = {}
    heights = []
    for value in values:
        column = round(value / width)
        number = taken[column] = taken.get(column, 0) + 1
        heights.append(step * (number // 2) * (1 if number % 2 else -1))
    return heights


def crossovers(rows: list[dict[str, Any]], title: str) -> "Figure":
    """The distribution of each crossover: an area between two quantiles holds the same share everywhere."""
    about = "age of both tyres in laps at which the first has become the slower one; dots: median and 80 %"
    figure, axes = canvas(title, across=about, up="", height=1.6 + 0.95 * len(rows))
    for place, row in enumerate(rows):
        ages, colour = row["ages"], COMPOUNDS.get(row["faster_when_new"], MODEL)
        middles = [(one + other) / 2 for one, other in itertools.pairwise(ages)]
        heights = [1 / max(other - one, 0.05) for one, other in itertools.pairwise(ages)]
        tops = [place + 0.3 - 0.75 * height / max(heights) for height in smooth(heights)]
        axes.fill_between(middles, tops, place + 0.3, color=colour, alpha=0.45, linewidth=0)
        axes.hlines(place + 0.3, row["p10"], row["p90"], color=ACTUAL, linewidth=1.2)
        axes.scatter([row["p10"], row["age"], row["p90"]], [place + 0.3] * 3, color=ACTUAL, s=[12, 30, 12], zorder=3)
    names = [f"{row['faster_when_new']} / {row['other']}\nnever: {row['never']:.0%}" for row in rows]
    axes.set_yticks([place + 0.1 for place in range(len(rows))], names)
    axes.set_ylim(len(rows) - 0.4, -0.7)
    return figure


def smooth(values: list[float]) -> list[float]:
    """Means of three neighbours."""
    padded = [values[0], *values, values[-1]]
    return [sum(padded[at : at + 3]) / 3 for at in range(len(values))]


def evolution(rows: list[dict[str, Any]], title: str, *, order: list[str]) -> "Figure":
    """Laps without fuel, a small picture per driver in finishing order, coloured by compound."""
    driven = {row["name"] for row in rows}
    names = [name for name in order if name in driven] + sorted(driven - {*order})
    down = -(-len(names) // ACROSS)
    figure, axes = canvas("", across="", up="", height=1.4 + 1.6 * down)
    axes.remove()
    figure.suptitle(f"{title} (s, without fuel; in finishing order)", fontsize=11)
    grid = figure.subplots(down, ACROSS, sharex=True, sharey=True, squeeze=False)
    for place, name in enumerate(names):
        one = grid[place // ACROSS][place % ACROSS]
        for row in rows:
            if row["name"] == name:
                laps, times = zip(*row["evolution"], strict=True)
                one.plot(laps, times, ".-", color=COMPOUNDS.get(str(row["compound"]), ACTUAL), linewidth=0.8, markersize=2.5)
        one.set_title(name, fontsize=8)
        one.grid(color=QUIET, linewidth=0.4)
        one.tick_params(labelsize=7)
    for spare in grid.ravel()[len(names) :]:
        spare.set_visible(False)
    add_legend(figure, [compound for compound in COMPOUNDS if any(row["compound"] == compound for row in rows)])
    figure.supxlabel("lap", fontsize=8)
    return figure


def add_legend(figure: "Figure", compounds: list[str]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=COMPOUNDS[name], marker=".", label=name.lower()) for name in compounds]
    figure.legend(handles=lines, loc="outside lower right", ncols=len(lines), frameon=False, fontsize=8)
