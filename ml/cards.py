"""Model cards in Markdown: a model's training data, metrics and limits."""

from typing import TYPE_CHECKING

from jobs.wording import plural
from ml import datasets
from ml.building import Data
from ml.tasks import TASKS
from ml.training import Result, figures
from races.neutralisations import unknown_sessions

if TYPE_CHECKING:
    from ml.models import Run

LIMITS = (
    "Only clean laps (no stop, no flag, dry tyres) are predicted; that a lap will be clean is hindsight, unknown beforehand.",
    "The model does not know what the training laps lack: new rules, new cars, a new circuit, a wet race. Predictions outside "
    "the range of the training laps are marked.",
    "The 80 % intervals contain about four of five laps over many races; in a single race it may be fewer.",
)


def render_card(run: "Run", result: Result, data: Data) -> str:
    """The model card of a run."""
    metrics = figures(result)
    warning = ["> **Leaky**: laps of one race are on both sides of this split. The metrics say nothing about future races.", ""]
    seasons = ", ".join(str(year) for year in sorted(data.laps["season"].unique()))
    excluded = sorted(datasets.excluded(data.laps).items(), key=lambda pair: -pair[1])
    skill = f"{result.skill.value:.1%} (95 % interval {result.skill.low:.1%} to {result.skill.high:.1%})"
    lines = [
        f"# {result.model}, {result.task}",
        "",
        *(warning if result.leaky else []),
        f"{TASKS[result.task].__doc__}",
        "",
        "## Data",
        "",
        f"* {len(data.laps)} laps of {plural(data.laps['session_id'].nunique(), 'session')}, seasons {seasons}; "
        f"dataset `{data.stored.name if data.stored else 'not stored'}`, SHA-256 `{data.sha256}`",
        f"* Split `{result.split}`, seed {result.seed}; this model was trained on {result.last.laps} laps of "
        f"{plural(len(result.last.sessions), 'session')}, the last on {result.last.until}",
        f"* Test laps: {len(result.predictions)} of {plural(result.predictions['session_id'].nunique(), 'session')}",
        f"* Excluded laps: {', '.join(f'{reason} {count}' for reason, count in excluded) or 'none'}",
        *unknown_flags(data),
        "",
        "## Metrics",
        "",
        "| model or baseline | MAE (s) |",
        "|---|---|",
        f"| **{result.model}** | **{result.metrics['mae']:.4f}** |",
        *(f"| {name} | {mae:.4f} |" for name, mae in sorted(result.baselines.items(), key=lambda pair: pair[1])),
        "",
        f"Skill over *{result.baseline}*: {skill}.",
        "",
        "| " + " | ".join(result.metrics) + " |",
        "|" + "---|" * len(result.metrics),
        "| " + " | ".join(f"{value:.4f}" for value in result.metrics.values()) + " |",
        "",
        *sector_lines(metrics.get("by_sectors_done", [])),
        *race_table(metrics["by_race_id"], result),
        "",
        "## Limits",
        "",
        *(f"* {limit}" for limit in LIMITS),
        "",
        "## Training",
        "",
        f"Run `{run.pk}`, commit `{run.git_commit or 'unknown'}`; settings {result.settings or 'default'}; "
        f"{result.seconds:.1f} s; {', '.join(f'{name} {version}' for name, version in run.libraries.items())}.",
    ]
    return "\n".join(lines) + "\n"


def unknown_flags(data: Data) -> list[str]:
    """The line that names races whose laps under a flag could not be excluded; none where there is no such race."""
    races = data.laps.drop_duplicates("session_id").set_index("session_id").sort_index()
    unknown = sorted(unknown_sessions(map(int, races.index)))
    names = ", ".join(f"{races.loc[pk, 'season']} {races.loc[pk, 'circuit']}" for pk in unknown)
    found = (
        f"* No messages of race control are stored of {len(unknown)} of these sessions, so their laps under a flag or behind a "
    )
    return [f"{found}safety car count as laps at racing speed: {names}"] if unknown else []


def sector_lines(parts: list[dict]) -> list[str]:
    """What a model of `in_lap` is worth after each sector, and an empty line; nothing for other tasks."""
    lines = [
        f"* Asked after sector {part['sectors_done']}: MAE {part['mae']:.4f} s, naive {part['baseline_mae']:.4f} s, "
        f"skill {part['skill']:.1%}"
        for part in parts
    ]
    return [*lines, ""] if lines else []


def race_table(races: list[dict], result: Result) -> list[str]:
    """The lines of the table of metrics by race."""
    names = result.predictions.drop_duplicates("race_id").set_index("race_id")
    has_coverage = "coverage" in races[0]
    lines = [f"| race | laps | MAE (s) | {result.baseline} (s) | skill |" + (" within 80 % interval |" if has_coverage else "")]
    lines.append("|---|---|---|---|---|" + ("---|" if has_coverage else ""))
    for race in races:
        name = f"{names.loc[race['race_id'], 'season']} {names.loc[race['race_id'], 'circuit']}"
        line = f"| {name} | {race['laps']} | {race['mae']:.3f} | {race['baseline_mae']:.3f} | {race['skill']:.1%} |"
        lines.append(line + (f" {race['coverage']:.1%} |" if has_coverage else ""))
    return lines
