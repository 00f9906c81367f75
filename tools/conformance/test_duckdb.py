"""DuckDB over HTTP: it asks for the columns of a Parquet file that a question needs, by ranges."""

import duckdb
import pytest
from duckdb_extensions import import_extension

from mirror import SITE, rows_of


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as database:
        import_extension("httpfs", con=database)
        database.execute("LOAD httpfs")
        yield database


@pytest.mark.parametrize(
    ("path", "key"),
    [("/v1/laps?format=parquet", "session_key"), ("/api/v1/laps/?format=parquet&ordering=lap_id", "session_id")],
)
def test_a_question_about_the_whole_list(database, session, path, key):
    times = [row["lap_duration"] for row in rows_of(f"laps?session_key={session}") if row["lap_duration"]]
    question = f"SELECT count(lap_duration), min(lap_duration) FROM read_parquet('{SITE}{path}') WHERE {key} = {session}"
    assert database.execute(question).fetchone() == (len(times), min(times))


def test_the_samples_of_a_car(database, session, car):
    path = f"/api/v1/car-data/?session_id={session}&driver_number={car}&format=parquet"
    samples = rows_of(f"car_data?session_key={session}&driver_number={car}&empty=list")
    if not samples:
        pytest.skip("no samples of this session are mirrored")
    assert database.execute(f"SELECT count(*) FROM read_parquet('{SITE}{path}')").fetchone() == (len(samples),)
