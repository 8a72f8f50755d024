"""Stencils tell whether a header is like another, and what is in its slots."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from radcommons.deid.fast.layout import START
from radcommons.deid.fast.stencil import Stencil

TAIL = b"\xe0\x7f\x10\0OW\0\0\4\0\0\0"
TAGS = (0x00080018, 0x00081140, 0x00081155, 0x00180060, 0x00291010)


def _short(tag, vr, value):
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _long(tag, vr, value):
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value


def _raws(uid, items, kvp, blob):
    return (
        _short(TAGS[0], b"UI", uid),
        _long(TAGS[1], b"SQ", items),
        _short(TAGS[2], b"UI", b"1.2"),
        _short(TAGS[3], b"DS", kvp),
        _long(TAGS[4], b"OB", blob),
    )


def _data(raws, tail=TAIL):
    return bytes(START) + b"".join(raws) + tail


values = st.binary(max_size=40)


@given(values, values, values, values, st.sets(st.integers(0, 4), max_size=5))
def test_what_differs_in_slots_only_is_matched_and_taken_out(uid, items, kvp, blob, slots):
    known, other = _raws(b"1.2.3", b"", b"120 ", b"SV10"), _raws(uid, items, kvp, blob)
    stencil = Stencil(TAGS, known, sorted(slots), tail=TAIL, is_implicit=False, plan=list)
    differing = {index for index in range(5) if known[index] != other[index]}
    matched = stencil.matched(_data(other))
    if differing <= slots:
        assert matched == (_differences(known, other, slots), len(_data(other)))
    else:
        assert matched is None


def _differences(known, other, slots):
    return [(slot, other[index]) for slot, index in enumerate(sorted(slots)) if known[index] != other[index]]


few_values = st.sampled_from([b"", b"1.2.3", b"120 "])


@given(
    st.lists(st.tuples(few_values, few_values, few_values, few_values, st.booleans()), max_size=12),
    st.sets(st.integers(0, 4), max_size=5),
)
def test_a_header_that_was_taken_is_what_the_next_ones_are_compared_with_and_nothing_else_changes(others, slots):
    known = _raws(b"1.2.3", b"", b"120 ", b"SV10")
    experienced = Stencil(TAGS, known, sorted(slots), tail=TAIL, is_implicit=False, plan=list)
    for *values_in_it, is_taken in others:
        other = _raws(*values_in_it)
        fresh = Stencil(TAGS, known, sorted(slots), tail=TAIL, is_implicit=False, plan=list)
        matched = experienced.matched(_data(other))
        assert matched == fresh.matched(_data(other))
        if matched is not None and is_taken:
            experienced.take(matched[0])
            known = other


@given(
    st.lists(st.tuples(few_values, few_values, few_values, few_values), min_size=2, max_size=8),
    st.sets(st.integers(0, 4), max_size=5),
)
def test_what_there_is_a_plan_for_is_what_would_be_matched(others, slots):
    """Taken apart at once, a header has the values in its slots that it has slot by slot, or none."""
    known = _raws(b"1.2.3", b"", b"120 ", b"SV10")
    stencil = Stencil(TAGS, known, sorted(slots), tail=TAIL, is_implicit=False, plan=list)
    for number, values_in_it in enumerate(others):
        raws = _raws(*values_in_it)
        planned, matched = stencil.planned(_data(raws)), stencil.matched(_data(raws))
        if planned is not None:
            heads, found, end = planned
            assert end == len(_data(raws)) == matched[1]
            assert {each.slot for each in heads} >= {slot for slot, _ in matched[0]}
            ordered = sorted(slots)
            assert [each.raw + value for each, value in zip(heads, found, strict=True)] == [
                raws[ordered[each.slot]] for each in heads
            ]
        if matched is not None and number < len(others) // 2:
            stencil.take(matched[0])
            stencil.expect_like()
            again = stencil.planned(_data(raws))
            assert again is not None
            assert again[2] == matched[1]


def test_other_representations_and_other_ends_are_no_match():
    known = _raws(b"1.2.3", b"", b"120 ", b"SV10")
    stencil = Stencil(TAGS, known, [3], tail=TAIL, is_implicit=False, plan=list)
    assert stencil.matched(_data((*known[:3], _short(TAGS[3], b"LO", b"120 "), known[4]))) is None
    assert stencil.matched(_data(known, TAIL[:-1] + b"\1")) is None
    assert stencil.matched(_data(known)[:-20]) is None
    assert stencil.matched(_data(known)[: START + 60]) is None


def test_a_slot_that_claims_more_than_there_is_is_no_match():
    known = _raws(b"1.2.3", b"", b"120 ", b"SV10")
    stencil = Stencil(TAGS, known, [4], tail=TAIL, is_implicit=False, plan=list)
    lying = _long(TAGS[4], b"OB", b"SV10").replace(struct.pack("<I", 4), struct.pack("<I", 2**31))
    endless = lying.replace(struct.pack("<I", 2**31), b"\xff\xff\xff\xff")
    assert stencil.matched(_data((*known[:4], lying))) is None
    assert stencil.matched(_data((*known[:4], endless))) is None


def test_implicit_headers_have_slots_too():
    def implicit(tag, value):
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value

    tags = (0x00080018, 0x00180060)
    known = [implicit(tags[0], b"1.2\0"), implicit(tags[1], b"120 ")]
    stencil = Stencil(tags, known, [1], tail=b"", is_implicit=True, plan=list)
    other = implicit(tags[1], b"80")
    assert stencil.matched(_data((known[0], other), b"")) == ([(0, other)], START + len(known[0] + other))
