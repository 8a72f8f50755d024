"""Many values are found plain at once exactly when each of them is by itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.deid.direct import ANYTHING, STAYING, UID_FORM
from radcommons.deid.fast.plain import Plain

NUMBER, TIME, BINARY = STAYING["DS"].form, STAYING["TM"].form, STAYING["FD"].form
FORMS = (NUMBER, TIME, BINARY, UID_FORM, ANYTHING)
values = st.one_of(
    st.sampled_from([b"120 ", b"-1.5\\2e3", b"", b"101530.25 ", b"1015", b"1.2.840.1\0", b"Ulrika", b"92\n93", b"\n"]),
    st.binary(max_size=6),
    st.text("0123456789. \\\n:eE+-", max_size=12).map(str.encode),
)


@given(st.lists(st.tuples(st.sampled_from(FORMS), values), min_size=1, max_size=8))
def test_all_are_plain_when_each_is(pairs):
    plain = Plain((place, form) for place, (form, _) in enumerate(pairs))
    assert plain.holds([value for _, value in pairs]) is all(form.fullmatch(value) for form, value in pairs)


@pytest.mark.parametrize("value", [b"92\n93", b"92\n", b"\n92", b"\n"])
def test_two_values_in_one_are_none(value):
    assert not Plain([(0, NUMBER), (1, NUMBER)]).holds([b"120 ", value])


def test_only_the_places_named_are_asked_for():
    plain = Plain([(1, NUMBER), (3, re.compile(b"A+"))])
    assert plain.holds([b"Ulrika", b"120 ", b"Ulrika", b"AA"])
    assert not plain.holds([b"Ulrika", b"120 ", b"Ulrika", b"B"])
