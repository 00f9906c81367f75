"""Expensive answers are made once, by one thread and one process at a time, and kept."""

import threading
import time

import pytest
from django.test import RequestFactory

from api import admission, kept
from jobs import leases


def test_what_is_asked_by_many_at_once_is_made_once():
    made, answers = [], []

    def make():
        made.append(True)
        time.sleep(0.2)
        return b"answer"

    threads = [threading.Thread(target=lambda: answers.append(kept.once("key", make))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (answers, made) == ([b"answer"] * 5, [True])
    assert kept.once("key", make) == b"answer"
    assert made == [True]


def test_what_is_kept_takes_no_turn(monkeypatch):
    kept.once("key", lambda: b"answer")
    monkeypatch.setattr(admission, "EXPENSIVE", admission.Limit("expensive", by_address=0, together=0))
    monkeypatch.setattr(admission, "PATIENCE", 0)
    request = RequestFactory().get("/")
    assert kept.in_turn(request, "key", lambda: pytest.fail("made again")) == b"answer"
    with pytest.raises(admission.Busy):
        kept.in_turn(request, "other", lambda: b"answer")


@pytest.mark.django_db
def test_another_process_with_the_same_question_is_waited_for(monkeypatch):
    monkeypatch.setattr(admission, "PATIENCE", 0)
    with kept.alone("pace", 1, {}):
        with kept.alone("pace", 2, {}):  # another question
            pass
        with (
            pytest.raises(admission.Busy, match="Another process is answering the same question") as busy,
            kept.alone("pace", 1, {}),
        ):
            pass
        assert busy.value.status_code == 503
    with kept.alone("pace", 1, {}):
        pass
    assert not leases.alive()
