"""TCIA's own client library, unchanged, against a release served here: every function that asks the server."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pandas as pd
import plotly.io
import pydicom
import pytest
from django.utils import timezone
from tcia_utils import nbia
from tests.support.batches import uid
from tests.support.published import published as made
from tests.support.published import series_uid
from tests.support.releases import publish, studies_in

SLUG = "chest-ct"
SERIES = uid("series", "one", ("one", "a"))
STUDY = uid("study", "one")


@pytest.fixture
def served(live_server_url, monkeypatch, tmp_path):
    """The library, told where we are; its host is written into it."""

    def url(endpoint, api_url="nbia"):
        version = "v1" if endpoint == "getContentsByName" else "v4"
        return f"{live_server_url}/nbia-api/services/{version}/"

    monkeypatch.setattr(nbia, "setApiUrl", url)
    monkeypatch.chdir(tmp_path)
    return live_server_url


@pytest.fixture
def release(served, tmp_path):
    return publish(tmp_path / "source")


@pytest.fixture
def day():
    """A day before the release, as the library takes it."""
    return (timezone.localdate() - timedelta(days=3)).strftime("%Y/%m/%d")


@pytest.fixture
def tomorrow():
    return (timezone.localdate() + timedelta(days=2)).strftime("%Y/%m/%d")


def test_values_of_a_collection(release):
    assert nbia.getCollections() == [{"Collection": SLUG}]
    assert nbia.getModality(collection=SLUG) == [{"Modality": "CT"}]
    assert nbia.getModality(bodyPart="chest") == [{"Modality": "CT"}]
    assert nbia.getBodyPart(collection=SLUG, modality="CT") == [{"BodyPartExamined": "CHEST"}]
    assert list(nbia.getManufacturer(collection=SLUG, format="df").columns) == ["Manufacturer"]
    assert nbia.getModality(collection="no-such-thing") is None


def test_patients_of_a_collection(release, day, tomorrow):
    patients = nbia.getPatient(SLUG, format="df")
    assert sorted(patients["PatientId"]) == ["S-one", "S-two"]
    assert set(patients["SpeciesCode"]) == {"337915000"}
    assert nbia.getPatientByCollectionAndModality(SLUG, "CT") == [
        {"PatientId": "S-one", "Authorized": 1},
        {"PatientId": "S-two", "Authorized": 1},
    ]
    assert nbia.getPatientByCollectionAndModality(SLUG, "MR") is None
    assert len(nbia.getNewPatientsInCollection(SLUG, day)) == 2
    assert nbia.getNewPatientsInCollection(SLUG, tomorrow) is None


def test_studies_of_a_patient(release, day):
    studies = nbia.getStudy(SLUG)
    assert sorted(study["StudyInstanceUID"] for study in studies) == studies_in(release)
    (study,) = nbia.getStudy(SLUG, patientId="s-ONE", studyUid=STUDY)
    assert (study["PatientID"], study["SeriesCount"], study["Collection"]) == ("S-one", 1, SLUG)
    assert len(nbia.getNewStudiesInPatient(SLUG, "S-one", day)) == 1


def test_series_by_all_filters(release, day, tomorrow):
    frame = nbia.getSeries(SLUG, format="df")
    assert len(frame) == 2
    (one,) = nbia.getSeries(seriesUid=SERIES)
    assert (one["ImageCount"], one["PatientID"], one["LicenseName"][:16]) == (2, "S-one", "Creative Commons")
    assert one["DateReleased"] == timezone.now().strftime("%m-%d-%Y")
    assert nbia.getSeries(SLUG, modality="ct", bodyPart="CHEST", manufacturer=one.get("Manufacturer", "")) is not None
    assert nbia.getSeries(SLUG, modality="MR") is None
    assert len(nbia.getUpdatedSeries(day)) == 2
    assert nbia.getUpdatedSeries(tomorrow) is None
    assert nbia.getSeriesSize(SERIES) == [{"TotalSizeInBytes": one["FileSize"], "ObjectCount": 2}]
    assert len(nbia.getSopInstanceUids(SERIES)) == 2


def test_a_list_of_series(release):
    frame = nbia.getSeriesList([SERIES, uid("series", "two", ("two", "a")), "1.2.3"])
    assert list(frame["PatientID"]) == ["S-one", "S-two"]
    assert {"SeriesInstanceUID", "FileSize", "Site", "SliceThickness(mm)"} <= set(frame.columns)


def test_counts_of_all_values(release):
    assert nbia.getCollectionPatientCounts() == [{"Collection": SLUG, "Count": 2, "Authorized": 1}]
    assert nbia.getModalityCounts(collection=SLUG) == [{"Modality": "CT", "Count": 2, "Authorized": 1}]
    assert nbia.getBodyPartCounts(modality="CT") == [{"BodyPart": "CHEST", "Count": 2, "Authorized": 1}]
    assert list(nbia.getManufacturerCounts(format="df").columns) == ["Manufacturer", "Count", "Authorized"]


def test_descriptions_of_collections(release):
    frame = nbia.getCollectionDescriptions(format="df", removeHtml="yes")
    assert list(frame["collectionName"]) == [SLUG]
    assert "Chest CT of the tests" in frame["description"][0]


def test_series_are_downloaded_and_are_what_was_stored(release, tmp_path):
    wanted = [SERIES, series_uid("two")]
    frame = nbia.downloadSeries(wanted, input_type="list", path="all", format="df")
    assert sorted(frame["SeriesInstanceUID"]) == sorted(wanted)
    for study, series in zip(("one", "two"), wanted, strict=True):
        assert (Path("all") / series / "LICENSE").read_text().startswith("Chest CT of the tests")
        sent = {hashlib.sha256(path.read_bytes()).digest() for path in (Path("all") / series).glob("*.dcm")}
        stored = {hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "source").glob(f"{study}-*.dcm")}
        assert sent == stored
    nbia.downloadSeries([SERIES], input_type="list", path="hashed", hash="y")
    assert "Filename,MD5Hash" in (Path("hashed") / SERIES / "md5hashes.csv").read_text()
    nbia.downloadSeries([SERIES], input_type="list", path="zipped", as_zip=True)
    assert (Path("zipped") / f"{SERIES}.zip").is_file()
    nbia.downloadSeries(["1.2.3"], input_type="list", path="none")
    assert not (Path("none") / "1.2.3").exists()


def test_one_image_is_downloaded_and_an_unknown_one_is_not(release):
    sop = uid("instance", "one", ("one", "a"), 0)
    nbia.downloadImage(SERIES, sop, path="single")
    assert pydicom.dcmread(Path("single") / SERIES / f"{sop}.dcm").SOPInstanceUID == sop
    nbia.downloadImage(SERIES, "1.2.3", path="single")
    assert not (Path("single") / SERIES / "1.2.3.dcm").exists()


def test_simple_search_in_all_its_forms(release, day):
    found = nbia.getSimpleSearch(collections=[SLUG], species=["human"], modalities=["CT"], bodyParts=["CHEST"])
    assert found["totalPatients"] == 2
    assert (
        nbia.getSimpleSearch(patients=["S-one"], minStudies=1, modalities=["CT"], modalityAnded=True)["totalPatients"]
        == 1
    )
    assert nbia.getSimpleSearch(fromDate="2000/01/01", toDate="2001/01/01")["totalPatients"] == 0
    assert nbia.getSimpleSearch(fromDate=day)["totalPatients"] in {0, 2}
    assert nbia.getSimpleSearch(collections=[SLUG], format="uids") == [SERIES, series_uid("two")]
    text = nbia.getSimpleSearch(collections=[SLUG], format="manifest_text")
    Path("some.tcia").write_text(text)
    assert nbia.manifestToList("some.tcia") == [SERIES, series_uid("two")]


def test_reports_and_shared_lists(release):
    summary = nbia.reportCollectionSummary(nbia.getSeries(SLUG))
    assert (list(summary["Collection"]), list(summary["Images"])) == ([SLUG], [4])
    shared = nbia.getSharedCart(f"{SLUG}@1.0.0", format="df")
    assert sorted(shared["SeriesInstanceUID"]) == sorted([SERIES, series_uid("two")])
    assert nbia.getSharedCart("nbia-49121659384603347") is None


def test_all_reports_are_made_of_what_is_answered_here(release, monkeypatch):
    frame = nbia.getSeries(SLUG, format="df")
    report = nbia.makeSeriesReport(nbia.getSeries(SLUG), format="var")
    again = nbia.makeSeriesReport([SERIES, series_uid("two")], input_type="list", format="var")
    for found in (report, again):
        assert [found[name] for name in ("subjects", "studies", "series", "images")] == [2, 2, 2, 4]
    Path("some.tcia").write_text(nbia.getSimpleSearch(collections=[SLUG], format="manifest_text"))
    by_collection = nbia.reportDataSummary("some.tcia", input_type="manifest")
    assert (list(by_collection["Collection"]), list(by_collection["Subjects"])) == ([SLUG], [2])
    # It asks DataCite which collections have which identifiers; there is no such place here.
    known = pd.DataFrame({"DOI": ["10.1/x"], "Identifier": ["x"]})
    monkeypatch.setattr(nbia, "getDoi", lambda **_: known)
    by_identifier = nbia.reportDoiSummary(frame, input_type="df")
    assert list(by_identifier["Images"]) == [4]
    assert nbia.idcOhifViewer(frame).data.count("<tr") == 3


def test_charts_are_drawn_of_what_is_answered_here(release, monkeypatch):
    drawn = []
    monkeypatch.setattr(plotly.io, "show", drawn.append)
    series = nbia.getSeries(SLUG)
    nbia.reportSeriesReleaseDate(series)
    # It looks for a column of NBIA's older versions, which version 4 calls otherwise, there and here.
    nbia.reportSeriesSubmissionDate([{**row, "TimeStamp": row["MaxSubmissionTimestamp"]} for row in series])
    by_release, by_submission = ({trace.name: list(trace.y) for trace in figure.data} for figure in drawn)
    assert by_release == by_submission == {SLUG: [2]}
    drawn.clear()
    nbia.reportCollectionSummary(series, format="chart")
    assert [list(figure.data[0].values) for figure in drawn[:4]] == [[2], [2], [2], [4]]
    assert len(drawn) == 5


def test_any_call_is_asked_in_every_form(release):
    options = {"Collection": SLUG}
    assert nbia.queryData("getModalityValues", options, "", format="json") == [{"Modality": "CT"}]
    assert list(nbia.queryData("getModalityValues", options, "", format="df")["Modality"]) == ["CT"]
    assert "CT" in nbia.queryData("getModalityValues", options, "", format="html").data
    asked = nbia.queryData("getSimpleSearch", {}, "", method="POST", param={"criteriaType0": "x"})
    assert asked is None or asked["totalPatients"] in {0, 2}


def test_headers_of_several_series_become_a_table(release):
    table = nbia.reportDicomTags([SERIES, series_uid("two"), "1.2.3"], elements=["(0008,0060)"])
    assert list(table["Series Instance UID (0020,000E)"]) == [SERIES, series_uid("two")]
    (column,) = [name for name in table.columns if "(0008,0060)" in name]
    assert list(table[column]) == ["CT", "CT"]


def test_headers_and_what_segmentations_refer_to(served, tmp_path):
    (tmp_path / "more").mkdir()
    with made(tmp_path / "more"):
        frame = nbia.getDicomTags(SERIES)
        assert frame.loc[frame["element"] == "(0008,0060)", "data"].item() == "CT"
        for series in ("seg", "rt"):
            assert nbia.getSegRefSeries(series_uid("two", series)) == series_uid("two")
        assert nbia.getSegRefSeries(SERIES) == "N/A"
        assert nbia.getDoiMetadata("10.1234/abc")[0]["collection"] == SLUG
        assert len(nbia.getDoiMetadata("10.1234/abc", output="series")) == 4
        assert len(nbia.getSeriesList([series_uid("one"), series_uid("gone"), series_uid("secret")])) == 1
