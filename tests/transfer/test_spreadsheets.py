from hypothesis import given
from hypothesis import strategies as st

from radcommons.transfer.spreadsheets import as_meant, harmless


@given(st.text())
def test_no_cell_begins_as_a_formula_and_every_cell_comes_back(text):
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert as_meant(harmless(text)) == text or text.startswith("'")


def test_an_apostrophe_that_a_person_wrote_stays():
    assert as_meant("'s-Hertogenbosch") == "'s-Hertogenbosch"


def test_numbers_and_nothing_are_left():
    assert [harmless(cell) for cell in (-3, 2.5, None)] == [-3, 2.5, None]
