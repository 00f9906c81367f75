"""The slope that one more stint will show, in a hierarchical linear model: circuit, compound there, team, driver, and stint.

    slope = compound's mean + race + compound in the race + team + driver + stint + noise of the laps / reach of the tyre ages

All effects but the means are normal and shrunken by how little a race's other stints say of them (partial pooling: Gelman and
Hill, "Data analysis using regression and multilevel/hierarchical models", 2007). A single race does not tell its circuit from its
day, so they share one effect. Pure numpy.
"""

from typing import TYPE_CHECKING, Any

from ml.analysis.robust import median
from ml.analysis.sessions import FUEL_EFFECT, FUEL_LOAD

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Means and standard deviations, s per lap, by restricted maximum likelihood from the 706 stints of 23 recorded races of 2023-24.
MEANS = {"HARD": 0.041, "MEDIUM": 0.044, "SOFT": 0.066}
RACE, COMPOUND, TEAM, DRIVER, STINT = 0.048, 0.0058, 0.0133, 0.0003, 0.0081
LAP = 2.61  # of a lap, times the median error of the race's laps around their stint's line
LIMITS = (-0.15, 0.35)  # s per lap, beyond which slopes are of a track that dries or gets wet
TENTH = 1.2816  # standard deviations of a normal distribution beyond which a tenth lies


class StintModel:
    """What the stints of a race say of one more of them."""

    def __init__(self, stints: "pd.DataFrame", *, race_laps: float, fuel_effect: float, fuel_load: float) -> None:
        """stints: as `degradation.slopes` gives them, at this effect of fuel (s per kg) and load (kg)."""
        import numpy as np

        self.stints = stints
        # Slopes are steeper by what the fuel that is burnt in a lap is assumed to cost.
        self.shift = (fuel_effect * fuel_load - FUEL_EFFECT * FUEL_LOAD) / race_laps
        self.lap = LAP * median((stints["error"] * np.sqrt(stints["reach"])).to_numpy())
        noise = STINT**2 + self.lap**2 / stints["reach"].to_numpy()
        self.inverse = np.linalg.inv(self.covariance(stints) + np.diag(noise))
        self.residual = stints["slope"].clip(*LIMITS).to_numpy() - self.means(stints)

    def means(self, of: "pd.DataFrame") -> "np.ndarray":
        """The means of the compounds, before anything is known of the race."""
        return of["compound"].map(MEANS).to_numpy(dtype=float) + self.shift

    def covariance(self, of: "pd.DataFrame") -> "np.ndarray":
        """What the true slopes of stints have in common with those of the race, without their own part."""
        import numpy as np

        common = np.full((len(of), len(self.stints)), RACE**2)
        for name, spread in (("compound", COMPOUND), ("team", TEAM), ("name", DRIVER)):
            common += spread**2 * (of[name].to_numpy()[:, None] == self.stints[name].to_numpy()[None, :])
        return common

    def interval(self, *, compound: str, laps: int, team: str = "", name: str = "") -> list[float]:
        """80 % of the slope that one more stint of so many laps will show; of any team and driver where they are left out."""
        import pandas as pd

        asked = pd.DataFrame({"compound": [compound], "team": [team], "name": [name]})
        common = self.covariance(asked)[0]
        middle = float(self.means(asked)[0] + common @ self.inverse @ self.residual)
        own = RACE**2 + COMPOUND**2 + TEAM**2 + DRIVER**2 + STINT**2 + self.lap**2 / (laps * (laps**2 - 1) / 12)
        away = TENTH * float(own - common @ self.inverse @ common) ** 0.5
        return [middle - away, middle + away]

    def left_out(self) -> "np.ndarray":
        """80 % intervals of the slope of each stint from all others of the race, of shape (stints, 2)."""
        import numpy as np

        precision = np.diag(self.inverse)
        middle = self.means(self.stints) + self.residual - self.inverse @ self.residual / precision
        away = TENTH * precision**-0.5
        return np.column_stack([middle - away, middle + away])

    def held(self) -> dict[str, Any]:
        """How many of the race's own stints lie in their intervals from all others."""
        low, high = self.left_out().T
        slope = self.stints["slope"].to_numpy()
        return {"stints": len(slope), "held": int(((slope >= low) & (slope <= high)).sum())}
