"""The cars of a session on pages and in the pictures of analyses: one order, one colour for each."""

from ml.cars import stored_looks
from pages.cars import cars_of
from pages.rows import load


def test_pages_and_pictures_show_the_cars_alike(race):
    def looks(cars):
        return [(car.number, car.acronym, car.team, car.light, car.dark, car.dashed) for car in cars]

    assert looks(stored_looks(race.pk)) == looks(cars_of(load(race)))
