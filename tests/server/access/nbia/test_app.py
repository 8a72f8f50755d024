"""NBIA's calls over the real application: names of columns, refusals, versions, what is withdrawn and what is secret."""

import hashlib
import io
import json
import zipfile

import pytest
from tests.support.batches import uid
from tests.support.published import DRAFT, RECALLED, SLUG, series_uid
from tests.support.releases import ACTOR

from radcommons.server.access.nbia import app, columns
from radcommons.server.access.nbia.calls import CALLS
from radcommons.server.archive.errors import DamagedObjectError
from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import verify_objects
from radcommons.server.platform.objects import instance_key, object_store

SERIES, SECRET, GONE = series_uid("one"), series_uid("secret"), series_uid("gone")


@pytest.fixture
def call(ask):
    """A call of version 4; a form when ``data`` is given."""

    def make(call_name, version="v4", /, *, data=None, **query):
        address = f"/nbia-api/services/{version}/{call_name}"
        return ask.get(address, params=query) if data is None else ask.post(address, data=data)

    return make


def md5(data):
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def rows(response):
    assert response.status_code == 200, response.text
    return json.loads(response.content) if response.content else []


def titles(response):
    return tuple(title.strip('"') for title in response.text.splitlines()[0].split('","'))


@pytest.mark.parametrize(
    ("name", "expected", "query"),
    [
        ("getPatient", columns.PATIENT, {}),
        ("getPatientStudy", columns.STUDY, {"Collection": SLUG}),
        ("getSeries", columns.SERIES, {}),
    ],
)
def test_columns_stand_in_nbias_order(call, name, expected, query):
    assert titles(call(name, format="CSV", **query)) == expected
    (first, *_) = rows(call(name, **query))
    assert [title for title in expected if title in first] == list(first)
    assert None not in first.values()


def test_the_values_of_a_series_are_those_of_its_header_and_release(call, published):
    (found,) = rows(call("getSeries", SeriesInstanceUID=SERIES))
    release = published.releases["1.2.0"]
    first_out = published.releases["1.0.0"].published_at
    assert found["DateReleased"] == first_out.strftime("%m-%d-%Y")
    assert (found["StudyDate"], found["PatientAge"], found["PatientSex"]) == ("04-12-2020", "058Y", "F")
    assert (found["SeriesNumber"], found["ImageCount"], found["Authorized"]) == (1, 3, 1)
    assert found["DataDescriptionURI"] == f"https://doi.org/{release.doi}"
    assert found["LicenseURI"] == "https://creativecommons.org/licenses/by-nc/4.0/"
    assert "SeriesDescription" not in found


def test_metadata_are_csv_unless_another_format_is_asked_for(call):
    response = call("getSeriesMetadata", data={"list": f"{SERIES},{series_uid('two')}"})
    assert titles(response) == columns.METADATA
    assert response.headers["content-disposition"] == 'attachment; filename="SeriesMetaData.csv"'
    assert len(response.text.splitlines()) == 3
    (row, _) = rows(call("getSeriesMetadata", data={"list": [SERIES, series_uid("two")], "format": "JSON"}))
    assert (row["PixelSpacing(mm)-Row"], row["SliceThickness(mm)"], row["SpeciesDescription"]) == (
        0.7,
        2.5,
        "Homo sapiens",
    )
    combined = call("getSeriesMetadataCombined", data={"list": SERIES})
    assert titles(combined)[:3] == ("Patient ID", "Patient Name", "Patient Sex")
    assert titles(call("getSeriesQCInfo", data={"seriesId": SERIES}))[-1] == "Visibility"


def test_a_collection_is_its_newest_version_and_others_are_named(call):
    def held(name):
        return {row["SeriesInstanceUID"] for row in rows(call("getSeries", Collection=name))}

    assert rows(call("getCollectionValues")) == [{"Collection": SLUG}]
    assert held(f"{SLUG}@1.0.0") == {SERIES}
    assert held("Chest-CT@1.1.0") == {SERIES, *(series_uid("two", name) for name in ("a", "seg", "rt"))}
    assert held(SLUG) == held(f"{SLUG}@latest") == held("") == held(f"{SLUG}@1.2.0")
    assert len(held(SLUG)) == 4
    assert held(f"{SLUG}@9.9.9") == held("nothing") == held(DRAFT) == set()
    (row,) = rows(call("getSeries", Collection=f"{SLUG}@1.0.0"))
    assert (row["Collection"], row["LicenseName"]) == (
        f"{SLUG}@1.0.0",
        "Creative Commons Attribution 4.0 International",
    )


