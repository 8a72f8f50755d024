"""Identifiers planted anywhere in kept texts are cut out, and whole files of any content are handled."""

import re
import tempfile
import warnings
from datetime import date
from pathlib import Path

import pydicom
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.descriptors import clean_descriptor
from radcommons.deid.engine import deidentify_file
from radcommons.deid.folding import fold
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
from radcommons.deid.verify import residual_scan, verify_deidentified
from radcommons.deid.vocabulary import vocabulary

LETTERS = "abcdefghijklmnopqrstuvwxyzäöüéñçåø"
names = st.text(LETTERS, min_size=4, max_size=12).filter(lambda name: fold(name).text not in vocabulary())
numbers = st.integers(min_value=10_000, max_value=99_999_999).map(str)
phrases = st.lists(st.sampled_from(["CT", "chest", "lung", "1.25 mm", "follow-up", "contrast", "B31f"]), max_size=4)
spellings = st.sampled_from([str.upper, str.lower, str.title])
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _known(family, given_name, number):
    return (f"{family.title()}^{given_name.title()}", f"MRN-{number}")


@quick
@given(names, names, numbers, phrases, phrases, spellings)
def test_names_and_numbers_go_from_any_place_in_any_case(family, given_name, number, before, after, spell):
    text = " ".join([*before, spell(family), number, spell(given_name), *after])
    rest = fold(clean_descriptor(text, IdentifierPattern(_known(family, given_name, number))).text).text
    words = re.findall(r"[^\W\d_]+", rest)
    assert fold(family).text not in words
    assert fold(given_name).text not in words
    assert number not in rest


VARIANTS = (
    "{given} {family}",
    "{family}, {given}",
    "{family}_{given}",
    "{family}{given}",
    "{given}{family}",
    "{initial}. {family}",
    "{initial}{family}",
    "{family}{initial}",
    "{family}^{given}",
    "{family} {initial}.",
)


@quick
@given(names, names, st.sampled_from(VARIANTS), phrases, phrases, spellings)
def test_no_variant_of_a_harvested_name_survives(family, given_name, variant, before, after, spell):
    written = spell(variant.format(family=family, given=given_name, initial=given_name[0]))
    pattern = IdentifierPattern([f"{family.title()}^{given_name.title()}"])
    rest = fold(clean_descriptor(" ".join([*before, written, *after]), pattern).text).text
    assert fold(family).text not in re.sub(r"[\W_]", " ", rest).split()
    assert fold(written).text not in rest


DATES = st.dates(min_value=date(1925, 1, 1), max_value=date(2030, 12, 31))
DATE_FORMS = (
    "%Y%m%d",
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d%m%Y",
    "%y%m%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%d%b%Y",
    "%Y/%m/%d",
    "%d %m %Y",
)


@quick
@given(DATES, st.sampled_from(DATE_FORMS), phrases, phrases)
def test_no_form_of_a_harvested_date_survives(day, form, before, after):
    written = day.strftime(form)
    pattern = IdentifierPattern([day.strftime("%Y%m%d")])
    cleaned = clean_descriptor(" ".join([*before, written, *after]), pattern).text
    assert written not in cleaned
    assert re.sub(r"\D", "", written) not in re.sub(r"\D", "", cleaned.replace("1.25", "").replace("B31", ""))


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "CT",
            "chest",
            "Dr",
            "Lindqvist",
            "Doe",
            "jane",
            "MRN",
            "4711",
            "2020-04-12",
            "12.03.",
            "for",
            "by",
            ",",
            "^",
            "_",
            "(",
            ")",
            "95 yo",
            "tel",
            "555-0142",
            "\n",
            "Hospital",
            "at",
            "St.",
        ]
    ),
    max_size=14,
)


@quick
@given(FRAGMENTS, st.sampled_from([" ", "_", "", ", "]))
def test_cleaning_a_cleaned_text_changes_nothing(fragments, between):
    pattern = IdentifierPattern(["Doe^Jane", "4711999", "20200412"])
    once = clean_descriptor(between.join(fragments), pattern)
    again = clean_descriptor(once.text, pattern)
    assert again.text == once.text
    assert not again.is_changed


@quick
@given(st.text(max_size=200))
def test_any_text_is_cleaned_and_nothing_is_made_up(text):
    cleaned = clean_descriptor(text, IdentifierPattern(["Doe^Jane", "4711999"])).text
    assert len(cleaned) <= len(text) + 2
    assert set(cleaned) <= set(text) | set(" ;,\n_")


@quick
@given(names, names, numbers, phrases, spellings)
def test_no_identifier_survives_in_a_file(family, given_name, number, words, spell):
    planted = f"{' '.join(words)} {spell(family)} {number}".strip()[:60]
    dataset = made_ct(
        SpecificCharacterSet="ISO_IR 192",
        PatientName=f"{family.title()}^{given_name.title()}",
        PatientID=f"MRN-{number}",
        StudyDescription=planted,
        SeriesDescription=f"{spell(given_name)} {' '.join(words)}"[:60],
        ImageComments=f"seen {planted}",
        SoftwareVersions=planted,
    )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "out.dcm"
        outcome = deidentify_file(
            write_made(dataset, Path(folder) / "in.dcm"),
            path,
            profile=load_profile("ricord"),
            key=PseudonymKey(bytes(32)),
            patient=PatientMapping(f"MRN-{number}", "S-1", -77),
        )
        assert outcome.is_written, outcome.findings
        assert residual_scan(path, _known(family, given_name, number)) == ()
        assert not [finding for finding in verify_deidentified(path) if finding.is_error]
        kept = " ".join(str(element.value) for element in pydicom.dcmread(path).iterall() if element.VR in {"LO", "LT"})
    assert not re.search(rf"(?<!\d){number}(?!\d)", kept)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600), st.integers(min_value=0, max_value=1300), st.integers(min_value=0, max_value=255))
def test_damaged_files_are_written_clean_or_refused(noise, position, value):
    with tempfile.TemporaryDirectory() as folder:
        source = write_made(made_ct(), Path(folder) / "in.dcm")
        data = bytearray(source.read_bytes())
        data[min(position, len(data) - 1)] = value
        source.write_bytes(bytes(data) + noise)
        path = Path(folder) / "out.dcm"
        outcome = deidentify_file(
            source,
            path,
            profile=load_profile("ricord"),
            key=PseudonymKey(bytes(32)),
            patient=PatientMapping("MRN-7654321", "S-1", -77),
        )
        assert path.exists() == outcome.is_written
        assert sorted(Path(folder).iterdir()) == sorted([source] + [path] * outcome.is_written)
        if outcome.is_written:
            assert not [finding for finding in verify_deidentified(path) if finding.is_error]
        else:
            assert any(finding.is_error for finding in outcome.findings)
