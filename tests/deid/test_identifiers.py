"""Finding what a study knows of its patient in texts, however it is written."""

import pytest

from radcommons.deid.folding import fold
from radcommons.deid.identifiers import IdentifierPattern, harvest_identifiers
from radcommons.deid.vocabulary import vocabulary
from radcommons.dicom.elements import Element

KNOWN = IdentifierPattern(
    [
        "Okonkwo^Adaeze^Mary",
        "MRN-0048213",
        "Müller^Jürgen^^Dr",
        "Li^Bo",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "St. Elsewhere General Hospital",
        "12 Harbour Row, Springfield 01199",
        "555-0142",
        "Head^Anna",
    ]
)


def _found(text, *, is_thorough=True):
    return [text[start:end] for start, end in KNOWN.spans(text, is_thorough=is_thorough)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CT for OKONKWO", ["OKONKWO"]),
        ("adaeze okonkwo, chest", ["adaeze okonkwo"]),
        ("Okonkwo, Adaeze M.", ["Okonkwo, Adaeze M"]),
        ("okonkwo_adaeze.dcm", ["okonkwo_adaeze"]),
        ("MRN 0048213", ["MRN 0048213"]),
        ("no. 48213", ["48213"]),
        ("mrn0048213", ["mrn0048213"]),
        ("MUELLER", ["MUELLER"]),
        ("muller jurgen", ["muller jurgen"]),
        ("Jürgen Müller, dr", ["Jürgen Müller"]),
        ("seen by Li", ["Li"]),
        ("山田太郎様", ["山田太郎"]),
        ("Elsewhere protocol", ["Elsewhere"]),
        ("12 HARBOUR ROW", ["12 HARBOUR ROW"]),
        ("phone 5550142", ["5550142"]),
        ("Anna Head, f", ["Anna Head"]),
    ],
)
def test_identifiers_are_found_in_every_spelling(text, found):
    assert _found(text) == found


def test_the_initials_of_a_hospital_have_no_genitive():
    pattern = IdentifierPattern(["Saint Mary's Regional Hospital"])
    assert pattern.spans("SMRH knee", is_thorough=True) == [(0, 4)]


@pytest.mark.parametrize("text", ["CT HEAD", "Limited", "General chest", "148213", "482135", "Bolus", "48.213", ""])
def test_words_and_numbers_of_others_are_left(text):
    assert _found(text) == []


def test_short_and_common_words_count_only_in_free_text():
    assert _found("Bo", is_thorough=True) == ["Bo"]
    assert _found("Bo", is_thorough=False) == []
    assert _found("Okonkwo", is_thorough=False) == ["Okonkwo"]


def test_a_number_that_is_only_zeros_and_one_digit_is_not_searched_as_that_digit():
    pattern = IdentifierPattern(["00001"])
    assert pattern.spans("phase 1 of 01", is_thorough=True) == []
    assert pattern.spans("id 00001", is_thorough=True) == [(3, 8)]


def test_nothing_known_finds_nothing():
    assert IdentifierPattern([]).spans("Okonkwo", is_thorough=True) == []


def test_folding_remembers_where_letters_came_from():
    folded = fold("Straße Ågot")
    assert folded.text == "strasse agot"
    start = folded.text.index("agot")
    assert "Straße Ågot"[slice(*folded.span(start, start + 4))] == "Ågot"


def test_identifiers_are_harvested_at_every_depth_but_not_from_private_attributes():
    nested = Element(
        0x00400275, "SQ", items=((Element(0x00321032, "PN", b"Hargreaves^Joan"), Element(0x00080050, "SH", b"ACC77 ")),)
    )
    elements = (
        Element(0x00080080, "LO", b"Northside Clinic"),
        Element(0x00091010, "LO", b"private "),
        Element(0x00081030, "LO", b"CT CHEST"),
        Element(0x00100010, "PN", b"Single"),
        nested,
    )
    assert harvest_identifiers(elements) == {"Northside Clinic", "Hargreaves^Joan", "ACC77", "^Single"}


def test_the_vocabulary_is_of_imaging_words():
    assert {"chest", "lung", "contrast", "hospital"} <= vocabulary()
    assert "smith" not in vocabulary()


@pytest.mark.parametrize(
    ("service", "told", "silent"),
    [
        ("Cardiology", [], ["Cardiology follow-up", "CT for cardiology"]),
        ("Abteilung für Thoraxchirurgie", [], ["Thoraxchirurgie, präoperativ"]),
        ("Praxis Dr. Schulz", ["an Schulz", "Dr. SCHULZ"], ["CT Thorax"]),
        ("Praxis Dr. Brown", ["for Dr Brown"], ["fat on PET"]),
        ("Ward Okonkwo, tel 555-0142-77", ["ward okonkwo", "call 555 0142 77"], ["Ward"]),
        ("CT CHEST W/O CONTRAST for Siobhan Quixote", ["Quixote"], ["CT CHEST W/O CONTRAST"]),
    ],
)
def test_the_name_of_a_service_identifies_by_what_is_its_own(service, told, silent):
    found = harvest_identifiers((Element(0x00321033, "LO", service.encode()),), ("utf-8",))
    pattern = IdentifierPattern(found)
    assert all(pattern.spans(text, is_thorough=True) for text in told)
    assert not any(pattern.spans(text, is_thorough=True) for text in silent)


@pytest.mark.parametrize("name", ["BRUMBLEHOFEN CT 2", "Brumblehofen", "Gantry Zyxwarden", "ZQ7719334"])
def test_the_name_of_a_device_tells_whose_it_is(name):
    pattern = IdentifierPattern(["Zyxwarden^Quentin", "Spital Brumblehofen", name])
    assert pattern.names_persons([name], "ZQ7719334")


@pytest.mark.parametrize("name", ["CT2", "LightSpeed VCT", "Scanner Room", "Revolution Apex"])
def test_the_name_of_a_device_is_its_own(name):
    pattern = IdentifierPattern(["Zyxwarden^Quentin", "Spital Brumblehofen", "AN_CT01", name])
    assert not pattern.names_persons([name], "ZQ7719334")
