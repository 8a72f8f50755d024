"""Accept headers, keys and names that people and attackers write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag

from radcommons.server.archive.dicomweb.accept import (
    DICOM_JSON,
    DICOM_XML,
    JSON,
    choose_attributes_type,
    choose_frame_form,
    choose_instance_form,
    is_encapsulated,
    parse_accept,
)
from radcommons.server.archive.dicomweb.keys import KEYS, RETURNED, Level, levels_down_to
from radcommons.server.archive.dicomweb.query import Fuzzy, parse_search
from radcommons.server.archive.encodings import DECODED, WRITTEN
from radcommons.server.archive.errors import NotAcceptableError, QueryInvalidError
from radcommons.server.archive.patterns import fuzzy_regex
from radcommons.server.archive.recently_used import RecentlyUsed

JPEG = "1.2.840.10008.1.2.4."
EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("header", ['"\\' * 32_000, 'a/b;x="\\' * 8_000, '"' * 64_000 + ",", ";," * 32_000])
def test_a_header_of_endless_quotes_is_read_in_one_pass(header):
    assert all("/" in item.media_type for item in parse_accept(header))


def test_a_quote_that_never_ends_holds_the_rest():
    (item,) = parse_accept('multipart/related; type="application/dicom, image/jpeg; q=0')
    assert (item.media_type, item.quality) == ("multipart/related", 1.0)


@given(st.text(max_size=80))
def test_any_header_is_read_and_what_is_wanted_has_a_positive_quality_best_first(header):
    ranges = parse_accept(header)
    assert all(item.quality > 0 for item in ranges)
    assert [item.quality for item in ranges] == sorted((item.quality for item in ranges), reverse=True)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, DICOM_JSON),
        ("*/*", DICOM_JSON),
        ("application/*", DICOM_JSON),
        ("application/json, application/dicom+json;q=0.5", JSON),
        ('multipart/related; type="application/dicom+xml"', DICOM_XML),
        ("multipart/related; type=application/dicom+xml; q=0.1, application/json;q=0.2", JSON),
        ("application/dicom+json;q=0, */*;q=0.1", DICOM_JSON),
    ],
)
def test_attributes_come_in_the_form_that_is_liked_best(header, chosen):
    assert choose_attributes_type(parse_accept(header)) == chosen


@pytest.mark.parametrize("header", ["text/html", 'multipart/related; type="application/dicom"', "a/b;q=nan", "q=1"])
def test_attributes_in_other_forms_are_refused_with_what_there_is(header):
    with pytest.raises(NotAcceptableError, match=re.escape(DICOM_XML)):
        choose_attributes_type(parse_accept(header))


def test_frames_are_given_anew_exactly_in_what_is_written_from_what_is_decoded():
    for stored in ("100", "102", "110", "52"):
        assert JPEG + stored not in DECODED
        with pytest.raises(NotAcceptableError):
            choose_frame_form(parse_accept("image/jls"), JPEG + stored, is_single=True)
    for stored in DECODED:
        for wanted in WRITTEN:
            ranges = parse_accept(f"multipart/related; type=application/dicom; transfer-syntax={wanted}")
            form = choose_instance_form(ranges, frozenset({stored}), is_single=False)
            assert (form.transfer_syntax, form.is_transcoded) == (wanted, stored != wanted)
            form = choose_frame_form(
                parse_accept(f"application/octet-stream; transfer-syntax={wanted}"), stored, is_single=True
            )
            assert form.transfer_syntax == (wanted if is_encapsulated(wanted) else EXPLICIT)


def test_one_instance_that_cannot_be_decoded_keeps_all_from_being_encoded_anew():
    ranges = parse_accept(f"multipart/related; type=application/dicom; transfer-syntax={JPEG}80, */*;q=0.1")
    mixed = choose_instance_form(ranges, frozenset({EXPLICIT, JPEG + "100"}), is_single=False)
    assert (mixed.transfer_syntax, mixed.is_transcoded) == (None, False)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.keyword)
def test_keys_are_called_and_typed_as_in_the_dictionary(key):
    assert keyword_for_tag(int(key.tag, 16)) == key.keyword
    assert dictionary_VR(int(key.tag, 16)) == key.vr
    assert key.tag in RETURNED[key.level] or key.column is not None
    for level in Level:
        parameters = [(key.keyword, "")]
        assert parse_search(level, parameters).matches == ()
        if key.level not in levels_down_to(level):
            with pytest.raises(QueryInvalidError, match="cannot be searched at this level"):
                parse_search(level, [(key.tag.lower(), "1")])


@pytest.mark.parametrize(
    ("word", "name", "fits"),
    [
        ("mull", "Müller^Anna", True),
        ("MÜLL", "Muller^Anna", True),
        ("ann", "Müller^Anna", True),
        ("nna", "Müller^Anna", False),
        ("smith", "Jones-Smith^A", True),
        ("o'b", "O'Brien^P", True),
        (".*", "Müller^Anna", False),
        ("(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", False),
        ("[a", "[a", True),
    ],
)
def test_a_word_finds_the_names_with_a_part_that_begins_so(word, name, fits):
    expression = fuzzy_regex(word).replace("[[:space:]^=,-]", r"[\s^=,-]")
    assert (re.search(expression, name, re.IGNORECASE) is not None) is fits


@given(st.text(max_size=30))
def test_the_words_of_a_fuzzy_search_hold_no_wildcard_and_no_separator(text):
    query = parse_search(Level.STUDY, [("PatientName", text), ("fuzzymatching", "true")])
    for match in query.matches:
        assert isinstance(match.condition, Fuzzy)
        assert not set("".join(match.condition.words)) & set("*?^=,;- \t")
        assert all(re.compile(fuzzy_regex(word).replace("[:space:]", r"\s")) for word in match.condition.words)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12)), max_size=40))
def test_what_is_remembered_never_outgrows_its_limit_and_the_newest_is_there(steps):
    kept, sizes = RecentlyUsed(10), {}
    for key, size in steps:
        kept.put(key, size, size_bytes=size)
        if size <= 10:
            sizes[key] = size
            assert kept.get(key) == size
        held = [kept.get(each) for each in range(6)]
        assert sum(each for each in held if each is not None) <= 10
    kept.clear()
    kept.put("all", "of it", size_bytes=10)
    assert kept.get("all") == "of it"
