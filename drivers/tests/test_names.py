"""Names as OpenF1 writes them."""

import pytest

from drivers.names import driver_id, format_full_name, names_match

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("full_name", "expected"),
    [
        ("Charles LECLERC", "charles_leclerc"),
        ("Patricio O'WARD", "patricio_oward"),
        ("Patricio O’WARD", "patricio_oward"),
        ("Nico HÜLKENBERG", "nico_hulkenberg"),
        ("Kevin SØRENSEN", "kevin_sorensen"),
        ("Carlos SAINZ Jr.", "carlos_sainz_jr"),
        ("Jean-Éric VERGNE", "jean_eric_vergne"),
        ("  Nyck   DE VRIES ", "nyck_de_vries"),
        ("", None),
        (None, None),
        ("...", None),
    ],
)
def test_the_driver_id_is_the_folded_full_name(full_name, expected):
    assert driver_id(full_name) == expected


@pytest.mark.parametrize(
    ("full_name", "parts", "expected"),
    [
        ("Patricio O'WARD", (), "Patricio O'Ward"),
        ("ZHOU Guanyu", (), "Zhou Guanyu"),
        ("Nyck DE VRIES", ("Nyck", "de Vries"), "Nyck de Vries"),
        ("Bruce MCLAREN", ("Bruce", "McLaren"), "Bruce McLaren"),
        ("Bruce MCLAREN", (None, None), "Bruce Mclaren"),
    ],
)
def test_full_names_are_tidied(full_name, parts, expected):
    assert format_full_name(full_name, *parts) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Charles LECLERC", "Charles", "Leclerc"), True),
        (("ZHOU Guanyu", "Guanyu", "Zhou"), True),
        (("Kimi ANTONELLI", "Andrea Kimi", "Antonelli"), True),
        (("Gabriel BORTOLETO", None, None), True),
        (("Paul ARON", "Max", "Verstappen"), False),
        (("Max ARON", "Max", "Verstappen"), False),
    ],
)
def test_names_that_are_somebody_elses_do_not_agree(names, expected):
    assert names_match(*names) is expected