def test_values_with_counts_are_patients(call):
    assert rows(call("getModalityValuesAndCounts", Collection=SLUG)) == [
        {"Modality": "CT", "Count": 2, "Authorized": 1},
        {"Modality": "RTSTRUCT", "Count": 1, "Authorized": 1},
        {"Modality": "SEG", "Count": 1, "Authorized": 1},
    ]
    assert rows(call("getSpeciesValuesAndCounts")) == [{"Species": "337915000", "Count": 2, "Authorized": 1}]
    assert rows(call("getSpeciesTax")) == [{"speciesCode": "337915000", "speciesDescription": "Homo sapiens"}]
    assert rows(call("getMinMaxTimepoints")) == {"maxTimepoints": {}, "minTimepoints": {}}
    (maker,) = rows(call("getManufacturerTree"))
    assert maker["manufacturer"] == "Example"


def test_what_is_not_known_is_an_empty_body_with_status_200(call):
    for name, query in (
        ("getSeries", {"Modality": "MR"}),
        ("getSeriesSize", {"SeriesInstanceUID": "1.2.3"}),
        ("getSOPInstanceUIDs", {"SeriesInstanceUID": SECRET}),
        ("getDicomTags", {"SeriesUID": SECRET}),
        ("getUpdatedSeries", {"fromDate": "01-01-2999"}),
    ):
        response = call(name, **query)
        assert (response.status_code, response.content) == (200, b""), name


