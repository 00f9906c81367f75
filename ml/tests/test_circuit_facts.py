"""Facts about circuits: what races say of them, what people set, and how the strategy model uses them."""

from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from jobs import queue, running
from ml.models import CircuitFact
from ml.strategy import fitting, forecast, pitloss, storing
from ml.strategy.circuit_facts import compute_facts, update_circuit_facts, with_circuit_facts
from ml.strategy.timeline import Window
from ml.tests.races import IN_LAP, OUT_LAP, race, season

pytestmark = pytest.mark.django_db
PIT_LOSS, PASSING, SAFETY_CARS = CircuitFact.Fact.PIT_LOSS, CircuitFact.Fact.PASSING, CircuitFact.Fact.SAFETY_CARS


@pytest.fixture(scope="module")
def strategy():
    """A model that has learnt from races at Sakhir alone."""
    races = season()
    return storing.Strategy(None, fitting.fit(races), forecast.fit(races), None, [], {}, [])


def loss_at(strategy, circuit):
    return pitloss.estimate_loss([], strategy.rejoin.past, circuit).total


def test_facts_have_a_value_an_interval_and_a_number():
    quiet = race(stops={car: 10 + car for car in range(1, 11)}, gap=1.0)
    moment = float(quiet.crossing[0, 30])
    facts = {
        fact["fact"]: fact for fact in compute_facts([quiet, replace(quiet, windows=(Window("safety car", moment, moment + 9),))])
    }
    assert facts[PIT_LOSS]["computed"] == pytest.approx(IN_LAP + OUT_LAP)
    assert facts[PIT_LOSS]["low"] <= facts[PIT_LOSS]["computed"] <= facts[PIT_LOSS]["high"]
    assert facts[PIT_LOSS]["n"] == 20
    assert facts[SAFETY_CARS]["computed"] == 0.5
    assert facts[SAFETY_CARS]["low"] < 0.5 < facts[SAFETY_CARS]["high"]
    assert 0 <= facts[PASSING]["low"] < facts[PASSING]["high"] < 0.2
    few = {fact["fact"]: fact for fact in compute_facts([race(stops={1: 10, 2: 12})])}
    assert (few[PIT_LOSS]["n"], few[PIT_LOSS]["low"]) == (2, None)


def test_computing_again_changes_nothing_and_leaves_what_a_person_has_set(laps, capsys):
    assert set(update_circuit_facts()) == {"created"}
    assert set(update_circuit_facts()) == {"unchanged"}
    row = CircuitFact.objects.filter(fact=PIT_LOSS)[0]
    computed = row.computed
    CircuitFact.objects.filter(pk=row.pk).update(value=25.0, edited=True, computed=1.0)
    call_command("update_circuit_facts", "--circuit", row.circuit_name)
    assert "1 updated" in (out := capsys.readouterr().out)
    assert f"{row.circuit_name}: pit loss 25.000, set by a person" in out
    row.refresh_from_db()
    assert (row.value, row.computed, row.edited) == (25.0, computed, True)


def test_a_fact_without_races_goes_unless_a_person_has_set_it(laps):
    CircuitFact.objects.create(circuit_name="Gone", fact=PASSING, value=0.1, computed=0.1, n=4)
    CircuitFact.objects.create(circuit_name="New", fact=PIT_LOSS, value=21.5, edited=True)
    assert update_circuit_facts()["deleted"] == 1
    assert [row.value for row in CircuitFact.objects.filter(circuit_name__in=("Gone", "New"))] == [21.5]
    with pytest.raises(CommandError, match="No race of these circuits is stored"):
        call_command("update_circuit_facts", "--circuit", "Nowhere")


def test_a_job_computes_them_too(laps):
    job = queue.add("update_circuit_facts", {}, description="", owner=None)
    running.run(job.pk)
    job.refresh_from_db()
    assert job.state == "succeeded", job.error
    assert job.result["created"] == CircuitFact.objects.count() > 3


