"""Model cards: what a model was made of, how good it is, and what it must not be used for, in Markdown."""

from typing import TYPE_CHECKING

from ml import datasets
from ml.building import Data
from ml.tasks import TASKS
from ml.training import Result, figures

if TYPE_CHECKING:
    from ml.models import Run

LIMITS = (
    "That the lap in question will be a clean one (no stop, no flag, dry tyres) is hindsight: nobody knows it beforehand.",
    "What it has not seen it does not know: new rules, new cars, a new circuit, a wet race. Predictions outside the range of the "
    "training laps are marked.",
    "The 80 % intervals hold about four laps of five over many races; in a single race it may be fewer.",
)


def card(run: "Run", result: Result, data: Data) -> str:
    """The model card of a run."""
    said = figures(result)
    warning = ["> **Leaky**: laps of one race are on both sides of this split. The figures say nothing about a race to come.", ""]
    seasons = ", ".join(str(year) for year in sorted(data.laps["season"].unique()))
    out = sorted(datasets.excluded(data.laps).items(), key=lambda pair: -pair[1])
    skill = f"{result.skill.value:.1%} (95 % interval {result.skill.low:.1%} to {result.skill.high:.1%})"
    lines = [
        f"# {result.model}, {result.task}",
        "",
        *(warning if result.leaky else []),
        f"{TASKS[result.task].__doc__}",
        "",
        "## Data",
        "",
        f"* {len(data.laps)} laps of {data.laps['session_id'].nunique()} sessions, seasons {seasons}; "
        f"dataset `{data.stored.name if data.stored else 'not stored'}`, SHA-256 `{data.sha256}`",
        f"* Split `{result.split}`, seed {result.seed}; this model has learnt from {result.last.laps} laps of "
        f"{len(result.last.sessions)} sessions, the last of them on {result.last.until}",
        f"* Asked about: {len(result.predictions)} laps of {result.predictions['session_id'].nunique()} sessions",
        f"* Left out: {', '.join(f'{reason} {count}' for reason, count in out) or 'nothing'}",
        "",
        "## Figures",
        "",
        "| answer | MAE (s) |",
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
        *by_race(said["by_race_id"], result),
        "",
        "## Limits",
        "",
        *(f"* {limit}" for limit in LIMITS),
        "",
        "## Made with",
        "",
        f"Run `{run.pk}`, commit `{run.git_commit or 'unknown'}`; settings {result.settings or 'as they come'}; "
        f"{result.seconds:.1f} s; {', '.join(f'{name} {version}' for name, version in run.libraries.items())}.",
    ]
    return "\n".join(lines) + "\n"


def by_race(races: list[dict], result: Result) -> list[str]:
    names = result.predictions.drop_duplicates("race_id").set_index("race_id")
    covered = "coverage" in races[0]
    lines = [f"| race | laps | MAE (s) | {result.baseline} (s) | skill |" + (" within 80 % interval |" if covered else "")]
    lines.append("|---|---|---|---|---|" + ("---|" if covered else ""))
    for race in races:
        name = f"{names.loc[race['race_id'], 'season']} {names.loc[race['race_id'], 'circuit']}"
        line = f"| {name} | {race['laps']} | {race['mae']:.3f} | {race['baseline_mae']:.3f} | {race['skill']:.1%} |"
        lines.append(line + (f" {race['coverage']:.1%} |" if covered else ""))
    return lines
