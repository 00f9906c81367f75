"""What tyres lose with age. Fuel, track and tyres all change from lap to lap: what is said of one rests on what is taken for
the others.

Two ways, side by side. `rows`: with the fuel's effect taken for granted, a slope per stint, pooled by compound and shrunken by
driver. `free`: nothing taken for granted; all laps of the race at once, so that stints that begin at different times tell tyres
(which begin anew) from fuel and track (which do not).
"""

from itertools import combinations
from typing import TYPE_CHECKING, Any

from ml.analysis import next_stint, robust
from ml.analysis.robust import NORMAL
from ml.analysis.sessions import BAND, CLEAN, FUEL_EFFECT, FUEL_LOAD, CannotSay, clean_laps, describe_fuel, fuel
from telemetry.lap_rules import WET_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST = 6  # clean laps of a stint
WARM = 1  # laps of a stint on which tyres are still coming in
STINTS = 3  # of a compound, to say anything of it
EDGE = 1 / 6  # of the race
WET_SHARE = 0.02  # of the laps, beyond which a race was not a dry one
BLOCK = 5  # laps of the race that share what happens on the track
TRACK = 0.5  # seconds that a track gains over a race, at most
TRAFFIC = 0.15  # seconds over a race that traffic may still have cost: clear air at the line is not clear air all around
FEW = 30  # laps of a compound, for the way that takes nothing for granted
BLURRED = 0.002  # how near to each other two explanations may be: smallest singular value beside the largest
OLDER = 5  # laps by which tyres are older at the start of a stint than all other cars' at the start of theirs, at most
CLEAR = 1.6  # seconds to the car ahead, within which a lap says more about that car


def degradation(laps: "pd.DataFrame", *, fuel_effect: float = FUEL_EFFECT, fuel_load: float = FUEL_LOAD) -> dict[str, Any]:
    """Seconds by which a lap gets slower with each lap of tyre age.

    `slope` takes the track for unchanging. `interval` is 95 % at the fuel effect given, for a track that gains anything from
    nothing to half a second over the race: what it gains, tyres have lost unseen. `band` reaches from the lowest to the highest
    end with effects of 0.02 to 0.04 s per kg. `stint_80` is where the slope of one more stint will lie in four of five cases, and
    `stint_80_held` how many of the race's stints did, each by the others.
    """
    clean = in_clear_air(clean_laps(laps, fuel_effect=fuel_effect, fuel_load=fuel_load), laps)
    stints = slopes(clean)
    if stints.empty:
        raise CannotSay(f"No stint has {FEWEST} clean laps in clear air: nothing can be said of the tyres.")
    pooled = by_compound(stints)
    if not pooled:
        raise CannotSay(f"No compound has {STINTS} stints of {FEWEST} clean laps in clear air: nothing can be said of the tyres.")
    ends = [
        by_compound(slopes(clean.assign(corrected=clean["lap_duration"] - effect * fuel(clean, fuel_load=fuel_load))))
        for effect in BAND
    ]
    race_laps = float(laps["race_laps"].max())
    foretold = next_stint.StintModel(stints, race_laps=race_laps, fuel_effect=fuel_effect, fuel_load=fuel_load)
    return {
        "rows": [compound_row(name, stints, pooled, ends=ends, foretold=foretold, gained=TRACK / race_laps) for name in pooled],
        "stint_80_held": foretold.held(),
        "pairs": pairs(pooled),
        "free": free(clean, laps, fuel_load=fuel_load),
        "n": int(stints["laps"].sum()),
        "filters": [
            CLEAN,
            f"more than {CLEAR:g} s behind the car ahead at the line",
            f"stints of {FEWEST} such laps and more",
            "without a stint's first lap",
        ],
        "warnings": warnings(laps),
        "assumptions": [
            describe_fuel(fuel_effect, fuel_load),
            f"slopes: the track does not change; intervals: it gains nothing to {TRACK:g} s over the race",
            "tyres lose the same with every lap",
        ],
    }


def compound_row(
    name: str,
    stints: "pd.DataFrame",
    pooled: "dict[str, robust.Pooled]",
    *,
    ends: "list[dict[str, robust.Pooled]]",
    foretold: next_stint.StintModel,
    gained: float,
) -> dict[str, Any]:
    """What is said of one compound. `ends`: as `pooled`, for the ends of BAND; `gained`: what the track may gain a lap."""
    one = pooled[name]
    edges = [edge for end in [*ends, pooled] for edge in unseen(end[name].interval, gained)]
    mine = stints[stints["compound"] == name]
    usual = int(mine["laps"].median())
    return {
        "compound": name,
        "slope": one.mean,
        "interval": unseen(one.interval, gained),
        "new_stint": unseen(one.predictive, gained),
        "stint_80": foretold.interval(compound=name, laps=usual),
        "band": [min(edges), max(edges)],
        "stints": len(mine),
        "laps": int(mine["laps"].sum()),
        "drivers": [
            row | {"stint_80": foretold.interval(compound=name, laps=usual, team=row["team"], name=row["name"])}
            for row in drivers(mine, one, gained)
        ],
    }


