"""The journal: what was synced is there after a crash, and a torn end costs nothing before it."""

from datetime import UTC, datetime

import pytest

from live.journal import Journal, read_messages, read_session
from live.messages import Message, receive

pytestmark = pytest.mark.once
NOW = datetime(2026, 3, 8, 14, tzinfo=UTC)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def message(number):
    return Message(NOW, "v1/laps", {"lap_number": number, "_key": f"1_{number}", "_id": number})


def test_what_was_synced_can_be_read_while_the_journal_is_open():
    journal = Journal(1, NOW)
    for number in range(1500):
        journal.append(message(number))
    journal.sync()
    journal.append(message(1500))
    assert list(read_session(1)) == [message(number) for number in range(1500)]
    journal.close()
    assert len(list(read_session(1))) == 1501


def test_a_torn_end_costs_nothing_before_it(tmp_path):
    journal = Journal(1, NOW)
    for number in range(300):
        journal.append(message(number))
    journal.close()
    torn = tmp_path / "torn.jsonl.zst"
    torn.write_bytes(journal.paths[0].read_bytes()[:-20])
    whole = [message(number) for number in range(300)]
    assert list(read_messages(torn)) == whole[: len(list(read_messages(torn)))]


def test_a_second_process_writes_a_file_of_its_own():
    for at in (NOW, NOW.replace(hour=15)):
        journal = Journal(1, at)
        journal.append(message(at.hour))
        journal.close()
    assert [each.row["lap_number"] for each in read_session(1)] == [14, 15]


def test_what_could_be_read_only_with_few_calls_around_it_is_no_row():
    """A payload nested to the limit of recursion was written to the journal, and reading it again ended the process."""

    def read(calls):
        return read(calls - 1) if calls else list(read_session(1))

    sent = [receive("v1/laps", b"[" * depth + b"]" * depth, NOW) for depth in range(800, 1000)]
    journal = Journal(1, NOW)
    for each in sent:
        journal.append(each)
    journal.close()
    assert read(30) == sent


@pytest.mark.parametrize("payload", [b'{"lap', b"\xff\xfe", b"[" * 100_000, b"[1]", b'"text"'])
def test_what_is_no_row_is_journalled_all_the_same(payload):
    received = receive("v1/laps", payload, NOW)
    assert received.row is None
    assert received.version is None
    journal = Journal(1, NOW)
    journal.append(received)
    journal.close()
    assert list(read_session(1)) == [received]
