"""How long a client waits before it asks again, what it refuses to ask, and which parts it remembers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_server import status

from radcommons.client.answers import retry_after_s
from radcommons.client.errors import BusyFolderError, FolderError, RemoteError
from radcommons.client.journal import BATCH_ROWS, Arrived, Item, Journal
from radcommons.client.remote import LONGEST_ASKED_WAIT_S, LONGEST_WAIT_S, Remote
from radcommons.client.transport import AddressError, Transport
from radcommons.dicom.errors import Kind


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("7", 7), ("007", 7), ("9" * 400, float("inf"))])
def test_a_number_of_seconds_is_waited_for(text, seconds):
    assert retry_after_s(text) == seconds


def test_a_date_is_waited_for_and_one_that_has_passed_is_now():
    now = datetime.now(UTC)
    assert 50 < retry_after_s(format_datetime(now + timedelta(seconds=60), usegmt=True)) <= 60
    assert retry_after_s(format_datetime(now - timedelta(days=1), usegmt=True)) == 0
    assert retry_after_s("Mon, 01 Jan 0001 00:00:00 -0000") == 0


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1.5", "1e9", "\xb2", "٣", " 5", f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"]
)
def test_what_is_neither_is_no_wish(text):
    assert retry_after_s(text) is None


@given(
    st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [+-]\d+", fullmatch=True)
)
def test_no_header_of_a_server_stops_the_client(text):
    waited = retry_after_s(text)
    assert waited is None or waited >= 0


def test_pauses_grow_with_each_failure_and_have_an_end_whoever_asks_for_them():
    failure = RemoteError(Kind.UNAVAILABLE, "client.refused", "no", may_retry=True)
    greedy = RemoteError(Kind.UNAVAILABLE, "client.refused", "no", may_retry=True, retry_after_s=1e9)
    with Remote("http://127.0.0.1:1", first_wait_s=0.5) as remote:
        for number in range(1, 12):
            longest = min(0.5 * 2 ** (number - 1), LONGEST_WAIT_S)
            assert longest / 2 <= remote._pause_s(number, failure) <= longest
        assert remote._pause_s(1, greedy) == LONGEST_ASKED_WAIT_S


def test_only_what_may_pass_is_asked_again(repository):
    for number, asked in ((404, 1), (403, 1), (501, 1), (429, 3), (503, 3), (408, 3)):
        there = [lambda handler: handler.answer(200, b"there")]
        repository.faults[f"/{number}$"] = [status(number, headers=[("Retry-After", "0")])] * 2 + there
        with Remote(repository.url, first_wait_s=0.001) as remote:
            if asked > 1:
                assert remote.document(str(number)) == b"there"
            else:
                with pytest.raises(RemoteError) as refusal:
                    remote.document(str(number))
                assert (refusal.value.code, refusal.value.facts["status"]) == ("client.refused", number)
        assert repository.requests[f"/{number}"] == asked


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/x", "//host/x", "http://", "http://[bad/", "http://host:99999/", "http://h/a b",
     "http://h/\r\nX: y", "http://h/\xfc", "javascript:alert(1)", ""],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_never_asked(url):
    transport = Transport({})
    with pytest.raises(AddressError), transport.open(url):
        raise AssertionError


def test_a_server_that_redirects_without_end_or_out_of_the_web_is_left(repository):
    to = {"round": "/round", "file": "file:///etc/passwd"}
    for name, place in to.items():
        repository.faults[f"/{name}$"] = [status(302, b"", [("Location", place)])] * 20
        with Remote(repository.url, first_wait_s=0.001) as remote, pytest.raises(RemoteError) as refusal:
            remote.document(name)
        assert refusal.value.code == "client.bad-address"
    assert repository.requests["/round"] == 6


def test_parts_are_remembered_once_and_forgotten_when_the_file_is_whole_or_begins_anew(tmp_path):
    large = [Item("a", "a", "a" * 64, 30), Item("b", "b", "b" * 64, 30)]
    with Journal(tmp_path) as journal:
        journal.add(large)
        for number in (0, 2, 2, 1 << 40):
            journal.mark_part("a", number)
        journal.mark_part("b", 0)
    with Journal(tmp_path) as journal:
        assert journal.parts_of("a") == {0, 2, 1 << 40}
        assert journal.pending_sum() == (2, 60)
        journal.mark_done([Arrived("a", 5)])
        assert (journal.parts_of("a"), journal.parts_of("b")) == (frozenset(), {0})
        assert journal.pending_sum() == (1, 30)
        journal.forget_parts("b")
        assert journal.parts_of("b") == frozenset()
        journal.reopen(["a", "unknown"])
        assert [item.path for item in journal.pending()] == ["a", "b"]
        assert journal.proofs(["a", "b"]) == {"a": 5}


def test_more_items_than_are_read_at_once_come_in_order_and_none_twice(tmp_path):
    planned = [Item(f"{number:05}", "x", "c" * 64, 1) for number in range(2 * BATCH_ROWS + 1)]
    with Journal(tmp_path) as journal:
        journal.add(planned)
        seen = []
        for item in journal.pending():
            seen.append(item)
            if len(seen) == 1:
                journal.mark_done([Arrived(item.path, 1)])
        assert seen == planned
        assert len(list(journal.pending())) == len(planned) - 1


def test_a_second_download_a_foreign_folder_and_a_damaged_journal_are_told_apart(tmp_path):
    with Journal(tmp_path) as journal:
        journal.bind("one")
        journal.bind("one")
        with pytest.raises(BusyFolderError):
            Journal(tmp_path)
    with Journal(tmp_path) as journal, pytest.raises(FolderError):
        journal.bind("two")
    for path in (tmp_path / ".radcommons").iterdir():
        path.unlink()
    (tmp_path / ".radcommons" / "journal.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 4080)
    with pytest.raises(FolderError, match="damaged"):
        Journal(tmp_path)
