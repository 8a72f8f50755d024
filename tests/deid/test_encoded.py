"""What programs write into texts in hexadecimal numbers or base64 is read; words are no code."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.deid.encoded import encoded_texts
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.vocabulary import imaging_words

names = st.text(st.characters(codec="latin-1", categories=("Lu", "Ll")), min_size=8, max_size=30)


@given(names)
def test_what_is_encoded_is_told_with_its_place(name):
    for code in (base64.b64encode(name.encode()).decode(), name.encode().hex(), name.encode("utf-16-le").hex()):
        text = f"CT, {code} chest"
        said = {text[start:end]: said for start, end, said in encoded_texts(text)}
        assert code in said


@pytest.mark.parametrize(
    "text", ["", "Consolidation left lower lobe", "Thoraxradiographie a.p.", "1.2.840.10008.5.1.4.1.1.2", "ABCDEFGH"]
)
def test_words_and_numbers_say_nothing_more(text):
    assert not any(said.isascii() and said.isalpha() for _, _, said in encoded_texts(text))


@pytest.mark.parametrize(
    "written",
    ["Krzy%C5%BCanowska", "Krzy=C5=BCanowska", "Krzy\\u017canowska", "Krzy&#380;anowska", "Krzy&#x17c;anowska", "KrzyÅ¼anowska", "KrzyÃ\x85Â¼anowska"],
)  # fmt: skip
def test_escaped_and_misread_letters_are_read(written):
    text = f"CT {written}, 20% & 3=B"
    said = {(text[start:end].rstrip(","), said.rstrip(",")) for start, end, said in encoded_texts(text)}
    assert (written, "Krzyżanowska") in said
    assert all(place in written for place, _ in said)


@pytest.mark.parametrize("sign", ["%41", "=41", "&#65;", "a", "%", "Ã¼"])
def test_no_text_of_signs_takes_long_to_read(sign):
    began = time.process_time()
    list(encoded_texts(sign * 20_000))
    assert time.process_time() - began < 2


def test_no_word_of_imaging_is_taken_for_a_name_in_base64():
    pattern = IdentifierPattern(["Quixotesen^Ulrika", "MRN-7654321", "Li^Bo", "19310317"])
    assert [word for word in imaging_words() if pattern.spans(word, is_thorough=False)] == []


def test_a_name_in_base64_is_found_beside_a_plain_one():
    pattern = IdentifierPattern(["Quixotesen^Ulrika"])
    code = base64.b64encode(b"name=Ulrika Quixotesen").decode()
    text = f"Quixotesen {code} thorax"
    assert [text[start:end] for start, end in pattern.spans(text, is_thorough=True)] == ["Quixotesen", code]


@pytest.mark.parametrize(
    "encode",
    [base64.b32encode, base64.b85encode, base64.a85encode, lambda name: b"<~" + base64.a85encode(name) + b"~>"],
)
def test_rarer_encodings_are_read(encode):
    text = f"sent {encode(b'Quixotesen').decode()} by"
    assert "Quixotesen" in {said for _, _, said in encoded_texts(text)}


@pytest.mark.parametrize("mark", " :-,;")
def test_hexadecimal_octets_may_stand_apart(mark):
    assert "Quixotesen" in {said for _, _, said in encoded_texts(b"Quixotesen".hex(mark))}


@pytest.mark.parametrize("form", ["0x{:02x}", "{:d}", "{:02X}"])
def test_letters_may_be_listed_by_their_codes(form):
    text = f"header = [{', '.join(map(form.format, b'Quixotesen'))}]"
    assert "Quixotesen" in {said for _, _, said in encoded_texts(text)}


def test_a_code_joined_to_other_words_is_read():
    code = base64.b64encode(b"name=Quixotesen").decode()
    for text in (f"data={code}", f"Chest PA/{code}", f"MR_{code}_T1", f"MR_{code.rstrip('=')}_T1"):
        assert "name=Quixotesen" in {said for _, _, said in encoded_texts(text)}, text


def test_letters_of_which_an_octet_is_no_sign_are_read_as_meant():
    misread = "Nguyễn".encode().decode("latin-1")
    assert "Nguyễn" in {said for _, _, said in encoded_texts(f"CT {misread} chest")}


@pytest.mark.parametrize(
    "written",
    [
        r"M\374llerson",
        r"M\303\274llerson",
        r"M\xfcllerson",
        r"M\"ullerson",
        r"M{\"u}llerson",
        r"M\"{u}llerson",
        "M+APw-llerson",
        "%u004D%u00FCllerson",
    ],
)
def test_letters_of_c_of_tex_and_of_mail_are_read(written):
    text = f"CT {written}, T1+T2-FLAIR"
    assert ("Müllerson", written) in {(said, text[start:end]) for start, end, said in encoded_texts(text)}


@pytest.mark.parametrize(
    ("written", "meant"),
    [(r"Pe\v{c}", "Peč"), (r"Wei\ss{}", "Weiß"), (r"{\o}re", "øre"), (r"\AA b", None), ("a+????-b", None)],
)
def test_tex_has_letters_of_its_own_and_other_backslashes_say_nothing(written, meant):
    assert {said for _, _, said in encoded_texts(written)} == ({meant} if meant else set())


def test_what_looks_encoded_counts_only_where_it_is_the_patient():
    pattern = IdentifierPattern(["Quixotesen^Wanda"])
    texts = (
        "CT/THORAX+ABDOMEN/2.5MM",
        "VIBE_DIXON_TRA_BH-2",
        "MPR_COR_3.0_B31f",
        "THORAXABDOMENPELVIS",
        "A+B-C",
        "\\chest 100",
    )
    assert [pattern.spans(text, is_thorough=True) for text in texts] == [[]] * len(texts)
