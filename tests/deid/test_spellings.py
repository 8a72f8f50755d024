"""How one identifier is written elsewhere."""

import pytest

from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.spellings import date_of, is_name, name_words_of, needles_of


def _found(identifier, text, *, is_thorough=True):
    return [text[start:end] for start, end in IdentifierPattern([identifier]).spans(text, is_thorough=is_thorough)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Doe^Jane", "DOEJANE"),
        ("Щербаков^Пётр", "Schtscherbakow"),
        ("Щербаков^Пётр", "Chtcherbakov"),
        ("Щербаков^Пётр", "Shherbakov"),
        ("Παπαδάκης^Ελευθερία", "Eleftheria"),
        ("العبيدي^خالد", "عبيدي"),
        ("العبيدي^خالد", "Khalid"),
        ("Doe^Jane", "JaneDoe"),
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane", "jdoe"),
        ("Doe^Jane", "doej"),
        ("Doe^Jane", "J. Doe"),
        ("Doe^Jane", "Doe J."),
        ("Doe^Jane", "D O E"),
        ("Doe^Jane", "d.o.e."),
        ("Doe^Jane^Mary", "jmdoe"),
        ("Doe^Jane^Mary", "Jane M Doe"),
        ("Featherstone^Ann", "featherA".replace("A", "a")),
        ("Featherstone^Ann", "afeather"),
        ("Müller^Jürgen", "MUELLER"),
        ("MUELLER^Juergen", "Müller"),
        ("Weiß^Anna", "WEISS"),
        ("Østergaard^Bo", "OESTERGAARD"),
        ("Åkesson^Ulf", "Aakesson"),
        ("O'Brien^Sean", "OBRIEN"),
        ("O'Brien^Sean", "O’Brien"),
        ("OBrien^Sean", "O'Brien"),
        ("Smith-Jones^Amy", "SMITH JONES"),
        ("Smith-Jones^Amy", "Smithjones"),
        ("Smith-Jones^Amy", "Jones"),
        ("García Márquez^José Luis", "garcia_marquez"),
        ("García Márquez^José Luis", "jgarcia"),
        ("van den Berg^Eva", "VANDENBERG"),
        ("van den Berg^Eva", "Berg"),
        ("Petrenko^Oksana=Петренко^Оксана", "ПЕТРЕНКО"),
        ("=Иванов^Иван", "Ivanov"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田太郎"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ヤマダタロウ"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Taro Yamada"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "홍길동"),
        ("^John Smithson", "Smithson John"),
        ("Do^Fatima", "Do Fatima"),
        ("Case^Thomas", "CASE"),
        ("Li^Bo", "LI"),
        ("Quixotesen^Ulrika", "nesetoxiuq"),
        ("Quixotesen^Ulrika", "Quixo-\ntesen"),
        ("Quixotesen^Ulrika", "Quixo tesen"),
        ("Quixotesen^Ulrika", "Q.uixotesen"),
        ("Quixotesen^Ulrika", "AKIRLUNESETOXIUQ"),
        ("Zhang^Weiming=張^偉明", "张伟明"),
        ("=陈^丽华", "陳麗華"),
        ("=Watanabe^Ken=渡辺^健", "渡邊健"),
    ],
)
def test_a_name_is_found_however_it_is_written(name, text):
    assert "".join(_found(name, text)).strip(".") == text.strip(".")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Head^Anna", "CT HEAD"),
        ("Head^Anna", "A HEAD"),
        ("Hand^Laura", "HAND L"),
        ("Long^Wei", "T2 LONG TR"),
        ("Ma^Li", "100 mA"),
        ("Ng^Ann", "5 ng/ml"),
        ("Li^Bo", "LI-RADS 4"),
        ("Ray^Mei", "X RAY"),
        ("Le^Van", "le rachis"),
        ("In^Soo", "in 2 planes"),
        ("Dr^Prof", "CT 12"),
        ("A^B", "AB 12"),
        ("Morpho^Ann", "morphology"),
        ("Kneebone^Ann", "knee bone"),
        ("", "CT"),
        ("^^^^", "CT"),
    ],
)
def test_words_of_imaging_and_of_sentences_are_no_names_by_themselves(name, text):
    assert _found(name, text) == []


@pytest.mark.parametrize("text", ["Head, A.", "A. Head", "Anna Head", "HEAD_ANNA", "head^anna", "annahead"])
def test_a_name_that_is_a_word_of_imaging_is_found_beside_the_rest_of_it(text):
    assert _found("Head^Anna", text)


def test_a_long_name_is_found_inside_a_longer_word_and_takes_what_is_no_word_with_it():
    assert _found("Okonkwo^Adaeze", "okonkwochest") == ["okonkwo"]
    assert _found("Okonkwo^Adaeze", "xokonkwoson") == ["xokonkwoson"]
    assert _found("Anders^Eva", "Anderson") == ["Anderson"]


