"""Tables of readings, MIDRC's grades and records: complete, in MIDRC's own words, harmless in a spreadsheet."""

import csv
import io
import json
from dataclasses import replace

import duckdb
import jsonschema
import pytest
import yaml
from tests.support.readings import EVERY_KIND, STUDY, TO_STUDY, full_reading

from radcommons.stats.agreement import Weighting, cohen_kappa, gwet_ac
from radcommons.stats.estimate import Bootstrap
from radcommons.transfer.annotation.checking import check_reading
from radcommons.transfer.annotation.documents import open_csv
from radcommons.transfer.annotation.midrc import midrc_records, read_midrc
from radcommons.transfer.annotation.mrale_csv import COLUMNS, read_mrale, write_mrale
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Item, Method, Reading
from radcommons.transfer.annotation.tables import COLUMNS as TABLE_COLUMNS
from radcommons.transfer.annotation.tables import rows_of, write_csv, write_parquet
from radcommons.transfer.annotation.untyped import AnnotationFormatError

HEADER = ",".join(COLUMNS)
ROW = f"{STUDY},>75%,Dense,None,None,,4,3,0,0,12"


@pytest.fixture(scope="module")
def real(shared_data):
    raw = (shared_data / "annotations" / "midrc_mrale_training_annotations.csv").read_bytes()
    return raw, read_mrale(raw)


def test_the_real_table_is_2079_radiographs_and_comes_out_byte_for_byte(real):
    raw, table = real
    schema = ready_schema("midrc-mrale")

    assert len(table.readings) == len(set(table.readings)) == 2079
    assert table.findings == ()
    assert [found for reading in table.readings for found in check_reading(schema, reading)] == []
    assert write_mrale(table.readings) == raw


def test_scores_of_the_real_table_are_its_own(real):
    raw, table = real
    scores = {row["StudyInstanceUID"]: int(row["mRALE Score"]) for row in csv.DictReader(io.StringIO(raw.decode()))}

    assert {reading.study_instance_uid: reading.items_of("mrale")[0].value for reading in table.readings} == scores


def test_agreement_of_both_lungs_of_the_real_table_can_be_computed(real):
    rule = ready_schema("midrc-mrale").label("extent_right").value
    pairs = [
        [rule.grade(reading.items_of(f"extent_{side}")[0].value) for side in ("right", "left")]
        for reading in real[1].readings
    ]
    kappa = cohen_kappa(pairs, 5, weighting=Weighting.QUADRATIC, bootstrap=Bootstrap(draws=200))

    assert kappa.cases == 2079
    assert 0.5 < kappa.low < kappa.value < kappa.high < 1
    assert gwet_ac(pairs, 5, weighting=Weighting.QUADRATIC, bootstrap=Bootstrap(draws=0)).value > kappa.value - 0.1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (ROW.replace(",12", ",13"), "score"),
        (ROW.replace(",4,3", ",3,3"), "contradiction"),
        (ROW.replace("Dense", "Thick"), "grade"),
    ],
)
def test_rows_that_contradict_themselves_are_reported(row, problem):
    table = read_mrale(f"{HEADER}\n{row}\n".encode())

    assert f"annotation.mrale-{problem}" in {finding.code for finding in table.findings}
    assert table.findings[0].where.startswith("line 2")


def test_a_table_that_passed_through_a_spreadsheet_is_read_all_the_same():
    plain = read_mrale(f"{HEADER}\n{ROW}".encode())
    turned = "\r\n".join(",".join(reversed(line.split(","))) for line in (HEADER, ROW.replace(",12", ",12.0")))

    assert read_mrale(b"\xef\xbb\xbf" + turned.encode()) == plain
    assert plain.findings == ()


def test_further_columns_and_rows_of_a_study_are_told_and_kept_apart():
    table = read_mrale(f"{HEADER},site\n{ROW},X\n{ROW.replace('Dense', 'Hazy')},X".encode())

    codes = ["mrale-columns", "mrale-repeated", "mrale-contradiction", "mrale-score"]
    assert [finding.code.removeprefix("annotation.") for finding in table.findings] == codes
    assert [reading.reader for reading in table.readings] == ["midrc-mrale", "midrc-mrale.2"]
    assert len({reading.id for reading in table.readings}) == 2


def test_quality_and_missing_grades_come_back():
    text = f"{HEADER}\n{STUDY},>75%,Dense,None,None,Something else,4,3,0,0,12"

    assert write_mrale(read_mrale(text.encode()).readings) == text.encode()


@pytest.mark.parametrize(
    "raw",
    [b"", b"a,b\n", f"{HEADER}\nx,1".encode(), f"{HEADER}\n{ROW},1".encode(), f'{HEADER}\n"'.encode(), b"\xff\xfe"],
)
def test_what_is_no_such_table_is_refused(raw):
    with pytest.raises(AnnotationFormatError):
        read_mrale(raw)