def test_refusals_are_sentences_with_status_400(call):
    for response, sentence in (
        (call("getSeries", modality="CT"), "Invalid query parameter: 'modality'."),
        (call("getSeriesMetadata", data={"list": SERIES, "x": "1"}), "Invalid form parameter: 'x'."),
        (call("getSeriesSize"), "A parameter, SeriesInstanceUID, is required for this API call."),
        (call("getSeries", format="YAML"), "The format must be"),
        (call("getUpdatedSeries", fromDate="soon"), "Invalid date format"),
        (call("getImage", SeriesInstanceUID="1.2.3"), "The user has not been granted the access"),
        (call("getManifestFromPatientStudySeries", data={}), "One of patientIDs"),
        (call("getMD5Hierarchy", data={}), "One of SeriesInstanceUID"),
        (call("getMD5HashForImage"), "A parameter, SOPInstanceUID"),
    ):
        assert (response.status_code, response.headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert response.text.startswith(sentence), response.text


def test_a_call_or_method_or_version_that_is_not_there_is_refused(call, ask):
    assert call("getEverything").status_code == 404
    assert call("getSeries", "v9").status_code == 404
    assert call("getContentsByName", name=SLUG).status_code == 404
    refused = ask.get("/nbia-api/services/v4/getSeriesMetadata")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert ask.post("/nbia-api/services/v4/getSeries").status_code == 405


def test_what_is_not_published_and_what_does_not_exist_are_told_alike(call):
    unknown, secret = (call("getImage", SeriesInstanceUID=found) for found in ("1.2.3", SECRET))
    assert (unknown.status_code, unknown.text) == (secret.status_code, secret.text)
    whole = "".join(call(name).text for name in ("getSeries", "getPatient", "getCollectionDescriptions"))
    assert not any(word in whole for word in (SECRET, "S-secret", DRAFT, GONE, "S-gone", RECALLED))


def test_a_withdrawn_version_is_gone_with_its_reason(call):
    for response in (
        call("getImage", SeriesInstanceUID=GONE),
        call("getSeriesSize", SeriesInstanceUID=GONE),
        call("getSeries", Collection=RECALLED),
        call("getManifestForCollection", data={"collection": f"{RECALLED}@1.0.0"}),
    ):
        assert response.status_code == 410
        assert "A subject withdrew consent." in response.text
    assert call("getSeriesMetadata", data={"list": GONE}).content == b""


def test_a_series_comes_as_a_zip_with_its_licence_first(call, published):
    response = call("getImage", SeriesInstanceUID=SERIES)
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == f'attachment; filename="{SERIES}.zip"'
    assert int(response.headers["content-length"]) == len(response.content)
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist() == ["LICENSE", "00000001.dcm", "00000002.dcm", "00000003.dcm"]
        assert b"CC-BY-NC-4.0" in archive.read("LICENSE")
        sent = [archive.read(name) for name in archive.namelist()[1:]]
    assert sent == [(published.folder / f"one-a-{number}.dcm").read_bytes() for number in range(3)]


def test_files_are_renamed_and_hashed_when_asked(call):
    response = call("getImage", SeriesInstanceUID=SERIES, NewFileNames="Yes", IncludeMD5="yes")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist() == ["LICENSE", "1-0.dcm", "1-1.dcm", "1-2.dcm", "md5hashes.csv"]
        lines = archive.read("md5hashes.csv").decode().splitlines()
        assert lines[0] == "Filename,MD5Hash"
        for line in lines[1:]:
            name, digest = line.split(",")
            assert md5(archive.read(name)) == digest
    plain = call("getImageWithMD5Hash", SeriesInstanceUID=SERIES)
    assert zipfile.ZipFile(io.BytesIO(plain.content)).namelist()[-1] == "md5hashes.csv"


def test_the_data_retriever_gets_no_licence_among_the_files(call):
    query = {"SeriesInstanceUID": SERIES, "IncludeAnnotation": "true", "MD5Verification": "true"}
    response = call("getDCMImage", "v1", **query)
    names = zipfile.ZipFile(io.BytesIO(response.content)).namelist()
    assert names == ["00000001.dcm", "00000002.dcm", "00000003.dcm", "md5hashes.csv"]


def test_the_length_is_told_without_the_bytes(ask):
    head = ask("HEAD", f"/nbia-api/services/v4/getImage?SeriesInstanceUID={SERIES}")
    whole = ask.get(f"/nbia-api/services/v4/getImage?SeriesInstanceUID={SERIES}")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(whole.content)


@pytest.mark.parametrize("is_missing", [True, False])
@pytest.mark.parametrize("asked", ["getSingleImage", "getDCMImage", "getImage"])
def test_a_damaged_object_is_an_error_and_never_a_file(call, asked, is_missing):
    instance = Instance.objects.filter(series__series_instance_uid=SERIES).order_by("instance_number").first()
    key = instance_key(instance.sha256)
    kept = object_store().read(key)
    object_store().delete(key)
    if not is_missing:
        object_store().put_bytes(key, kept[:-1] + b"x")
    try:
        if asked == "getImage":
            with pytest.raises(DamagedObjectError):
                # The licence is sent already: the connection breaks, so the length that was told is never reached.
                call(asked, SeriesInstanceUID=SERIES)
        else:
            one = {"SOPInstanceUID": instance.sop_instance_uid} if asked == "getSingleImage" else {}
            answer = call(asked, SeriesInstanceUID=SERIES, **one)
            assert (answer.status_code, answer.text.startswith("The repository's copy")) == (503, True)
    finally:
        object_store().delete(key)
        object_store().put_bytes(key, kept)
        verify_objects(actor=ACTOR)


def test_one_instance_its_picture_its_header_and_its_digest(call, published):
    sop = uid("instance", "one", ("one", "a"), 1)
    single = call("getSingleImage", SeriesInstanceUID=SERIES, SOPInstanceUID=sop)
    assert single.headers["content-type"] == "application/dicom"
    assert single.content == (published.folder / "one-a-1.dcm").read_bytes()
    assert call("getSingleImage", SeriesInstanceUID=series_uid("two"), SOPInstanceUID=sop).status_code == 400
    picture = call("getThumbnail", data={"seriesUID": SERIES, "objectUID": sop})
    assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")
    tags = {row["element"]: row["data"] for row in rows(call("getDicomTagsByImageID", imageID=sop))}
    assert (tags["(0008,0018)"], tags["(0008,0060)"]) == (sop, "CT")
    digest = md5(single.content)
    assert call("getMD5HashForImage", SOPInstanceUID=sop).text == digest
    assert call("getM5HashForImage", "v1", SOPInstanceUid=sop).text == digest


def test_the_hierarchy_of_digests_is_nbias(call, published):
    def joined(digests):
        return md5("".join(sorted(digests)).encode())

    files = [(published.folder / f"one-a-{number}.dcm").read_bytes() for number in range(3)]
    series = joined(md5(data) for data in files)
    assert call("getMD5Hierarchy", data={"SeriesInstanceUID": SERIES}).text == series
    assert call("getMD5Hierarchy", data={"StudyInstanceUID": uid("study", "one")}).text == joined([series])
    patient = joined([joined([series])])
    assert call("getMD5Hierarchy", data={"PatientID": "S-one", "Collection": SLUG}).text == patient
    assert call("getMD5Hierarchy", data={"Collection": f"{SLUG}@1.0.0"}).text == joined([patient])
    assert call("getMD5Hierarchy", data={"Collection": "nothing"}).text == ""


def test_manifests_name_this_server_and_what_is_published(call):
    response = call("getManifestText", data={"list": f"{SERIES},{SECRET}", "includeAnnotation": "false"})
    lines = response.text.splitlines()
    assert lines[0] == "downloadServerUrl=http://testserver/nbia-download/servlet/DownloadServlet"
    assert lines[1] == "includeAnnotation=false"
    assert lines[6:] == [SERIES]
    assert response.headers["content-type"] == "application/x-nbia-manifest-file"
    whole = call("getManifestForCollection", data={"collection": SLUG, "visibility": "13"})
    assert len(whole.text.splitlines()) == 6 + 4

    def of_parts(**lists):
        return call("getManifestFromPatientStudySeries", data=lists).text.splitlines()[6:]

    assert of_parts(patientIDs="S-one", seriesUIDs=series_uid("two"), anyOrAll="any") == [SERIES, series_uid("two")]
    assert of_parts(patientIDs="S-two", seriesUIDs=series_uid("two"), anyOrAll="all") == [series_uid("two")]
    assert of_parts(patientIDs="S-secret") == []


def test_what_a_retriever_asks_before_it_downloads(call):
    assert call("getUserAgreementTxt", "v1").text == ""
    assert "1.2.840.10008.5.1.4.1.1.2=CT Image Storage" in call("getAllSOPClassDefinition", "v1").text.splitlines()
    denied = call("getDeniedSeries", "v1", userName="", seriesList=f"{SERIES},{SECRET}", format="csv")
    assert denied.text.splitlines() == ['"SeriesInstanceUID"', f'"{SECRET}"']
    assert call("getDeniedSeries", "v1", userName="", seriesList=SERIES, format="csv").content == b""
    response = call("getSeriesMetaData", "v1", SeriesInstanceUID=SERIES, format="csv")
    assert titles(response) == tuple(columns.RETRIEVER)
    values = [value.strip('"') for value in response.text.splitlines()[1].split('","')]
    # The retriever reads by position: 11 SOP class, 13 size, 16 and 17 licence, 18 size of annotations.
    assert values[11] == "1.2.840.10008.5.1.4.1.1.2"
    assert (values[12], int(values[13]) > 0, int(values[18])) == ("3", True, 0)
    assert values[17].startswith("https://creativecommons.org/")
    assert {row["Series UID"] for row in rows(call("getContentsByName", "v1", name=f"{SLUG}@1.0.0"))} == {SERIES}


def test_a_doi_leads_to_its_collection_however_it_is_written(call):
    for doi in ("10.1234/abc", "https://doi.org/10.1234/ABC"):
        (found,) = rows(call("getCollectionOrSeriesForDOI", data={"DOI": doi, "CollectionOrSeries": ""}))
        assert found == {"collection": SLUG, "thirdPartyAnanlysis": "NO", "authorized": 1}
    series = rows(call("getCollectionOrSeriesForDOI", data={"DOI": doi, "CollectionOrSeries": "series"}))
    assert len(series) == 4
    assert call("getCollectionOrSeriesForDOI", data={"DOI": "10.1/none"}).content == b""


def test_a_description_is_escaped_html(call):
    (found,) = rows(call("getCollectionDescriptions", collectionName=SLUG))
    assert found["description"] == "<p>Chest CT of the tests</p><p>Segmentations &amp; structures.</p>"
    assert found["descriptionURI"] == "https://doi.org/10.1234/ABC"


def test_a_form_that_is_too_long_or_broken_is_refused(ask):
    address = "/nbia-api/services/v4/getSeriesMetadata"
    assert ask.post(address, content=b"list=" + b"1" * app.MOST_FORM_BYTES).status_code == 400
    assert ask.post(address, content=b"list=\xff").status_code == 400
    assert ask.post(address, content=b"list=%FF").status_code == 400


def test_every_call_of_the_table_has_a_door_and_says_what_it_takes():
    assert len(CALLS) >= 40
    for name, call in CALLS.items():
        assert set(call.required) <= set(call.allowed), name
        assert call.any_name or call.allowed or not call.required, name
