"""Answers kept in memory."""

from api.openf1.answers import Answer, AnswerCache


def test_the_answers_used_last_are_kept_within_the_limit():
    kept = AnswerCache(largest=60, total=100)
    for name in "abc":
        kept.put(name, Answer(name.encode() * 40))
        kept.get("a")
    assert [name for name in "abc" if kept.get(name)] == ["a", "c"]


def test_an_answer_that_is_too_large_is_not_kept():
    kept = AnswerCache(largest=10, total=100)
    kept.put("a", Answer(b"a" * 11))
    assert kept.get("a") is None


def test_an_answer_kept_twice_counts_once():
    kept = AnswerCache(largest=60, total=100)
    for _ in range(5):
        kept.put("a", Answer(b"a" * 40))
    kept.put("b", Answer(b"b" * 40))
    assert kept.get("a")
    assert kept.get("b")