def warnings(laps: "pd.DataFrame") -> list[str]:
    share = laps["compound"].isin(WET_COMPOUNDS).mean()
    dries = f"{share:.0%} of the laps were driven on wet tyres: a track that dries looks like tyres that get better."
    return [dries] if share > WET_SHARE else []


def in_clear_air(clean: "pd.DataFrame", laps: "pd.DataFrame", *, clear: float = CLEAR) -> "pd.DataFrame":
    """Without laps that began close behind another car, and without those on which tyres are still coming in; with
    `age_at_start`, laps that the tyres had done before the stint."""
    begins = laps["start"].sort_values()
    gap = begins.diff().reindex(clean.index)
    since = clean["lap_number"] - laps.groupby(["driver_number", "run"])["lap_number"].transform("min").reindex(clean.index)
    clean = clean.assign(age_at_start=clean["tyre_age"] - since)
    return clean[~(gap < clear) & (since > WARM) & clean["tyre_age"].notna()]


def slopes(clean: "pd.DataFrame") -> "pd.DataFrame":
    """A line per stint: name, team, compound, slope, error, laps, and reach, the sum of squared distances of the tyres' ages from
    their mean."""
    import pandas as pd

    rows = []
    for (name, _, compound), part in clean.groupby(["name", "run", "compound"]):
        if len(part) >= FEWEST:
            age = part["tyre_age"].to_numpy()
            fitted = robust.line(age, part["corrected"].to_numpy())
            reach = float(((age - age.mean()) ** 2).sum())
            rows.append((str(name), str(part["team"].iloc[0]), str(compound), fitted.slope, fitted.error, len(part), reach))
    return pd.DataFrame(rows, columns=["name", "team", "compound", "slope", "error", "laps", "reach"])


def by_compound(stints: "pd.DataFrame") -> dict[str, robust.Pooled]:
    return {
        str(name): robust.pool(part["slope"].to_numpy(), part["error"].to_numpy())
        for name, part in stints.groupby("compound")
        if len(part) >= STINTS
    }


def unseen(ends: tuple[float, float], gained: float) -> list[float]:
    """An interval of a slope, for a track that gains up to `gained` seconds with each lap."""
    return [ends[0], ends[1] + gained]


def drivers(stints: "pd.DataFrame", pooled: robust.Pooled, gained: float) -> list[dict[str, Any]]:
    """Each driver's slope on a compound, drawn towards the compound's by how little it rests on."""
    rows = []
    for name, part in stints.groupby("name"):
        own = robust.pool(part["slope"].to_numpy(), part["error"].to_numpy())
        slope, error = pooled.shrunk(own.mean, own.error)
        ends = unseen((slope - NORMAL * error, slope + NORMAL * error), gained)
        row = {"name": str(name), "team": str(part["team"].iloc[0]), "slope": slope, "interval": ends, "alone": own.mean}
        rows.append(row | {"laps": int(part["laps"].sum())})
    return sorted(rows, key=lambda row: row["slope"])


def pairs(pooled: dict[str, robust.Pooled]) -> list[dict[str, Any]]:
    """Whether two compounds can be told apart, in words as well."""
    rows = []
    for first, second in combinations(pooled, 2):
        away = pooled[first].mean - pooled[second].mean
        both = (pooled[first].away ** 2 + pooled[second].away ** 2) ** 0.5
        ends = [away - both, away + both]
        apart = ends[0] > 0 or ends[1] < 0
        more, less = (first, second) if away > 0 else (second, first)
        said = f"{more} loses more than {less}." if apart else f"{first} and {second} cannot be told apart in this race."
        rows.append({"compounds": [first, second], "difference": away, "interval": ends, "distinguishable": apart, "said": said})
    return rows


