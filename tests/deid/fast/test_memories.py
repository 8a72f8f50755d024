"""What is remembered stays small, and what is the same for everybody is recognised by its form."""

import struct

import pytest
from tests.support.both_ways import made_job

from radcommons.deid.fast.layout import NotOrdinaryError
from radcommons.deid.fast.memories import NOTHING, Anybody, Memory, Notes, parsed, together
from radcommons.deid.fast.room import forget, room_of
from radcommons.deid.fast.shelf import Habits, Shelf
from radcommons.deid.rewriting import PatientMapping, ReportLine
from radcommons.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE


def test_a_memory_forgets_rather_than_grow():
    memory = Memory()
    for number in range(1000):
        raw = number.to_bytes(4, "little") * 4096
        assert memory.keep(raw, number, raw) == number
        assert sum(map(len, memory)) <= 2**22
    assert memory
    assert memory.keep(b"", 7, bytes(2**20)) == 7
    assert b"" not in memory


def test_few_patients_are_remembered_at_a_time():
    forget()
    jobs = [made_job(patient=PatientMapping(str(number), f"A-{number}", -50)) for number in range(40)]
    rooms = [room_of(job) for job in jobs]
    assert room_of(jobs[-1]) is rooms[-1]
    assert room_of(jobs[0]) is not rooms[0]


def _raw(tag, vr, value):
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


@pytest.mark.parametrize(
    ("tag", "vr", "value", "is_plain"),
    [
        (0x00180060, b"DS", b"120 ", True),
        (0x00180060, b"DS", b"high", False),
        (0x00180060, b"DS", b"", False),
        (0x00080032, b"TM", b"101500", True),
        (0x00080032, b"TM", b"Ulrika", False),
        (0x00280010, b"US", b"\0\2", True),
        (0x00081030, b"LO", b"1234", False),
        (0x00080020, b"DA", b"20200315", False),
        (0x00191001, b"DS", b"1.50", False),
    ],
)
def test_only_public_numbers_and_times_are_alike_for_everybody(tag, vr, value, is_plain):
    assert Anybody(EXPLICIT_LITTLE).is_plain(tag, _raw(tag, vr, value)) is is_plain


def test_raw_bytes_hold_one_element_or_are_not_in_order():
    raw = _raw(0x00180060, b"DS", b"120 ")
    assert parsed(raw, EXPLICIT_LITTLE).value == b"120 "
    for broken in (raw[:-1], raw + raw, b"", raw + b"\0"):
        with pytest.raises(NotOrdinaryError):
            parsed(broken, EXPLICIT_LITTLE)
    assert Anybody(IMPLICIT_LITTLE).vr(0x00180060, raw) == "DS"


def test_notes_are_put_together_without_repeating_themselves():
    line = ReportLine("(0008,0018)", "SOPInstanceUID", "U", "keyed UID")
    one, two = Notes((line,), (("ImageComments", "a"),), 1), Notes((line,), (), 2, has_cleaned_content=True)
    both = together((one, NOTHING, two))
    assert (both.report, both.kept_texts, both.redactions, both.has_cleaned_content) == (
        (line,),
        one.kept_texts,
        3,
        True,
    )
    assert one != Notes((line,), (("ImageComments", "a"),), 1)


class _Example:
    def __init__(self, kind, value):
        self.kind, self.value, self.slots = kind, value, ()

    def differing(self, other):
        return None if other.kind != self.kind else frozenset({self.value} - {other.value})

    def open_slots(self, slots):
        self.slots = tuple(sorted(slots))
        return True


def test_a_shelf_keeps_one_example_of_a_kind_and_all_that_was_learned_of_it():
    shelf = Shelf(Habits())
    for value in (1, 2, 2, 3):
        shelf.put(_Example("a", value))
    assert [(each.value, each.slots) for each in shelf] == [(3, (2, 3))]
    for kind in "bcde":
        shelf.put(_Example(kind, 0))
    assert [each.kind for each in shelf] == ["e", "d", "c", "b"]
    shelf.bring_forward(list(shelf)[2])
    assert [each.kind for each in shelf] == ["c", "e", "d", "b"]


def test_where_files_of_a_kind_differ_is_known_on_every_shelf_and_what_stood_there_is_not():
    habits = Habits()
    first, second = Shelf(habits), Shelf(habits)
    first.put(_Example("a", 1))
    second.put(_Example("a", 7))
    assert [each.slots for each in second] == [()]
    first.put(_Example("a", 2))
    other = Shelf(habits)
    other.put(_Example("a", 9))
    other.put(_Example("b", 9))
    assert [(each.kind, each.slots) for each in other] == [("b", ()), ("a", (2,))]
    assert habits == {"a": frozenset({2}), "b": frozenset()}


def test_habits_are_forgotten_rather_than_grow_without_end():
    habits = Habits()
    for kind in range(1000):
        habits.learn(kind, frozenset({kind}))
    assert len(habits) <= 256
    assert habits.learn(999, frozenset({1})) == {1, 999}
