"""Names as they are heard and as people are called; words of imaging are never taken for one."""

import pytest

from radcommons.deid.descriptors import clean_descriptor
from radcommons.deid.identifiers import beginnings_in, pattern_of
from radcommons.deid.sounding import short_names_of, sounding_spans, sounds_of


def _cleaned(name, text):
    return clean_descriptor(text, pattern_of(frozenset({name}))).text


@pytest.mark.parametrize(
    "words",
    [
        "Schmidt Schmitt Schmid",
        "Katharina Catharina Katherina Catherine",
        "Stephenson Stevenson Stefenson",
        "Rashid Rasheed",
        "Ivanova Iwanowa",
        "Meier Meyer Maier Mayer",
        "MacDonald McDonald",
    ],
)
def test_words_that_sound_alike_have_one_sound(words):
    assert len({sounds_of(word) for word in words.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("Moore", "Mara"), ("Mark", "Merge"), ("Donald", "Tunneled"), ("Meyer", "Mohr"), ("Weber", "Wafer")],
)
def test_words_that_do_not_have_two(one, other):
    assert sounds_of(one) != sounds_of(other)


@pytest.mark.parametrize("word", ["", "Lee", "Ng", "T1w", "王", "12345"])
def test_what_is_short_or_no_word_has_none(word):
    assert sounds_of(word) == ""


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Schmidt^Katharina", "Schmitt Kathi"),
        ("Stephenson^Elizabeth", "STEVENSON"),
        ("MacDonald^William^Robert", "Mc Donald"),
        ("MacDonald^William^Robert", "Bill McDonald"),
        ("MacDonald^William^Robert", "W.R.M"),
        ("Müller^Jürgen", "Müllers"),
        ("Иванова^Екатерина", "Iwanowa"),
        ("王^小东", "王"),
        ("Krzyżanowska^Bożena", "Kryzanowska"),
        ("Krzyżanowska^Bożena", "Krzyzanowsak"),
        ("Krzyżanowska^Bożena", "Krzyzanow"),
        ("Жданова^Юлия", "Жданову"),
        ("Nowak^Jan", "Nowakiem"),
        ("Θεοδωράκης^Νίκος", "Θεοδωράκη"),
    ],
)
def test_a_name_goes_as_it_is_heard_shortened_or_bent(name, written):
    assert _cleaned(name, f"Thorax {written} axial").replace(".", "") == "Thorax axial"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Moore^Karen", "KNEE 4 OR MORE VIEWS"),
        ("Tomas^Lunger", "CT Lungs with tumor, thoracic"),
        ("王^小东", "王府 CT"),
        ("Stone^Ann", "Kidney stones"),
        ("White^Wilhelmina", "Will follow up"),
        ("MacDonald^William^Robert", "WRM protocol"),
        ("Torax^Ann", "Thorax axial"),
        ("Konstantinos^Ann", "Konsolidierung"),
    ],
)
def test_words_that_mean_themselves_stay(name, text):
    assert _cleaned(name, text) == text


def test_a_sound_is_among_what_a_text_may_begin_with():
    assert sounds_of("Stephenson") in beginnings_in("Thorax Stevenson")
    assert not pattern_of(frozenset({"Stephenson^Ann"})).is_silent_on(frozenset(beginnings_in("Thorax Stevenson")))
    assert not pattern_of(frozenset({"Stephenson^Ann"})).is_silent_on(frozenset(beginnings_in("Thorax Stephnson")))
    assert [sound for _, _, sound in sounding_spans("Thorax axial")] == []


def test_short_names_go_both_ways():
    assert {"bob", "rob"} <= short_names_of("robert")
    assert "robert" in short_names_of("bob")
    assert short_names_of("quixote") == frozenset()


def test_a_sound_counts_in_free_text_only():
    pattern = pattern_of(frozenset({"Stephenson^Elizabeth"}))
    assert pattern.spans("Stevenson", is_thorough=True) == [(0, 9)]
    assert pattern.spans("Stevenson", is_thorough=False) == []


def test_a_text_full_of_a_name_is_cleaned_in_time_that_grows_with_its_length():
    assert _cleaned("王^小东", "王 " * 30_000) == ""
    assert _cleaned("MacDonald^William", "Makdonald " * 6_000) == ""
