"""Which words say nothing of a person."""

import re

import pytest
from tools.make_vocabulary import kept_by_hand, proper_names, words_of, written

from radcommons.deid.vocabulary import imaging_words, is_known, unknown_spans, unknown_words, vocabulary


def test_the_vocabulary_holds_words_of_imaging_and_no_common_family_names():
    assert {
        "chest",
        "lung",
        "contrast",
        "hospital",
        "axial",
        "graves",
        "hodgkin",
        "dixon",
        "townes",
        "judet",
        "waters",
    } <= vocabulary()
    assert {
        "stenvers",
        "swimmers",
        "haste",
        "mprage",
        "wirbelsaule",
        "poumon",
        "rodilla",
        "polmone",
        "schouder",
        "pulmao",
    } <= vocabulary()
    assert (
        not {"smith", "jones", "okonkwo", "miller", "nguyen", "garcia", "lindqvist", "taylor", "williams"}
        & vocabulary()
    )


def test_the_words_of_imaging_are_a_part_of_it():
    assert imaging_words() < vocabulary()
    assert {"head", "chest", "ct", "lateral"} <= imaging_words()
    assert not {"case", "hart", "cross", "brown", "bird", "graves"} & imaging_words()


def test_the_packaged_file_is_what_the_tool_makes_of_lists_and_dictionaries():
    by_hand = {word for word in words_of(kept_by_hand()) if word.isascii()}
    assert by_hand <= vocabulary()


@pytest.mark.parametrize(
    "word",
    [
        "chest",
        "CHEST",
        "Wirbelsäule",
        "nodules",
        "cholecystectomy",
        "neurogram",
        "iliofemoralgraphy",
        "ChestAbdomen",
        "thoracoscopy",
        "glioblastomas",
    ],
)
def test_known_words_are_plurals_compounds_and_formations_of_medicine_too(word):
    assert is_known(word)


@pytest.mark.parametrize("word", ["Okonkwo", "Ingram", "Marchetti", "Lindqvist", "Thoma", "Smiths"])
def test_names_are_not_known(word):
    assert not is_known(word)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("CT CHEST W/O CONTRAST", ()),
        ("AX T2 FLAIR p2 iso 1.0mm", ()),
        ("Thorax 2.0 B31f Br64 S3 I40", ()),
        ("chest Okonkwo lung Okonkwo", ("Okonkwo",)),
        ("Quixotesen_protocol-zwingli", ("Quixotesen", "zwingli")),
        ("Wu Li Ng", ()),
        ("山田 胸部", ("山田", "胸部")),
    ],
)
def test_unknown_words_are_told_once_in_their_order(text, unknown):
    assert unknown_words(text) == unknown


def test_places_of_unknown_words_are_those_in_the_text():
    text = "CT for Marchetti, thorax"
    assert [text[start:end] for start, end in unknown_spans(text)] == ["Marchetti"]


def test_proper_names_are_told_from_words_by_their_capitals():
    texts = [
        "Artery of Dandy",
        "Fracture of hand",
        "Left Anterior Oblique View",
        "dandelion of Bennet",
        "Bennet",
        "MRI of CSF",
    ]
    assert proper_names(texts) == {"dandy", "bennet"}


def test_the_written_file_is_sorted_wrapped_and_complete():
    words = {
        f"{first}{second}word{number}".translate(str.maketrans("0123456789", "abcdefghij"))
        for first in "ab"
        for second in "xy"
        for number in range(40)
    }
    text = written(words)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [word for line in lines for word in line.split()] == sorted(words)
    assert all(len({word[:2] for word in line.split()}) == 1 for line in lines)
    assert max(map(len, lines)) <= 180


def test_no_word_is_of_a_single_letter_or_holds_a_digit():
    assert all(len(word) > 1 and re.fullmatch(r"[^\W\d_]+", word) for word in vocabulary())