def test_what_a_person_has_set_is_the_prior_of_that_circuit(strategy):
    CircuitFact.objects.create(circuit_name="Sakhir", fact=PIT_LOSS, value=30.0, edited=True)
    CircuitFact.objects.create(circuit_name="Sakhir", fact=PASSING, value=0.5, edited=True)
    CircuitFact.objects.create(circuit_name="Sakhir", fact=SAFETY_CARS, value=2.0, edited=True)
    changed = with_circuit_facts(strategy, race(laps=40))
    assert loss_at(changed, "Sakhir") == pytest.approx(30.0)
    assert loss_at(strategy, "Sakhir") == pytest.approx(IN_LAP + OUT_LAP, abs=0.5)
    assert loss_at(changed, "Elsewhere") == loss_at(strategy, "Elsewhere")
    assert (changed.race.passing["Sakhir"], changed.race.safety_cars) == (0.5, 0.05)
    assert "Pit loss at Sakhir: 30, set by a person." in changed.notes


def test_a_computed_fact_counts_at_circuits_that_the_model_does_not_know_and_for_later_races_only(strategy):
    for circuit in ("Sakhir", "Elsewhere"):
        CircuitFact.objects.create(circuit_name=circuit, fact=PIT_LOSS, value=30.0, n=20, last_race="2022-03-05T15:00:00Z")
        CircuitFact.objects.create(circuit_name=circuit, fact=PASSING, value=0.5, n=300, last_race="2022-03-05T15:00:00Z")
    assert with_circuit_facts(strategy, race()).notes == []
    new = with_circuit_facts(strategy, race(circuit="Elsewhere"))
    assert loss_at(new, "Elsewhere") == pytest.approx(30.0)
    assert strategy.race.passing_mean < new.race.passing["Elsewhere"] < 0.5
    assert with_circuit_facts(strategy, replace(race(circuit="Elsewhere"), date="2022-03-05T15:00:00+00:00")).notes == []


def test_facts_are_served_as_rows_and_as_a_file(api):
    CircuitFact.objects.create(circuit_name="Sakhir", fact=PIT_LOSS, value=22.5, computed=22.7, low=22.4, high=23.1, n=84)
    CircuitFact.objects.create(circuit_name="Sakhir", fact=PASSING, value=0.1, computed=0.1, n=348)
    (row,) = api.get("/api/v1/circuit-facts/", {"circuit_name": "Sakhir", "fact": "pit loss"}).json()["results"]
    assert (row["value"], row["computed"], row["low"], row["high"], row["n"], row["edited"]) == (
        22.5,
        22.7,
        22.4,
        23.1,
        84,
        False,
    )
    lines = api.get("/api/v1/circuit-facts/", {"format": "csv"}).getvalue().decode().splitlines()
    assert len(lines) == 3
    assert "circuit_name" in lines[0]


def test_a_person_sets_a_value_in_the_admin_and_goes_back(admin_client):
    row = CircuitFact.objects.create(circuit_name="Sakhir", fact=PASSING, value=0.1, computed=0.1, n=348)
    url = reverse("admin:ml_circuitfact_change", args=[row.pk])
    assert admin_client.post(url, {"value": "1.5"}).status_code == 200  # a probability
    assert admin_client.post(url, {"value": "0.2"}).status_code == 302
    row.refresh_from_db()
    assert (row.value, row.edited, row.computed) == (0.2, True, 0.1)
    assert admin_client.post(url, {"value": "0.2"}).status_code == 302  # without the mark `edited`
    row.refresh_from_db()
    assert (row.value, row.edited) == (0.1, False)
    new = {"circuit_name": "Monza", "fact": "pit loss", "value": "24"}
    assert admin_client.post(reverse("admin:ml_circuitfact_add"), new).status_code == 302
    assert CircuitFact.objects.get(circuit_name="Monza").edited
