"""Tools beyond a single session's rows: standings, analyses, predictions, SQL."""

from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.utils import timezone
from pydantic import BeforeValidator, Field

from api import admission
from api.kept import once
from ask.mcp.answers import session_answer, shortened, table
from ask.mcp.arguments import Driver, NotAnswered, RaceWords, SessionWords, Words, Year, as_list, choose_session
from ask.mcp.turns import turn
from ask.sql import running
from drivers.words import find_car
from jobs.wording import plural
from mirror import versions
from ml.analysis import PRACTICE, QUESTIONS, CannotSay, NotThere, spell_question
from ml.analysis import ask as ask_analysis
from pages.season import season_page
from pages.season_rows import load_season
from races.words import LATEST, parse_year

SQL_ROWS = 200
QuestionName = Annotated[
    str,
    Field(
        description="; ".join(f"{name}: {each.about}" for name, each in QUESTIONS.items()),
        json_schema_extra={"enum": [*QUESTIONS]},
    ),
]

Season = Annotated[Words, Field(description="The season, e.g. 2024, or 'latest'.", max_length=10)]
StopWords = Annotated[str, Field(pattern=r"^[0-9]{1,3}-[A-Za-z]+$")]


def standings(year: Season = LATEST) -> dict[str, Any]:
    """The championships of drivers and of teams after the last race of a season that is stored."""
    number = parse_year(year)
    season = season_page(number, load_season(number), timezone.now())
    columns = ("place", "name", "team", "points", "wins")
    drivers = [[at, each.name, each.team, each.points, each.wins] for at, each in enumerate(season.drivers, 1)]
    teams = [[at, each.name, each.team, each.points, each.wins] for at, each in enumerate(season.teams, 1)]
    caveats = [
        f"After {season.rounds[-1] if season.rounds else 'no race'}, the last of {plural(len(season.rounds), 'weekend')} "
        "with results here."
    ]
    if season.computed:
        caveats.append("Summed up from the stored results; penalties on points, and weekends that are not stored, are missing.")
    return {"year": number, "drivers": table(columns, drivers), "teams": table(columns, teams), "caveats": caveats}


def analysis(question: QuestionName, race: RaceWords, year: Year = None, session: SessionWords = "") -> dict[str, Any]:
    """A race engineer's question about a session: pace, degradation, team-mates, undercuts, with intervals and assumptions.

    Without session it is asked of the race, or the qualifying; of practice, name the session.
    """
    question = spell_question(question)
    if question not in QUESTIONS:
        raise NotAnswered(f"There is no question {question!r}; there are: {', '.join(QUESTIONS)}.")
    kinds = QUESTIONS[question].kinds
    chosen = choose_session(race, year, session or ("" if kinds == PRACTICE else kinds[0]), kinds=kinds)

    def make() -> bytes:
        with turn(admission.EXPENSIVE):
            return msgspec.json.encode(ask_analysis(question, chosen.pk), enc_hook=str)

    checked = getattr(getattr(chosen, "quality", None), "checked_at", None)
    try:
        answer = once(repr((settings.VERSION, "mcp", question, chosen.pk, versions.everything(), checked)), make)
    except (NotThere, CannotSay) as error:
        raise NotAnswered(str(error)) from error
    content = shortened(msgspec.json.decode(answer))
    content.pop("session")
    caveats = [
        "Pass on `interval` (95 %), `n`, `filters` and `assumptions` with each number: a difference within intervals is none.",
        *content.pop("warnings", []),
    ]
    return session_answer(chosen, **content, caveats=caveats)


def predict_laps(
    race: RaceWords,
    driver: Driver,
    from_lap: Annotated[int, Field(ge=2, le=200, description="The first predicted lap: driven, or the next of a race.")],
    year: Year = None,
    horizon: Annotated[int, Field(ge=1, le=20, description="How many laps.")] = 1,
    sectors_done: Annotated[int, Field(ge=0, le=2, description="Sectors of from_lap that are driven, and known.")] = 0,
) -> dict[str, Any]:
    """Predict a driver's lap times from what was known when a lap began, with 80 % intervals, by this site's models."""
    chosen = choose_session(race, year, "race")
    car = find_car(driver, session=chosen.pk)
    from ml import prediction

    try:
        with turn(admission.EXPENSIVE):
            answer = prediction.predict_session(
                session_id=chosen.pk, driver_number=car, from_lap=from_lap, horizon=horizon, sectors_done=sectors_done
            )
    except (prediction.CannotPredict, prediction.NoChampion, ValueError) as error:
        raise NotAnswered(str(error)) from error
    laps = [[lap.lap_number, lap.seconds, lap.low, lap.high, lap.task] for lap in answer.laps]
    models = {
        task: {"model": each.run.model, "mean_error_s": each.measured.get("mae"), "coverage": each.measured.get("coverage")}
        for task, each in answer.champions.items()
    }
    return session_answer(
        chosen,
        car=car,
        laps=table(("lap", "seconds", "low", "high", "task"), laps),
        models=shortened(models),
        caveats=[
            "low and high bound 80 %; clean laps are predicted, without stops, flags and traffic to come.",
            *answer.warnings,
        ],
    )


