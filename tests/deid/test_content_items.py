"""Items of structured reports whose concept decides what happens to them."""

import pytest

from radcommons.deid.content_items import ContentRules
from radcommons.dicom.elements import Element
from radcommons.dicom.text import first_text

OPTIONS = ("clean_structured_content", "retain_patient_characteristics")


def _age(value, code=b"121033", scheme=b"DCM"):
    name = (Element(0x00080100, "SH", code), Element(0x00080102, "SH", scheme))
    number = (Element(0x0040A30A, "DS", value), Element(0x0040A161, "FD", b"\0" * 8))
    return (
        Element(0x0040A040, "CS", b"NUM "),
        Element(0x0040A043, "SQ", items=(name,)),
        Element(0x0040A300, "SQ", items=(number,)),
    )


def _number(items):
    measured = next(element for element in items[0] if element.tag == 0x0040A300)
    return first_text(measured.items[0][0]), len(measured.items[0])


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (b"95", 89, ("90", 1)),
        (b"104.5", 89, ("90", 1)),
        (b"89", 89, ("89", 2)),
        (b"95", None, ("95", 2)),
        (b"x ", 89, ("x", 2)),
    ],
)
def test_an_age_above_the_highest_category_becomes_that_category(value, limit, expected):
    prepared = ContentRules(OPTIONS, maximum_age_years=limit).prepare((_age(value),))
    assert _number(prepared) == expected


def test_other_numbers_stay():
    item = _age(b"95", code=b"999999")
    assert ContentRules(OPTIONS, maximum_age_years=89).prepare((item,)) == (item,)


def test_an_age_goes_where_no_characteristic_is_kept():
    assert ContentRules(("clean_structured_content",), maximum_age_years=89).prepare((_age(b"45"),)) == ()
