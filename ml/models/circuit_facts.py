"""What recorded races say of a circuit, and what people know better."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Func, QuerySet

from mirror.limits import within


class CircuitFact(models.Model):
    """A fact about a circuit: what a stop costs there, how easy it is to overtake, how often there is a safety car."""

    class Fact(models.TextChoices):
        PIT_LOSS = "pit loss"
        PASSING = "passing"
        SAFETY_CARS = "safety cars"

    MOST = {Fact.PIT_LOSS: 100.0, Fact.PASSING: 1.0, Fact.SAFETY_CARS: 20.0}  # the largest values that can be

    circuit_fact_id = models.BigAutoField("circuit fact ID", primary_key=True)
    circuit_name = models.CharField(max_length=100, help_text="Short name of the circuit, as sessions have it.")
    fact = models.CharField(
        max_length=20,
        choices=Fact,
        help_text="Pit loss: median seconds that in-lap and out-lap of a stop cost on a free track. Passing: probability of "
        "getting past within a lap that began within 1.2 s of a car. Safety cars: per race.",
    )
    value = models.FloatField(**within(0, 100, "What counts: as computed, or as a person has set it."))
    edited = models.BooleanField(
        default=False, help_text="A person has set the value: computing again leaves it. Unset it to go back to the computed one."
    )
    computed = models.FloatField(null=True, editable=False, help_text="As computed from the stored races; null without any.")
    low = models.FloatField(null=True, editable=False, help_text="Lower end of the computed value's 95 % interval.")
    high = models.FloatField(null=True, editable=False, help_text="Upper end; both are null where too few rows say so.")
    n = models.PositiveIntegerField(default=0, editable=False, help_text="Stops, laps close behind a car, or races.")
    last_race = models.DateTimeField(null=True, editable=False, help_text="When the latest race that it rests on began (UTC).")
    changed_at = models.DateTimeField(auto_now=True, help_text="When the row last changed (UTC).")

    class Meta:
        ordering = ["circuit_name", "fact"]
        constraints = [models.UniqueConstraint(fields=["circuit_name", "fact"], name="circuit_fact_key")]

    def __str__(self) -> str:
        return f"{self.fact} at {self.circuit_name}"

    def clean(self) -> None:
        most = self.MOST.get(CircuitFact.Fact(self.fact)) if self.fact in CircuitFact.Fact.values else None
        if most is not None and self.value is not None and self.value > most:
            raise ValidationError({"value": f"{self.fact.capitalize()} is {most:g} at most."})


def last_change() -> QuerySet:
    """A subquery: when a fact last changed."""
    rows = CircuitFact.objects.order_by()
    return rows.annotate(last=Func("changed_at", function="MAX")).values("last")
