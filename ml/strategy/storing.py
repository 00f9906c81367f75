"""The strategy model as a run of an experiment: figures, model card and files, and loading what has been promoted."""

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.wording import plural
from ml import recording
from ml.models import Run
from ml.strategy import exam, fitting, forecast, race_exam, rejoin, undercut
from ml.strategy.forecast import RaceModel
from ml.strategy.pitloss import CompoundCost, PastStops
from ml.strategy.race_exam import RaceScore, Scored
from ml.strategy.rejoin import Errors, Model
from ml.strategy.stints import StopTables
from ml.strategy.undercut import Odds

if TYPE_CHECKING:
    from ml.strategy.timeline import Timeline

TASK = "strategy"
PARAMETERS = "strategy.json"
CARD = "model_card.md"
LIMITS = (
    "Laps, stops and flags of past races are all that it knows: no tyre temperature, no radio, no intention of a team.",
    "Behind a safety car and on a drying track places are far less certain, and the sets of places are wide.",
    "An undercut or overcut has its probability only if the other car answers and nobody stops slowly. Where `better_low` is "
    "below 0 it is not certainly better than the share of attempts that are won, and the answer says so.",
    "A counterfactual, what another strategy would have brought, cannot be validated: nobody has driven that race.",
    "Constants that are set by hand were partly compared on the races that were asked about, so the figures are a little better "
    "than those of races nobody has looked at: docs/strategy.md names the constants.",
    "Figures are of races that the model had not learnt from; the stored model has learnt from all of these races.",
)


class Strategy(NamedTuple):
    """The promoted model, and the run that it is of."""

    run: Run
    rejoin: Model
    race: RaceModel
    odds: dict[str, Odds] | None  # of undercuts and overcuts; None in a model that was stored before they were learnt
    sessions: list[int]  # that it has learnt from
    figures: dict[str, float]  # of its exam
    race_scores: list[Scored]  # its forecasts in the exam
    notes: Sequence[str] = ()  # which facts about the circuit of a question took the place of what it has learnt


class NoStrategy(LookupError):
    """No strategy model has been promoted."""


def fingerprint(races: "Sequence[Timeline]") -> str:
    """SHA-256 of the races' arrays."""
    digest = hashlib.sha256()
    for race in races:
        digest.update(f"{race.session_id} {race.race_laps} {race.cars} {race.windows} {race.penalties}".encode())
        for values in (race.crossing, race.clean, race.compound, race.age, race.entry, race.stop):
            digest.update(values.tobytes())
    return digest.hexdigest()


def parameters(
    model: Model, race: RaceModel, odds: dict[str, Odds], *, sessions: list[int], race_scores: Sequence[Scored]
) -> bytes:
    """Everything but the classifier as JSON."""
    content = {
        "past": model.past._asdict(),
        "errors": asdict(model.errors),
        "compounds": {name: cost._asdict() for name, cost in model.compounds.items()},
        "race": race._replace(past=model.past, tables=race.tables)._asdict()
        | {"past": None, "tables": tables_as_lists(race.tables)},
        "odds": {kind: one._asdict() for kind, one in odds.items()},
        "sessions": sessions,
        "race_scores": [one._asdict() | {"score": one.score._asdict()} for one in race_scores],
    }
    return json.dumps(content).encode()


def tables_as_lists(tables: StopTables) -> dict[str, Any]:
    return {name: value if isinstance(value, float) else value.tolist() for name, value in tables._asdict().items()}


def read_parameters(content: bytes, run: Run, hazard: Any) -> Strategy:
    """The model of a run from the JSON of its parameters."""
    import numpy as np

    found = json.loads(content)
    past = PastStops(**found["past"])
    tables: dict[str, Any] = {
        name: value if name == "constant" else np.array(value) for name, value in found["race"]["tables"].items()
    }
    race = RaceModel(**found["race"] | {"past": past, "tables": StopTables(**tables)})
    odds = {kind: Odds(**one) for kind, one in found["odds"].items()} if "odds" in found else None
    figures = dict(run.metrics.values_list("key", "value"))
    scores = [Scored(**one | {"score": RaceScore(**one["score"])}) for one in found.get("race_scores", [])]
    compounds = {name: CompoundCost(**cost) for name, cost in found.get("compounds", {}).items()}
    model = Model(past, Errors(**found["errors"]), hazard, compounds)
    return Strategy(run, model, race, odds, found["sessions"], figures, scores)