def free(clean: "pd.DataFrame", laps: "pd.DataFrame", *, fuel_load: float) -> dict[str, Any] | None:
    """All laps at once: a level per car, a level and a slope per compound, and one trend with the laps of the race, which is
    fuel and track together. None where the stints do not tell them apart.

    Intervals hold what chance does (errors hang together within a car, and within five laps of the race), and what the choice of
    laps does: by how much the answer moves at most when cars must be twice as far behind the one ahead, or when the first or the
    last sixth of the race is left out. That of `fuel_and_track` leaves room for the traffic that this does not show.
    """
    import numpy as np

    fitted = estimate(clean, laps)
    if fitted is None:
        return None
    names, found, covariance = fitted
    length, errors = float(clean["race_laps"].max()), np.sqrt(np.diag(covariance))

    def coefficient(place: int, times: float = 1.0, more: float = 0.0) -> dict[str, Any]:
        value, away = float(found[place]) * times, float(errors[place]) * abs(times) * NORMAL + more
        return {"value": value, "interval": [value - away, value + away]}

    return {
        "fuel_and_track": (both := coefficient(0, -length, TRAFFIC)),
        "fuel_effect": effect(both["interval"], fuel_load),
        "slopes": {name: coefficient(1 + place) for place, name in enumerate(names)},
        "offsets": {name: coefficient(len(names) + place) for place, name in enumerate(names) if place},
        "beside": names[0],
        "about": "fuel_and_track: seconds that a lap gains over the whole race by lighter fuel and a better track, which cannot "
        f"be told apart; fuel_effect: what that makes of a kilogram if the track gains between nothing and {TRACK:g} s; "
        "offsets: new tyres beside new ones of the compound in `beside`",
    }


def estimate(clean: "pd.DataFrame", laps: "pd.DataFrame") -> "tuple[list[str], np.ndarray, np.ndarray] | None":
    """`fit`, with errors that hold what the choice of laps does as well; how they hang together stays as it is."""
    import numpy as np

    fitted = fit(clean)
    if fitted is None:
        return None
    names, found, covariance = fitted
    part = clean["lap_number"] / float(clean["race_laps"].max())
    others = [fit(chosen) for chosen in (in_clear_air(clean, laps, clear=2 * CLEAR), clean[part > EDGE], clean[part < 1 - EDGE])]
    moved = [abs(other[1] - found) for other in others if other is not None and other[0] == names]
    chance = np.diag(covariance)
    larger = np.sqrt(1 + np.max(moved, axis=0) ** 2 / chance) if moved else np.ones(len(found))
    return names, found, covariance * np.outer(larger, larger)


def effect(both: list[float], fuel_load: float) -> dict[str, Any] | None:
    """Seconds per kilogram, from what fuel and track do together; None without fuel."""
    if not fuel_load:
        return None
    low, high = (both[0] - TRACK) / fuel_load, both[1] / fuel_load
    return {"value": (low + high) / 2, "interval": [low, high]}


def of_usual_ages(clean: "pd.DataFrame") -> "pd.DataFrame":
    """Laps of stints that began on tyres about as new as another car's: a wrong age at the start of one stint would else weigh
    more than all laps of the others."""
    oldest = clean.groupby("driver_number")["age_at_start"].max().nlargest(2).min()
    return clean[clean["age_at_start"] <= oldest + OLDER]


def fit(clean: "pd.DataFrame") -> "tuple[list[str], np.ndarray, np.ndarray] | None":
    """(compounds, coefficients, their covariance): the trend per lap, a slope per compound, an offset per compound but the
    first."""
    import numpy as np
    import pandas as pd

    clean = of_usual_ages(clean)
    counts = clean.groupby("compound")["run"].size()
    names = [str(name) for name in counts.index[counts >= FEW]]
    clean = clean[clean["compound"].isin(names)]
    if not names:
        return None
    cars = pd.get_dummies(clean["driver_number"], dtype=float).to_numpy()
    mine = {name: (clean["compound"] == name).to_numpy(dtype=float) for name in names}
    age, lap = clean["tyre_age"].to_numpy(), clean["lap_number"].to_numpy(dtype=float)
    columns = np.column_stack([lap, *(mine[name] * age for name in names), *(mine[name] for name in names[1:]), cars])
    even = columns / np.linalg.norm(columns, axis=0)
    squares = np.linalg.eigvalsh(even.T @ even)  # of the singular values, which is quicker than those themselves
    if squares[0] < BLURRED**2 * squares[-1]:
        return None
    found, covariance = robust.clustered(
        columns, clean["lap_duration"].to_numpy(), clean["driver_number"].to_numpy(), lap // BLOCK
    )
    known = 2 * len(names)
    return names, found[:known], covariance[:known, :known]


def draws(laps: "pd.DataFrame", *, count: int, seed: int) -> "tuple[list[str], np.ndarray, np.ndarray]":
    """(compounds, offsets, slopes), a row per compound and a column per draw, drawn from what `free` knows; offsets beside the
    first compound."""
    import numpy as np

    clean = in_clear_air(clean_laps(laps, fuel_effect=0.0, fuel_load=FUEL_LOAD), laps)
    fitted = estimate(clean, laps)
    if fitted is None:
        raise CannotSay("The stints of this race do not tell tyres from fuel.")
    names, found, covariance = fitted
    drawn = np.random.default_rng(seed).multivariate_normal(found, covariance, size=count, method="eigh").T
    slopes, offsets = np.split(drawn[1:], [len(names)])
    return names, np.vstack([np.zeros(count), offsets]), slopes
