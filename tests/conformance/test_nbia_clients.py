"""TCIA's own client library, unchanged, against a release served here: every function that asks the server."""

import hashlib
import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pandas
import pydicom
import pytest
import tcia_utils.nbia as nbia
from django.utils import timezone
from tests.support.batches import uid
from tests.support.releases import ACTOR, clear_study, frozen_cohort, publish, store_study, studies_in, wish

from radcommons.server.releases import services
from radcommons.server.sites.models import Site

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


def test_patients(release, day, tomorrow):
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


def test_studies(release, day):
    studies = nbia.getStudy(SLUG)
    assert sorted(study["StudyInstanceUID"] for study in studies) == studies_in(release)
    (study,) = nbia.getStudy(SLUG, patientId="s-ONE", studyUid=STUDY)
    assert (study["PatientID"], study["SeriesCount"], study["Collection"]) == ("S-one", 1, SLUG)
    assert len(nbia.getNewStudiesInPatient(SLUG, "S-one", day)) == 1


def test_series(release, day, tomorrow):
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


def test_counts(release):
    assert nbia.getCollectionPatientCounts() == [{"Collection": SLUG, "Count": 2, "Authorized": 1}]
    assert nbia.getModalityCounts(collection=SLUG) == [{"Modality": "CT", "Count": 2, "Authorized": 1}]
    assert nbia.getBodyPartCounts(modality="CT") == [{"BodyPart": "CHEST", "Count": 2, "Authorized": 1}]
    assert list(nbia.getManufacturerCounts(format="df").columns) == ["Manufacturer", "Count", "Authorized"]


def test_descriptions_of_collections(release):
    frame = nbia.getCollectionDescriptions(format="df", removeHtml="yes")
    assert list(frame["collectionName"]) == [SLUG]
    assert "Chest CT of the tests" in frame["description"][0]