def test_readings_of_another_schema_are_no_rows():
    with pytest.raises(AnnotationFormatError, match="reading 1"):
        write_mrale([full_reading()])


def ricord_reading():
    schema = ready_schema("ricord-1c")
    items = (Item("appearance", "appearance", TO_STUDY, "typical"), Item("grading", "grading", TO_STUDY, "severe"))
    return Reading("r-1", STUDY, "R1", Method.RETROSPECTIVE_EXPERT, schema.reference, items, software="RadCommons 0.1")


def test_records_are_valid_for_midrcs_own_dictionary_and_come_back(real, shared_data):
    readings = (ricord_reading(), *real[1].readings[:20], full_reading())
    records = midrc_records(readings)
    node = yaml.safe_load((shared_data / "dictionary" / "midrc-gen3" / "schemas" / "annotation.yaml").read_text())
    ours = {name: rule for name, rule in node["properties"].items() if isinstance(rule, dict)}
    for rule in ours.values():
        for pointer in ("$ref", "term"):
            rule.pop(pointer, None)

    assert len(records) == 21
    assert records[0]["class_covid19_pneumonia"] == "typical"
    for record in records:
        assert set(node["required"]) <= set(record)
        assert set(record) - {"type", "submitter_id"} <= set(ours)
        jsonschema.validate(json.loads(json.dumps(record)), {"type": "object", "properties": ours})
    again, findings = read_midrc(records)
    assert findings == []
    assert again[0] == ricord_reading()
    assert midrc_records(again) == records


def test_enumerations_are_midrcs_verbatim(shared_data):
    node = yaml.safe_load((shared_data / "dictionary" / "midrc-gen3" / "schemas" / "annotation.yaml").read_text())
    properties = node["properties"]
    schema = ready_schema("ricord-1c")

    for key, label in (("class_covid19_pneumonia", "appearance"), ("airspace_disease_grading", "grading")):
        assert {choice.id for choice in schema.label(label).value.choices} == set(properties[key]["enum"])
    assert {method.value for method in Method} == set(properties["annotation_method"]["enum"])
    assert {record["annotation_name"] for record in midrc_records([ricord_reading()])} <= set(
        properties["annotation_name"]["enum"]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"class_covid19_pneumonia": "maybe"}, {"annotation_method": "guess"}, {"imaging_studies": {}},
        {"class_covid19_pneumonia": None, "airspace_disease_grading": None}, {"submitter_id": ""},
    ],
)  # fmt: skip
def test_a_malformed_record_is_refused_at_its_place(change):
    with pytest.raises(AnnotationFormatError, match=r"annotation\[0\]"):
        read_midrc([{**midrc_records([ricord_reading()])[0], **change}])


def test_unknown_properties_of_a_record_are_reported():
    _, findings = read_midrc([{**midrc_records([ricord_reading()])[0], "sift_image_quality_index": "A"}])

    assert [finding.code for finding in findings] == ["annotation.midrc-property"]


def test_a_table_has_a_row_for_every_answer_and_for_an_empty_reading(tmp_path):
    empty = replace(full_reading(), id="empty", items=(), is_nothing_found=True)
    readings = [full_reading(), empty]
    rows = [dict(zip(TABLE_COLUMNS, row, strict=True)) for row in rows_of(EVERY_KIND, readings)]
    by_item = {row["item_id"]: row for row in rows}
    write_parquet(EVERY_KIND, readings, tmp_path / "answers.parquet")
    stored = duckdb.sql(f"SELECT * FROM '{tmp_path / 'answers.parquet'}'")  # noqa: S608 - our own path

    assert len(rows) == len(full_reading().items) + 1
    assert (by_item["whole"]["number"], by_item["whole"]["value"]) == (7.0, "7")
    assert (by_item["many"]["value"], by_item["many"]["number"]) == ("a b", None)
    assert by_item["i-box"]["pixels"] == 8.5 * 18
    assert by_item["ring"]["pixels"] == pytest.approx(40.5 - 2.0)
    assert by_item[None]["is_nothing_found"] is True
    assert stored.columns == list(TABLE_COLUMNS)
    assert [tuple(row.values()) for row in rows] == stored.fetchall()
    write_parquet(EVERY_KIND, [], tmp_path / "none.parquet")
    assert duckdb.sql(f"SELECT * FROM '{tmp_path / 'none.parquet'}'").fetchall() == []  # noqa: S608 - our own path


def test_a_spreadsheet_runs_nothing_from_a_table():
    reading = replace(full_reading(), items=(Item("t", "text", TO_STUDY, '=HYPERLINK("x")', note="+1"),))
    ((_, header), (_, row)) = open_csv(write_csv(EVERY_KIND, [reading]))
    found = dict(zip(header, row, strict=True))

    assert header == list(TABLE_COLUMNS)
    assert (found["value"], found["note"]) == ('\'=HYPERLINK("x")', "'+1")
