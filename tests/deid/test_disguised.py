"""Names that are written with figures, signs or letters of other alphabets are read as they look."""

import pytest

from radcommons.deid.disguised import disguised_words
from radcommons.deid.identifiers import IdentifierPattern

PATTERN = IdentifierPattern(["Quixotesen^Marchetta", "Щербак^Иннокентий", "Ilsemann-Bo^Te"])
DISGUISED = [
    "Chest Qu1xotesen",
    "QU1X0TES3N lateral",
    "for M@rchett@",
    "M4rch3tta 5mm",
    "Qui\u0445otesen",
    "Q\u03c5\u0456\u0445otesen",
    "\u041c\u0430rchett\u0430",
    "Quix\u03bftesen",
    "Qui\u200bxo\ufe0ftesen",
    "Quix\u034fotesen",
    "\U0001d410\U0001d42e\U0001d422\U0001d431\U0001d428tesen",
    "\uff31\uff55\uff49\uff58otesen",
    "Qui\u0301x\u00f6tesen",
    "1lsemann",
]


@pytest.mark.parametrize("text", DISGUISED)
def test_a_disguised_name_is_found_with_its_whole_word(text):
    spans = PATTERN.spans(text, is_thorough=True)
    left = text
    for start, end in reversed(spans):
        left = left[:start] + left[end:]
    assert left.strip(" ") in {"Chest", "lateral", "for", "5mm", ""}


@pytest.mark.parametrize(
    "text",
    [
        "T1WATER 5MM",
        "ST1.5 B31s",
        "CHEST2VIEWS 3D",
        "Легкие без контраста",
        "V2.0@64x0.625",
        "I1I1I1 H2O CO2RADS4",
        "5",
        "",
    ],
)
def test_codes_sizes_and_words_of_other_languages_stay(text):
    assert PATTERN.spans(text, is_thorough=True) == []


def test_a_one_is_an_i_or_an_l_and_a_strange_letter_leaves_the_word_alone():
    assert [said for *_, said in disguised_words("a1bert")] == ["aibert", "albert"]
    assert list(disguised_words("Щербак plain-words only")) == []
    assert list(disguised_words("a1 b2")) == []
