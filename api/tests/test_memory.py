"""Values kept in memory."""

from api.memory import Memory


def test_the_values_used_last_are_kept_within_the_limit():
    kept = Memory[str](largest=60, total=100)
    for name in "abc":
        kept.put(name, name, 40)
        kept.get("a")
    assert [name for name in "abc" if kept.get(name)] == ["a", "c"]


def test_a_value_that_is_too_large_is_not_kept():
    kept = Memory[str](largest=10, total=100)
    kept.put("a", "a", 11)
    assert kept.get("a") is None


def test_a_value_kept_twice_counts_once():
    kept = Memory[str](largest=60, total=100)
    for _ in range(5):
        kept.put("a", "a", 40)
    kept.put("b", "b", 40)
    assert kept.get("a")
    assert kept.get("b")