def rejoin(
    race: RaceWords,
    driver: Driver,
    lap: Annotated[int, Field(ge=2, le=200, description="The lap at whose end the car comes in: driven, or the next of a race.")],
    year: Year = None,
    safety_car: Annotated[bool, Field(description="As if the safety car were out.")] = False,
) -> dict[str, Any]:
    """Where a car rejoins if it stops at the end of a lap: the probability of each place, from what was known then."""
    chosen = choose_session(race, year, "race")
    car = find_car(driver, session=chosen.pk)
    content, caveats = ask_strategy("rejoin", session_id=chosen.pk, driver_number=car, lap=lap, safety_car=safety_car)
    places = [[each["place"], each["probability"]] for each in content.pop("places")]
    return session_answer(chosen, **content, places=table(("place", "probability"), places), caveats=caveats)


def undercut(
    race: RaceWords,
    driver: Driver,
    lap: Annotated[int, Field(ge=2, le=200, description="The lap at whose end the car, or the one ahead, comes in.")],
    year: Year = None,
) -> dict[str, Any]:
    """Whether a stop at the end of a lap gains the place of the car ahead, or staying out while that one stops: probabilities
    beside the share of recorded attempts that were won."""
    chosen = choose_session(race, year, "race")
    car = find_car(driver, session=chosen.pk)
    content, caveats = ask_strategy("undercut", session_id=chosen.pk, driver_number=car, lap=lap)
    return session_answer(chosen, **content, caveats=caveats)


def race_forecast(
    race: RaceWords,
    lap: Annotated[int, Field(ge=1, le=200, description="The lap of the leader after which nothing is known.")],
    year: Year = None,
) -> dict[str, Any]:
    """The finishing order from a lap on: each car's place then, its median, range of 80 %, and chances of win and podium."""
    chosen = choose_session(race, year, "race")
    content, caveats = ask_strategy("forecast", session_id=chosen.pk, lap=lap)
    columns = ("driver_number", "order_stays", "likely", "low", "high", "win", "podium")
    cars = [[car[name] for name in columns] for car in content.pop("cars")]
    return session_answer(chosen, **content, cars=table(columns, cars), caveats=caveats)


def what_if(
    race: RaceWords,
    driver: Driver,
    lap: Annotated[int, Field(ge=1, le=200, description="The lap of the leader after which nothing is known.")],
    stops: Annotated[
        list[StopWords],
        BeforeValidator(as_list),
        Field(max_length=6, description="Lap and compound of each stop after it, e.g. 15-HARD; none: no stop."),
    ],
    year: Year = None,
) -> dict[str, Any]:
    """A driver's finish with other stops beside that as driven, and the best window for the first; cannot be validated."""
    chosen = choose_session(race, year, "race")
    car = find_car(driver, session=chosen.pk)
    pairs = [stop.upper().split("-") for stop in stops]
    options = {"stop_lap": [int(number) for number, _ in pairs], "tyre_compound": [compound for _, compound in pairs]}
    content, caveats = ask_strategy("what-if", session_id=chosen.pk, driver_number=car, lap=lap, **options)
    columns = ("stop_lap", "expected", "error", "low", "high")
    window = [[each[name] for name in columns] for each in content.pop("window")]
    for name in ("as_driven", "changed"):
        del content[name]["places"]
    return session_answer(chosen, **content, window=table(columns, window), caveats=caveats)


def ask_strategy(question: str, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """(an answer about strategy without its session, what has to be passed on with it)"""
    from ml.strategy.answers import QUESTIONS as STRATEGY_QUESTIONS
    from ml.strategy.storing import NoStrategy

    try:
        with turn(admission.EXPENSIVE):
            answer = STRATEGY_QUESTIONS[question](**options)
    except (NoStrategy, ValueError) as error:
        raise NotAnswered(str(error)) from error
    caveats = [*answer.pop("assumptions"), *answer.pop("warnings")]
    del answer["session_id"]
    return answer, caveats


def sql(query: Annotated[str, Field(description="One SELECT in DuckDB's SQL.", max_length=running.LONGEST)]) -> dict[str, Any]:
    """Ask in SQL over all rows (tables: resource f1://schema, named as OpenF1's collections). At most 200 rows; aggregate."""
    if not settings.SQL:
        raise NotAnswered("SQL is turned off on this site.")
    try:
        with turn(admission.SQL):
            answer = running.run(query, rows=SQL_ROWS)
    except (running.Refused, running.WorkerDied) as error:
        raise NotAnswered(str(error)) from error
    caveats = [f"The first {SQL_ROWS} rows; there are more."] if answer.truncated else []
    caveats.append("Rows are as OpenF1 has them, with corrections; session_quality says how complete a session is.")
    content = table([column.name for column in answer.columns], msgspec.json.decode(answer.body), most=SQL_ROWS)
    return content | {"as_of": answer.as_of.isoformat() if answer.as_of else None, "caveats": caveats}


TOOLS = (standings, analysis, predict_laps, rejoin, undercut, race_forecast, what_if, sql)
