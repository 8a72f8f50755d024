"""Texts whose bytes are not in the declared character set: names in them are found as they were meant."""

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from tests.support.both_ways import at_length, in_short, made_job
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.identifiers import harvest_identifiers
from radcommons.deid.readings import other_texts, texts_as_meant, texts_of_others
from radcommons.dicom.elements import Element

LATIN, UTF8 = ("iso8859",), ("utf8",)


def _element(text, codec):
    return Element(0x00081030, "LO", text.encode(codec))


def test_latin_letters_in_a_text_that_declares_utf_8_are_read():
    assert texts_as_meant(_element("für Möller", "latin-1"), UTF8) == ["für Möller"]
    assert texts_as_meant(_element("für Möller", "utf-8"), UTF8) == ["für Möller"]


def test_utf_8_in_a_text_that_declares_latin_letters_is_read_as_well():
    assert "für Möller" in other_texts(_element("für Möller", "utf-8"), LATIN)
    assert other_texts(_element("for Moller", "utf-8"), LATIN) == []


def test_a_name_in_utf_8_is_harvested_although_the_object_declares_latin_letters():
    name = Element(0x00100010, "PN", "Möller^Zoë".encode())
    assert "Möller^Zoë" in harvest_identifiers((name,))


def _source(path, *, charset, name, tag, value):
    dataset = made_ct(SpecificCharacterSet=charset, PatientName=name)
    value += b" " * (len(value) & 1)
    dataset._dict[Tag(tag)] = RawDataElement(Tag(tag), "LO", len(value), value, 0, False, True)
    return write_made(dataset, path)


@pytest.mark.parametrize("profile", ["ricord", "tcia", "basic"])
@pytest.mark.parametrize(
    ("charset", "codec"),
    [("ISO_IR 100", "utf-8"), ("ISO_IR 192", "latin-1"), ("GB18030", "latin-1"), ("ISO_IR 144", "utf-8"), ("GB18030", "utf-8")],
)  # fmt: skip
def test_a_name_in_another_character_set_does_not_leave(charset, codec, profile, tmp_path):
    name = "Möller^Zoë" if charset != "ISO_IR 144" else "Moeller^Zoe"
    for tag in (0x00081030, 0x00181020):
        secret = "Möller".encode(codec)
        source = _source(tmp_path / "in.dcm", charset=charset, name=name, tag=tag, value=b"seen: " + secret)
        made = at_length(source, tmp_path, made_job(profile))
        assert made is not None
        assert secret not in made[0]
        assert b"M?ller" not in made[0]
        assert in_short(source, tmp_path, made_job(profile)) in (None, made)


@pytest.mark.parametrize(
    ("charset", "name", "word", "codec"),
    [
        ("ISO_IR 144", "Щербаков^Пётр", "Щербаков", "cp1251"),
        ("ISO_IR 144", "Щербаков^Пётр", "Щербаков", "koi8_r"),
        ("ISO_IR 126", "Παπαδάκης^Νίκος", "Παπαδάκης", "cp737"),
        ("ISO_IR 100", "Großmüller^Jörg", "Großmüller", "cp850"),
        ("ISO_IR 192", "العبيدي^خالد", "العبيدي", "cp1256"),
    ],
)
def test_a_name_in_a_code_page_of_its_country_does_not_leave(charset, name, word, codec, tmp_path):
    secret = word.encode(codec)
    source = _source(tmp_path / "in.dcm", charset=charset, name=name, tag=0x00081030, value=b"CT " + secret)
    made = at_length(source, tmp_path, made_job("ricord"))
    assert made is not None
    assert secret not in made[0]
    assert in_short(source, tmp_path, made_job("ricord")) in (None, made)


def test_texts_in_the_wrong_character_set_that_name_nobody_stay_as_they_are(tmp_path):
    value = "Schädel für Übersicht".encode()
    source = _source(tmp_path / "in.dcm", charset="ISO_IR 100", name="Quixotesen^Ulrika", tag=0x00081030, value=value)
    assert value in at_length(source, tmp_path, made_job())[0]


@pytest.mark.parametrize(("codec", "text"), [("shift_jis", "山田"), ("euc_kr", "홍길동"), ("gb18030", "王小东")])
def test_scripts_of_east_asia_are_read_where_no_character_set_is_declared(codec, text):
    assert f"CT {text}" in other_texts(_element(f"CT {text}", codec), LATIN)
    assert text in texts_of_others(_element(text, codec), LATIN)


def test_a_declared_script_is_not_read_as_another():
    assert texts_of_others(_element("山田", "utf-8"), ("utf8",)) == []
    assert texts_of_others(_element("Yamada", "ascii"), LATIN) == []
