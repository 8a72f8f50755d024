"""Releases that are legal and unusual: every door answers, and every list is one that its program can read."""

import asyncio
import csv
import html
import io
import json

import duckdb
import pytest
from tests.server.access.conftest import Program
from tests.support.batches import write_instance
from tests.support.published import empty_centre
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, wish

from radcommons.dicom.instance import describe_file
from radcommons.server.access.nbia.manifests import read_manifest
from radcommons.server.archive.services import store_instance
from radcommons.server.releases import services

FILES, NBIA = "/files/releases/odd-ct/1.0.0", "/nbia-api/services/v4"
SR = "1.2.840.10008.5.1.4.1.1.88.11"
TITLE = 'Zoë\'s “odd”, "quoted" & <b>bold</b>; 肺 CT'
CREATORS = ('O\'Brien, Zoë "Zo"', "王, 小明", "{Braces} & Co; Ltd.")
BARE = dict.fromkeys(
    (
        "PatientAge",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "Manufacturer",
        "BodyPartExamined",
        "SeriesNumber",
        "SliceThickness",
    )
)
REPORT = dict.fromkeys(
    ("PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated")
)
OBJECTS = {
    "one object of which nothing is said": [BARE],
    "names with quotes, commas, formulas and letters of other alphabets": [
        {
            "PatientID": patient,
            "study": number,
            "SpecificCharacterSet": "ISO_IR 192",
            "SeriesDescription": 'Lunge „weich", 5mm; 肺\\=2+2',
            "StudyDescription": "=HYPERLINK(\"http://x\"), 'a' 肺",
            "Manufacturer": 'Sôme, "Maker"',
            "PatientAge": age,
        }
        for number, (patient, age) in enumerate({'=1+1,"x"': "000D", "Ü-2 'y'": "000Y", "肺/../3": "012M"}.items())
    ],
    "reports only": [{**REPORT, "SOPClassUID": SR, "Modality": "SR", "number": number} for number in (1, 2)],
}


@pytest.fixture(scope="module", params=list(OBJECTS))
def odd(request, django_db_setup, django_db_blocker, tmp_path_factory):
    """A published version of unusual objects."""
    folder = tmp_path_factory.mktemp("files")
    with django_db_blocker.unblock():
        empty_centre()
        site, studies = signed_site(), set()
        for place, changes in enumerate(OBJECTS[request.param]):
            description, findings = describe_file(write_instance(folder / f"{place}.dcm", **changes))
            assert description is not None, findings
            store_instance(description, folder / f"{place}.dcm", site=site, project="covid19", actor=ACTOR)
            studies.add(description.study_instance_uid)
        for study in studies:
            clear_study(study)
        made = wish(slug="odd-ct", title=TITLE, creators=CREATORS, description=TITLE, changes=TITLE)
        draft = services.draft(made, frozen_cohort("odd"), actor=ACTOR)
        yield services.publish(draft.pk, actor=ACTOR)
        empty_centre()


@pytest.fixture
def ask(odd, db):
    with asyncio.Runner() as runner:
        yield Program(runner)


def index_of(ask, tmp_path):
    path = tmp_path / "index.parquet"
    path.write_bytes(ask.get(f"{FILES}/lists/idc_index.parquet").content)
    found = duckdb.read_parquet(str(path))
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_every_list_names_every_series_and_every_object(odd, ask, tmp_path):
    members = set(odd.members.values_list("instance__sha256", "instance__sop_instance_uid"))
    series = {row["SeriesInstanceUID"] for row in index_of(ask, tmp_path)}
    assert series == set(odd.members.values_list("instance__series__series_instance_uid", flat=True))
    for name in ("series.tcia", "series.csv"):
        assert set(read_manifest(ask.get(f"{FILES}/lists/{name}").text)) == series
    gen3 = ask.get(f"{FILES}/lists/gen3.json").json()
    assert {(entry["object_id"], entry["file_name"].removesuffix(".dcm")) for entry in gen3} == members


def test_what_is_said_of_people_and_images_is_told_as_it_is(odd, ask, tmp_path):
    patients = set(odd.members.values_list("instance__series__study__subject__subject_id", flat=True))
    rows = index_of(ask, tmp_path)
    assert {row["PatientID"] for row in rows} == patients
    assert {row["PatientAge"] for row in rows} <= {None, "000D", "000Y", "012M", "058Y"}
    assert "" not in {value for row in rows for value in row.values()}
    assert {row["PatientId"] for row in ask.get(f"{NBIA}/getPatient").json()} == patients
    for patient in patients:
        studies = ask.get(f"{NBIA}/getPatientStudy", params={"Collection": "odd-ct", "PatientID": patient}).json()
        assert {study["PatientID"] for study in studies} == {patient}
        found = ask.get("/dicom-web/releases/odd-ct/1.0.0/studies", params={"PatientID": patient}).json()
        assert {study["00100020"]["Value"][0] for study in found} == {patient}


@pytest.mark.parametrize("name", ["getPatient", "getSeries", "getManufacturerValues", "getBodyPartValuesAndCounts"])
def test_tables_of_nbia_are_read_as_csv_and_start_no_formula(odd, ask, name):
    answer = ask.get(f"{NBIA}/{name}", params={"format": "csv"})
    assert answer.status_code == 200
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert len({len(row) for row in rows}) <= 1
    assert not any(value.startswith(("=", "+", "@")) for row in rows for value in row)
    assert max(len(rows) - 1, 0) == len(json.loads(ask.get(f"{NBIA}/{name}").content or "[]"))


def test_pages_and_records_say_the_title_and_the_authors_in_their_own_form(odd, ask):
    page = ask.get("/releases/odd-ct/1.0.0/").text
    assert html.escape(TITLE, quote=False).replace("'", "&#x27;").replace('"', "&quot;") in page
    assert "<b>bold" not in page
    record = ask.get(f"{FILES}/datacite.json").json()
    assert [creator["name"] for creator in record["creators"]] == list(CREATORS)
    assert record["titles"] == [{"title": TITLE}]
    assert json.loads(ask.get(f"{FILES}/croissant.json").content)["name"]
    for creator in CREATORS:
        assert f"AU  - {creator}\r\n" in ask.get(f"{FILES}/CITATION.ris").text


def test_every_call_about_everything_answers(odd, ask):
    series = odd.members.values_list("instance__series__series_instance_uid", flat=True).first()
    study = odd.members.values_list("instance__series__study__study_instance_uid", flat=True).first()
    for address in (
        "/releases/odd-ct/1.0.0/studies/",
        f"/releases/odd-ct/1.0.0/studies/{study}/",
        f"{NBIA}/getManufacturerTree",
        f"{NBIA}/getMinMaxTimepoints",
        f"{NBIA}/getCollectionDescriptions",
        f"{NBIA}/getDicomTags?SeriesUID={series}",
        f"{NBIA}/getImageWithMD5Hash?SeriesInstanceUID={series}",
        "/ga4gh/drs/v1/objects/odd-ct~1.0.0?expand=true",
        f"/dicom-web/releases/odd-ct/1.0.0/studies/{study}/metadata",
    ):
        assert ask.get(address).status_code == 200, address
    combined = ask.post(f"{NBIA}/getSeriesMetadataCombined", data={"list": series})
    assert len(list(csv.reader(io.StringIO(combined.text)))) == 2
