# %% [markdown]
# # Lap times, from the API to a prediction
#
# An analysis with F1 Stats, cell by cell. It runs as a script, and as a notebook in VS Code, PyCharm or Jupyter (jupytext). It
# needs a running site (`make run`), requests, pandas and matplotlib, but none of the site's own code.
#
#     python docs/laptimes.py                          # the newest race that is stored
#     SITE=http://127.0.0.1:8080 RACE=1229 python docs/laptimes.py
#
# Pictures go to the folder that OUT names.

# %%
import io
import os
from pathlib import Path

import pandas as pd
import requests
from matplotlib.figure import Figure

SITE = os.environ.get("SITE", "http://127.0.0.1:8000").rstrip("/")
OUT = Path(os.environ.get("OUT", "."))
site = requests.Session()


def get(path, **query):
    """Return JSON of the REST API; end the script with the API's message where the request was wrong."""
    answer = site.get(f"{SITE}/api/v1/{path}", params=query, timeout=60)
    if not answer.ok:
        raise SystemExit(f"{answer.url}: {answer.status_code} {answer.text}")
    return answer.json()


# %% [markdown]
# ## Choose a race
# Lists come in pages, and `ordering` sorts them; every field is a filter.

# %%
race_filter = {"race_id": os.environ["RACE"]} if "RACE" in os.environ else {}
races = get("sessions/", session_name="Race", ordering="-date_start", page_size=100, **race_filter)["results"]
race = next(one for one in races if get("laps/", session_id=one["session_id"], page_size=1)["count"])
print(f"{race['year']} {race['circuit_name']}: session {race['session_id']}")

# %% [markdown]
# ## Load its laps as a table
# Every list is also available as one file without pages: CSV, NDJSON or Parquet.

# %%
answer = site.get(f"{SITE}/api/v1/laps/", params={"session_id": race["session_id"], "format": "parquet"}, timeout=60)
answer.raise_for_status()
laps = pd.read_parquet(io.BytesIO(answer.content))
entries = pd.DataFrame(get("entries/", session_id=race["session_id"], page_size=100)["results"])
names = entries.set_index("driver_number")["name_acronym"]
print(
    laps.groupby(laps["driver_number"].map(names))["lap_duration"].describe()[["count", "min", "50%"]].sort_values("50%").head()
)

# %% [markdown]
# ## Race pace and tyre degradation
# Each answer says how many laps it rests on, which laps those are, and what was assumed.

# %%
pace = get("analysis/race-pace/", session_id=race["session_id"])
print(pd.DataFrame(pace["rows"])[["name", "team", "gap", "laps"]].head(10).to_string(index=False))
print("Assumptions:", "; ".join(pace["assumptions"]))

tyres = get("analysis/degradation/", session_id=race["session_id"])
for row in tyres["rows"]:
    low, high = row["band"]
    print(f"{row['compound']}: {row['slope']:.3f} s a lap, {low:.3f} to {high:.3f} with the uncertainty of the fuel")
for pair in tyres["pairs"]:
    print(pair["said"])

# %% [markdown]
# ## Predict laps
# Models are trained and promoted on the site (`train_model`, `promote_model`). A prediction comes with its interval, with the
# model's error on races it had not seen, and with warnings.

# %%
car = int(laps.loc[laps["lap_duration"].notna(), "driver_number"].mode().iloc[0])
mine = laps[laps["driver_number"] == car].sort_values("lap_number")
laps_ahead, missing = [], ""
for lap in mine["lap_number"].astype(int):
    body = {"session_id": race["session_id"], "driver_number": car, "from_lap": int(lap)}
    answer = site.post(f"{SITE}/api/v1/predict/", json=body, timeout=60)
    if answer.status_code == 409:  # no model has been promoted for this kind of lap
        missing = answer.json()["detail"]
    if answer.ok:  # 400 where too little is known yet, as on the first lap
        prediction = answer.json()
        laps_ahead.append(prediction["laps"][0])
predicted = pd.DataFrame(laps_ahead)
print(missing)

# %%
figure = Figure(figsize=(9, 4), layout="constrained")
axes = figure.subplots()
axes.plot(mine["lap_number"], mine["lap_duration"], "k.", label=f"{names.get(car, car)}, driven")
if len(predicted):
    axes.fill_between(predicted["lap_number"], predicted["low"], predicted["high"], alpha=0.2, color="C3", label="80 %")
    axes.plot(predicted["lap_number"], predicted["seconds"], color="C3", label="predicted one lap ahead")
    measured = prediction["champions"][0]["measured"]
    print(
        f"{len(predicted)} laps predicted; on races it had not seen the model was {measured['mae']:.3f} s off, "
        f"{measured['skill']:.1%} better than the best naive answer"
    )
axes.set_ylim(mine["lap_duration"].quantile(0.02) - 1, mine["lap_duration"].quantile(0.9) + 2)
axes.set_xlabel("lap")
axes.set_ylabel("s")
axes.legend()
figure.savefig(OUT / "laptimes.png", dpi=110)

# %% [markdown]
# ## Compare models
# Every training is a run of an experiment; runs are compared race by race.

# %%
for experiment in get("experiments/", ordering="name")["results"]:
    best = experiment["best_run"]
    line = f"best {best['model']}, {best['metric']} {best['value']:.4f}" if best else "no run to compare"
    print(f"{experiment['name']}: {experiment['run_count']} runs, {line}")
    if experiment["run_count"] > 1:
        for metric in get(f"experiments/{experiment['id']}/compare/")["metrics"]:
            if metric["metric"] == "mae":
                print("  beside the baseline:", {run[:8]: away for run, away in metric["difference"].items()})
