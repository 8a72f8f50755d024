"""One form for all ways to write a letter, each traceable to where it stood."""

import pytest

from radcommons.deid.folding import beginnings, fold, is_east_asian, listed


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("CHEST", "chest"),
        ("Müller", "muller"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("Østergård", "ostergard"),
        ("Æsir", "aesir"),
        ("Đặng", "dang"),
        ("ﬁbula", "fibula"),
        ("Ｏｋｏｎｋｗｏ", "okonkwo"),
        ("ヤマダ", "やまた"),
        ("ﾔﾏﾀﾞ", "やまた"),
        ("김길동", "김길동"),
        ("張偉明", "张伟明"),
        ("渡邊", "渡边"),
        ("渡辺", "渡边"),
        ("齋藤", "斋藤"),
        ("Mar\u200bche\u00adtti", "marchetti"),
    ],
)
def test_case_accents_and_forms_do_not_matter(text, folded):
    assert fold(text).text == folded


@pytest.mark.parametrize("text", ["plain ascii", "Straße Ågot", "Łukasz ﬁve", "x\u200by\u00adz"])
def test_every_letter_remembers_where_it_came_from(text):
    folded = fold(text)
    for place in range(len(folded.text)):
        start, end = folded.span(place, place + 1)
        assert folded.text[place] in fold(text[start:end]).text


def test_half_width_and_full_width_kana_are_one():
    assert fold("ﾔﾏﾀﾞ").text == fold("ヤマダ").text == fold("やまだ").text


def test_squeezing_keeps_letters_and_digits_with_their_places():
    squeezed = fold("O'Brien, 19-80").squeezed()
    assert squeezed.text == "obrien1980"
    assert squeezed.span(0, len(squeezed.text)) == (0, 14)
    assert squeezed.span(6, 10) == (9, 14)


def test_scripts_without_spaces_are_known():
    assert is_east_asian("山田")
    assert is_east_asian("やまだ")
    assert is_east_asian("김")
    assert not is_east_asian("Yamada Müller Иванов")


def test_a_list_is_a_set_of_words():
    assert listed(" one  two\nthree one ") == {"one", "two", "three"}


def test_a_word_may_begin_with_the_letters_at_each_place():
    assert set(beginnings("chest")) == {"ch", "che", "he", "hes", "es", "est", "st", "t"}
    assert set(beginnings("")) == set()
