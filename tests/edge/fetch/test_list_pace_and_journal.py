"""The list, the pace and the journal of a fetch, without a PACS."""

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.fetch.journal import StudyEntry, StudyState, WishState, opened
from radcommons.edge.fetch.pace import Pace, parse_pause
from radcommons.edge.fetch.wishes import Wish, read_wishes

NOON = datetime(2024, 5, 6, 12, 0)  # noqa: DTZ001  a hospital's wall clock
CLOCK = st.times(min_value=time(0), max_value=time(23, 59)).map(lambda each: each.replace(microsecond=0))


def wishes_of(folder, content):
    path = folder / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_wishes(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("accession_number,,\nA1,a remark,another\n", Wish("A1")),
        (" PATIENT_ID ; Study_Date \r\n P1 ;20200401-\r\n", Wish("", "P1", "20200401-")),
        ("patient_id,study_date\nP1,-20200430\n", Wish("", "P1", "-20200430")),
        ('accession_number\n"A, 1"\n', Wish("A, 1")),
        ("accession_number,patient_id,study_date\nA1\n", Wish("A1")),
        ("accession_number\nA1,too,many\n", Wish("A1")),
        ("accession_number\n" + "x" * 64, Wish("x" * 64)),
    ],
)
def test_lists_are_read_as_spreadsheets_write_them(tmp_path, content, expected):
    assert wishes_of(tmp_path, content) == [expected]


@pytest.mark.parametrize(
    "content",
    [
        "accession_number\n" + "x" * 65,
        "accession_number\nA?\n",
        "accession_number\nA\x07\n",
        'accession_number\n"A\nB"\n',
        "patient_id,study_date\nP,2020-041\n",
        "patient_id,study_date\nP,2020-0412\n",
        "patient_id,study_date\nP,20200412-2020043\n",
        "patient_id,study_date\nP,-\n",
        "patient_id,study_date\nP,２０２００４１２\n",
        "study_date\n20200412\n",
        "accession_number,study_date\n,20200412\n",
        "accession_number\n" + "x" * 140_000,
        "accession_number\nM\xfcller\n".encode("latin-1"),
    ],
)
def test_a_value_that_could_match_more_than_it_names_is_refused(tmp_path, content):
    with pytest.raises(RadCommonsError) as refusal:
        wishes_of(tmp_path, content)
    assert refusal.value.code == "edge.fetch-list"
    assert "ller" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "07:30", "07:30-", "-18:00", "25:00-26:00", "7-8", "07:30+02:00-18:00", "a-b"])
def test_what_is_no_pause_is_refused(text):
    with pytest.raises(ValueError):
        parse_pause(text)


def test_a_pause_ends_at_its_minute_and_the_hour_is_shared_out():
    pace = Pace(per_hour=4, pauses=(parse_pause("07:30 - 18:00"),))
    assert pace.wait_s(NOON.replace(hour=7, minute=29, second=59), None) == 0
    assert pace.wait_s(NOON.replace(hour=7, minute=30), None) == 10.5 * 3600
    assert pace.wait_s(NOON.replace(hour=18), None) == 0
    evening = NOON.replace(hour=20)
    assert pace.wait_s(evening, evening) == 900
    assert pace.wait_s(evening, evening - timedelta(hours=2)) == 0
    morning = NOON.replace(hour=7, minute=20)
    assert pace.wait_s(morning, morning) == (10 * 60 + 40) * 60


@given(st.lists(st.tuples(CLOCK, CLOCK), max_size=3), CLOCK, st.sampled_from([0, 0.5, 60]))
def test_after_the_wait_no_pause_is_left_unless_they_fill_the_day(pauses, clock, per_hour):
    pace, now = Pace(per_hour, tuple(pauses)), datetime.combine(NOON.date(), clock)
    wait_s = pace.wait_s(now, None)
    assert wait_s >= 0
    resumed = now + timedelta(seconds=wait_s)
    hours = [NOON + timedelta(minutes=step) for step in range(24 * 60)]
    if any(Pace(pauses=tuple(pauses)).wait_s(each, None) == 0 for each in hours):
        assert Pace(pauses=tuple(pauses)).wait_s(resumed, None) == 0


def test_a_study_of_two_lines_is_fetched_once_and_reported_with_both(tmp_path):
    wishes = [Wish("A1"), Wish("", "P1"), Wish("A3")]
    with opened(tmp_path) as journal:
        journal.add(wishes)
        journal.add(wishes[:1])
        numbers = [number for number, _ in journal.waiting_wishes(wishes)]
        assert journal.waiting_wishes([Wish("A9")]) == []
        journal.note_wish(numbers[0], WishState.FOUND, [("1.2", 3)])
        journal.note_wish(numbers[1], WishState.FOUND, [("1.2", 3), ("1.1", -1)])
        journal.note_wish(numbers[2], WishState.NOT_FOUND)
        assert journal.next_study(attempts=2) == StudyEntry("1.1", -1, 0)
        journal.note_study("1.1", StudyState.PARTIAL, received=1, reason="edge.fetch-partial")
        assert journal.next_study(attempts=2) == StudyEntry("1.2", 3, 0)
        journal.note_study("1.2", StudyState.COMPLETE, received=3)
        assert journal.next_study(attempts=2) == StudyEntry("1.1", -1, 1)
        assert journal.next_study(attempts=1) is None
    with opened(tmp_path) as journal:
        counts = journal.counts()
        assert (counts["wish_found"], counts["wish_not_found"], counts["study_complete"]) == (2, 1, 1)
        assert (counts["instances"], counts["expected"]) == (4, 3)
        assert list(journal.report()) == [
            ("A1", "", "", "1.2", "complete", "3", "3", ""),
            ("", "P1", "", "1.1", "partial", "-1", "1", "edge.fetch-partial"),
            ("", "P1", "", "1.2", "complete", "3", "3", ""),
            ("A3", "", "", "", "not_found", "0", "0", ""),
        ]
        assert (tmp_path / ".radcommons" / "fetch.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_whole_study_is_fetched_again_only_when_the_pacs_has_more_of_it(tmp_path):
    with opened(tmp_path) as journal:
        journal.add([Wish("A1")])
        for expected, is_wanted in ((2, True), (2, False), (1, False), (5, True)):
            journal.retry([Wish("A1")])
            ((number, _),) = journal.waiting_wishes([Wish("A1")])
            journal.note_wish(number, WishState.FOUND, [("1.2", expected)])
            assert (journal.next_study(attempts=1) is not None) is is_wanted, expected
            if is_wanted:
                journal.note_study("1.2", StudyState.COMPLETE, received=expected)