def test_a_name_ends_at_a_hump_a_digit_or_an_underscore():
    assert _found("Doe^Jane", "chestDoe2_x") == ["Doe"]
    assert _found("Doe^Jane", "DOE_CT") == ["DOE"]
    assert _found("Doe^Jane", "undoe") == []


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("MRN-0048213", "mrn 0048213", "mrn 0048213"),
        ("MRN-0048213", "no. 48213", "48213"),
        ("MRN-0048213", "0000048213", "0000048213"),
        ("77120934", "77 120 934", "77 120 934"),
        ("77120934", "77-12-09-34", "77-12-09-34"),
        ("AB-12345-C", "ab12345c", "ab12345c"),
        ("SITE01-0048213", "0048213", "0048213"),
        ("+1 555 010 7788", "010-7788", "010-7788"),
        ("+49 30 1234567", "030 1234567", "1234567"),
        ("St. Elsewhere General Hospital", "at St. Elsewhere", "St. Elsewhere"),
        ("St. Elsewhere General Hospital", "SEGH chest", "SEGH"),
        ("Mercy Valley Hospital", "Mercy-Valley", "Mercy-Valley"),
        ("12 Harbour Row, Springfield 01199", "12 HARBOUR ROW", "12 HARBOUR ROW"),
        ("12 Harbour Row, Springfield 01199", "springfield", "springfield"),
        ("MRN-7654321", "7 6 5 4 3 2 1", "7 6 5 4 3 2 1"),
        ("MRN-7654321", "7-6-5-4-3-2-1", "7-6-5-4-3-2-1"),
        ("MRN-7654321", "76.54.321", "76.54.321"),
        ("CTSCAN_ALPHA7", "ctscan alpha7", "ctscan alpha7"),
        ("77120934", "no. 77120934.0", "77120934"),
        ("Klinikum Düsseldorf", "UK Duesseldorf", "Duesseldorf"),
        ("Klinikum Duesseldorf", "UK Düsseldorf", "Düsseldorf"),
        ("Schwarzwälder-Anna-1961", "schwarzwaelder", "schwarzwaelder"),
        ("1234", "pat 1234", "1234"),
        ("jdoe@example.org", "jdoe example", "jdoe"),
    ],
)
def test_a_number_or_a_place_is_found_however_it_is_written(value, text, found):
    assert _found(value, text)[0] == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("48213", "148213"),
        ("48213", "482135"),
        ("48213", "48.213"),
        ("48213", "0.48213"),
        ("00001", "phase 1 of 01"),
        ("12345", "1 of 2, 3 of 4, 5"),
        ("CT64", "CT 64 slices"),
        ("MR1", "MR1"),
        ("CHEST", "CHEST"),
        ("General Hospital", "general view"),
        ("00000", "00000"),
    ],
)
def test_other_numbers_and_plain_words_stay(value, text):
    assert _found(value, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "19561103",
        "1956-11-03",
        "1956/308",
        "1956.11.03",
        "03.11.1956",
        "11/03/1956",
        "03111956",
        "561103",
        "03NOV1956",
        "3 Nov 1956",
        "Nov 3 1956",
        "DOE_19561103",
    ],
)
def test_a_date_is_found_in_every_order(text):
    assert _found("19561103", text)


def test_the_halves_of_a_postcode_are_found_as_one():
    assert _found("14 Inverleith Crescent, Edinburgh EH3 5PZ", "CT EH35PZ") == ["EH35PZ"]


def test_only_dates_are_read_as_dates():
    assert date_of("19561103").isoformat() == "1956-11-03"
    assert date_of("19561303") is None
    assert date_of("1956110") is None
    assert date_of("12345678") is None
    assert date_of("ABCDEFGH") is None


def test_short_words_of_a_name_are_no_needles_but_known_parts():
    assert name_words_of("Head^Anna^^Dr.") == {"head", "anna"}
    assert name_words_of("12345") == frozenset()
    assert is_name("Doe^Jane")
    assert is_name("=山田")
    assert not is_name("12 Harbour Row")


def test_no_needle_is_a_single_letter():
    for identifier in ("A^B^C", "X", "1", "李^=", "O'^D"):
        assert all(len(needle.text) > 1 for needle in needles_of(identifier))


def test_distinct_needles_alone_count_in_technical_values():
    assert _found("Li^Bo", "LI", is_thorough=False) == []
    assert _found("Case^Tom", "CASE", is_thorough=False) == []
    assert _found("Okonkwo^Ada", "OKONKWO", is_thorough=False) == ["OKONKWO"]
    assert _found("Okonkwo^Ada", "aokonkwo", is_thorough=False) == ["aokonkwo"]
    assert _found("19561103", "561103", is_thorough=False) == []


@pytest.mark.parametrize("designator", ["99PFUL", "99PFULLINGEN", "99SPF", "99pful"])
def test_a_coding_scheme_named_after_the_hospital_is_found(designator):
    texts = [text.text for text in needles_of("Spital Pfullingen Fachklinik")]
    assert designator.lower() in texts


def test_a_coding_scheme_of_others_is_none_of_the_hospital():
    texts = {needle.text for needle in needles_of("Spital Pfullingen Fachklinik")}
    assert texts.isdisjoint({"99gems", "99sdm", "99pmp", "99qiicr", "99", "99pf"})
