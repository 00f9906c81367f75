"""Facts about circuits as rows: computed from the stored races, edited by people, and used as priors by the strategy model."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ml.models.circuit_facts import CircuitFact
from ml.strategy import circuits, pitloss
from ml.strategy.circuits import Battles
from ml.strategy.pitloss import GREEN, MIN_CIRCUIT_STOPS

if TYPE_CHECKING:
    from ml.strategy.storing import Strategy
    from ml.strategy.timeline import Timeline

Fact = CircuitFact.Fact
MIN_INTERVAL_STOPS = 6  # from which on the order of the stops gives their median an interval of 95 %


def compute_facts(races: "Sequence[Timeline]") -> list[dict[str, Any]]:
    """The facts of one circuit from all its races: the computed fields of `CircuitFact` by name."""
    import numpy as np

    losses = [
        stop.loss for race in races for stop in pitloss.measure_stops(race) if stop.state == GREEN and not np.isnan(stop.loss)
    ]
    counted = [circuits.count_battles(race) for race in races]
    battles = Battles(sum(one.laps for one in counted), sum(one.passes for one in counted))
    cars = sum(map(circuits.count_safety_cars, races))
    found: list[tuple[Fact, float, tuple[float | None, float | None], int]] = []
    if losses:
        interval = circuits.median_interval(losses) if len(losses) >= MIN_INTERVAL_STOPS else (None, None)
        found.append((Fact.PIT_LOSS, float(np.median(losses)), interval, len(losses)))
    if battles.laps:
        share = battles.passes / battles.laps
        found.append((Fact.PASSING, share, circuits.beta_interval(battles.passes, battles.laps), battles.laps))
    found.append((Fact.SAFETY_CARS, cars / len(races), circuits.rate_interval(cars, len(races)), len(races)))
    last_race = datetime.fromisoformat(max(race.date for race in races))
    return [
        {"fact": fact, "computed": value, "low": low, "high": high, "n": n, "last_race": last_race}
        for fact, value, (low, high), n in found
    ]


def update_circuit_facts(circuit_names: Collection[str] = ()) -> Counter[str]:
    """Compute the facts of circuits (by default all) from their stored races; returns {what became of rows: their number}.

    A value that a person has set stays; the computed one stands beside it. A fact that no race says anything of any more is
    deleted, unless a person has set it.
    """
    from ml import datasets
    from ml.strategy.timeline import load_timelines

    sessions = datasets.sessions()
    if circuit_names:
        sessions = sessions.filter(circuit_name__in=circuit_names)
    by_circuit: dict[str, list[Timeline]] = defaultdict(list)
    for race in load_timelines(sessions.values_list("pk", flat=True)):
        by_circuit[race.circuit].append(race)
    counts: Counter[str] = Counter()
    with transaction.atomic():
        rows = CircuitFact.objects.select_for_update()
        if circuit_names:
            rows = rows.filter(circuit_name__in=circuit_names)
        stored = {(row.circuit_name, row.fact): row for row in rows}
        for circuit, races in by_circuit.items():
            for values in compute_facts(races):
                row = stored.pop((circuit, values["fact"]), None) or CircuitFact(circuit_name=circuit, fact=values["fact"])
                counts[store(row, values)] += 1
        for row in stored.values():
            counts[store(row, None) if row.edited else "deleted"] += 1
            if not row.edited:
                row.delete()
    return counts


def store(row: CircuitFact, values: dict[str, Any] | None) -> str:
    """Store the computed fields of a row, None where nothing could be computed; returns "created", "updated" or "unchanged"."""
    values = values or {"computed": None, "low": None, "high": None, "n": 0, "last_race": None}
    if not row.edited:
        values = values | {"value": values["computed"]}
    before = {name: getattr(row, name) for name in values}
    if row.pk and before == values:
        return "unchanged"
    for name, value in values.items():
        setattr(row, name, value)
    outcome = "updated" if row.pk else "created"
    row.save()
    return outcome


def with_circuit_facts(strategy: "Strategy", race: "Timeline") -> "Strategy":
    """The model with the facts about the race's circuit as its priors.

    A value that a person has set always counts. A computed one does where the model has learnt nothing of the circuit and the
    fact rests on earlier races only, so that no race is judged by itself. The rate of safety cars is the same at all circuits
    unless a person has set it: one or two races say too little.
    """
    past, model, notes = strategy.rejoin.past, strategy.race, []
    for row in CircuitFact.objects.filter(circuit_name=race.circuit):
        earlier = row.last_race is not None and row.last_race < datetime.fromisoformat(race.date)
        if row.fact == Fact.PIT_LOSS and (row.edited or (earlier and is_new(past, race) and row.n >= MIN_CIRCUIT_STOPS)):
            parts = past.by_circuit.get(race.circuit, {}) | {"loss": [row.value] * MIN_CIRCUIT_STOPS}
            past = past._replace(by_circuit=past.by_circuit | {race.circuit: parts})
        elif row.fact == Fact.PASSING and (row.edited or (earlier and race.circuit not in model.passing)):
            rate = row.value if row.edited else shrunk_passing(row, model.passing_mean)
            model = model._replace(passing=model.passing | {race.circuit: rate})
        elif row.fact == Fact.SAFETY_CARS and row.edited:
            model = model._replace(safety_cars=row.value / race.race_laps)
        else:
            continue
        source = "set by a person" if row.edited else f"of {row.n} in earlier races"
        notes.append(f"{row.fact.capitalize()} at {race.circuit}: {row.value:.3g}, {source}.")
    return strategy._replace(rejoin=strategy.rejoin._replace(past=past), race=model._replace(past=past), notes=notes)


def is_new(past: pitloss.PastStops, race: "Timeline") -> bool:
    """Whether the model has too few stops at the circuit to tell what they cost there."""
    return len(past.by_circuit.get(race.circuit, {}).get("loss", [])) < MIN_CIRCUIT_STOPS


def shrunk_passing(row: CircuitFact, mean: float) -> float:
    return (row.value * row.n + circuits.WEIGHT * mean) / (row.n + circuits.WEIGHT)
