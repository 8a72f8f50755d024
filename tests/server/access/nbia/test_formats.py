"""NBIA's formats, read back by the programs that people use."""

import csv
import io
import json

import pandas as pd
import pytest
from lxml import etree

from radcommons.server.access.nbia.formats import encode

COLUMNS = ("PatientID", "SeriesNumber", "Manufacturer")
ROWS = (("S-1", 3, None), ('O"Brien, <b>', 0, "SIEMENS"), ("", None, "é"))


def test_nulls_are_absent_from_json_and_numbers_stay_numbers():
    encoded = encode("", COLUMNS, ROWS)
    assert encoded.media_type == "application/json"
    assert json.loads(encoded.body) == [
        {"PatientID": "S-1", "SeriesNumber": 3},
        {"PatientID": 'O"Brien, <b>', "SeriesNumber": 0, "Manufacturer": "SIEMENS"},
        {"Manufacturer": "é"},
    ]


@pytest.mark.parametrize("name", ["CSV", "csvquoted", "CSV-DOWNLOAD"])
def test_every_cell_of_csv_is_quoted(name):
    encoded = encode(name, COLUMNS, ROWS)
    text = encoded.body.decode()
    assert text.splitlines()[0] == '"PatientID","SeriesNumber","Manufacturer"'
    assert list(csv.reader(io.StringIO(text)))[2] == ['O"Brien, <b>', "0", "SIEMENS"]
    assert list(pd.read_csv(io.StringIO(text)).columns) == list(COLUMNS)
    assert encoded.file_name == ("SeriesMetaData.csv" if name == "CSV-DOWNLOAD" else "")


def test_a_description_that_a_spreadsheet_would_run_is_a_text_in_csv():
    described = [('=HYPERLINK("http://elsewhere")', -3, "@SUM(A1)"), ("S-1", 1, "+C"), ("\t=1", 2, "A=B")]
    cells = list(csv.reader(io.StringIO(encode("CSV", COLUMNS, described).body.decode())))[1:]
    assert cells == [
        ['\'=HYPERLINK("http://elsewhere")', "-3", "'@SUM(A1)"],
        ["S-1", "1", "'+C"],
        ["'\t=1", "2", "A=B"],
    ]
    assert json.loads(encode("JSON", COLUMNS, described).body)[1]["Manufacturer"] == "+C"


def test_html_escapes_what_comes_from_headers():
    text = encode("html", COLUMNS, ROWS).body.decode()
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert text.count("<TR>") == 4


def test_xml_is_well_formed_and_typed():
    root = etree.fromstring(encode("XML", ("A", "PixelSpacing(mm)-Row"), [("<&\x01", 0.7), (None, None)]).body)
    (row, empty) = root
    assert (row[0].text, row[0].get("type")) == ("<&", "java.lang.String")
    assert (row[1].text, row[1].get("type")) == ("0.7", "java.lang.Double")
    assert len(empty) == 0


@pytest.mark.parametrize("name", ["JSON", "CSV", "XML", "HTML"])
def test_no_rows_are_an_empty_body(name):
    assert encode(name, COLUMNS, ()).body == b""


def test_an_unknown_format_is_none():
    assert encode("YAML", COLUMNS, ROWS) is None