def store(
    trained_on: "Sequence[Timeline]",
    asked: "Sequence[Timeline]",
    *,
    owner: str,
    figures: dict[str, float],
    split: str,
    race_scores: Sequence[Scored] = (),
) -> Run:
    """Keep a model of all these races as a run whose figures, and scores of forecasts by race, are those of the exam."""
    from ml import artifacts

    races = [*trained_on, *asked]
    run = recording.start_run(
        experiment=recording.experiment(name=TASK, owner=owner, task=TASK),
        model="projection_and_simulation",
        split=split,
        dataset_sha256=fingerprint(races),
        task=TASK,
        owner=owner,
    )
    try:
        model, race, odds = fitting.fit(races), forecast.fit(races), undercut.fit(races)
        recording.log_metrics(run=run, metrics=figures)
        sessions = [one.session_id for one in races]
        content = parameters(model, race, odds, sessions=sessions, race_scores=race_scores)
        for name, stored, kind in (
            (recording.MODEL_FILE, artifacts.dumps(model.hazard, None), "application/zip"),
            (PARAMETERS, content, "application/json"),
            (CARD, render_card(run, trained_on, asked, figures=figures, race_scores=race_scores).encode(), "text/markdown"),
        ):
            recording.store_artifact(run=run, name=name, content=stored, content_type=kind)
    except BaseException as error:
        recording.end_run(run=run, status=Run.Status.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    return recording.end_run(run=run)


def render_card(
    run: Run,
    trained_on: "Sequence[Timeline]",
    asked: "Sequence[Timeline]",
    *,
    figures: dict[str, float],
    race_scores: Sequence[Scored],
) -> str:
    lines = [
        "# Strategy",
        "",
        rejoin.__doc__ or "",
        "## Undercut and overcut",
        "",
        (undercut.__doc__ or "").replace("MAX_GAP", f"{undercut.MAX_GAP:g}").replace("ANSWER_LAPS", str(undercut.ANSWER_LAPS)),
        "## Data",
        "",
        f"* Figures: trained on {plural(len(trained_on), 'race')}, asked about {plural(len(asked), 'later one')}, "
        f"split `{run.split}`",
        f"* The stored model: all {len(trained_on) + len(asked)} races; fingerprint `{run.dataset_sha256}`",
        "",
        "## Metrics",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value:.4f} |" for name, value in figures.items()),
        "",
        *worse_than_frozen(race_scores),
        "## Limits",
        "",
        *(f"* {limit}" for limit in LIMITS),
    ]
    return "\n".join(lines) + "\n"


def worse_than_frozen(race_scores: Sequence[Scored]) -> list[str]:
    """Lines of a model card: where the forecast of the finishing order was not better than "the order stays"."""
    lines = []
    foretold = [one for one in race_scores if not one.actual_stops]
    for share in dict.fromkeys(one.share for one in foretold):
        scores = [one.score for one in foretold if one.share == share]
        mean = race_exam.compare(scores)
        worse = [score for score in scores if score.error >= score.frozen_error]
        where = ", ".join(f"{one.circuit} ({one.error - one.frozen_error:+.2f})" for one in worse)
        lines.append(
            f'* From {share:.0%} of the race on the mean error is {mean.error:.2f} places, that of "the order stays" '
            f"{mean.order_stays_error:.2f}; difference {mean.better_low:+.2f} to {mean.better_high:+.2f} (95 %). "
            + (f"Not better at: {where}." if worse else "Better in every race.")
        )
    return ["## Beside the order at that moment", "", *lines, ""] if lines else []


def exam_figures(asked: Sequence[exam.Asked], hazard: exam.Hazard) -> dict[str, float]:
    """The figures of an exam by name."""
    figures: dict[str, float] = {}
    for key, (_, part) in zip(("green", "green_after_3", "all"), exam.subsets(asked).items(), strict=True):
        if part:
            figures |= {f"{key}_{name}": value for name, value in exam.mean_score(part, "model")._asdict().items()}
            figures[f"{key}_stops"] = float(len(part))
    return figures | {"hazard_log_loss": hazard.log_loss, "hazard_auc": hazard.auc, "hazard_laps": float(hazard.laps)}


loaded: list[Strategy] = []
loading = threading.Lock()


def load_strategy() -> Strategy:
    """The promoted model, read once per process. NoStrategy where there is none, ValueError where its files cannot be used."""
    run = Run.objects.filter(task=TASK, champion=True).first()
    if run is None:
        raise NoStrategy(
            "No strategy model has been promoted yet: strategy_exam --store trains one, and promote_model makes its run answer."
        )
    with loading:
        if not loaded or loaded[0].run.pk != run.pk:
            from ml import artifacts

            hazard, _ = artifacts.loads(run)
            artifact = run.artifacts.filter(name=PARAMETERS).first()
            if artifact is None:
                raise ValueError(f"Run '{run.pk}' has no {PARAMETERS}; strategy_exam --store writes it.")
            loaded[:] = [read_parameters(recording.read_artifact(artifact), run, hazard)]
        return loaded[0]
