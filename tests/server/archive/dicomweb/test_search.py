import orjson
import pytest
from tests.server.archive.conftest import dicom_file

from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.dicomweb.query import parse_search
from radcommons.server.archive.dicomweb.search import encode, search
from radcommons.server.archive.models import Instance
from radcommons.server.archive.queries import stored_instances
from radcommons.server.archive.study_pages import StudyPages

ROOT = "http://testserver/dicom-web/x"


@pytest.fixture
def filled(store, tmp_path):
    """Two subjects; study 10 has a CT series of three and a CR series of one, study 11 an MR series of one."""
    for number in (3, 1, 2):
        store(dicom_file(tmp_path, number))
    store(dicom_file(tmp_path, 4, SeriesInstanceUID="2.25.21", Modality="CR", SeriesNumber=1, SeriesDescription="AP"))
    other = {
        "StudyInstanceUID": "2.25.11",
        "SeriesInstanceUID": "2.25.22",
        "PatientID": "SUBJECT_2",
        "PatientName": "Müller^Änne",
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyDate": "20210101",
        "StudyTime": "",
        "Modality": "MR",
        "StudyDescription": "MR 50% [head]",
    }
    store(dicom_file(tmp_path, 5, **other))


def run(level, *parameters, instances=None, is_relational=False):
    query = parse_search(level, parameters, is_relational=is_relational)
    return search(stored_instances() if instances is None else instances, query, root=ROOT, pages=StudyPages())


def studies(*parameters, **options):
    return [result["0020000D"]["Value"][0] for result in run(Level.STUDY, *parameters, **options)]


def test_studies_come_newest_first_with_their_counts(filled):
    results = run(Level.STUDY)
    assert [result["0020000D"]["Value"] for result in results] == [["2.25.11"], ["2.25.10"]]
    older = results[1]
    assert older["00080061"] == {"vr": "CS", "Value": ["CR", "CT"]}
    assert (older["00201206"]["Value"], older["00201208"]["Value"]) == ([2], [4])
    assert older["00081190"]["Value"] == [f"{ROOT}/studies/2.25.10"]
    assert older["00080056"]["Value"] == ["ONLINE"]


def test_usual_attributes_without_a_value_are_returned_empty(filled):
    assert run(Level.STUDY)[0]["00080090"] == {"vr": "PN"}


def test_names_and_descriptions_keep_their_characters(filled):
    result = run(Level.STUDY, ("includefield", "StudyDescription"))[0]
    assert result["00100010"]["Value"] == [{"Alphabetic": "Müller^Änne"}]
    assert result["00081030"]["Value"] == ["MR 50% [head]"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("StudyInstanceUID", "2.25.10", ["2.25.10"]),
        ("0020000D", "2.25.10,2.25.11", ["2.25.11", "2.25.10"]),
        ("StudyInstanceUID", "2.25.10\\2.25.99", ["2.25.10"]),
        ("PatientID", "SUBJECT-1", ["2.25.10"]),
        ("PatientID", "subject-1", []),
        ("PatientID", "SUBJECT*", ["2.25.11", "2.25.10"]),
        ("PatientID", "*_2", ["2.25.11"]),
        ("PatientID", "SUBJECT?2", ["2.25.11"]),
        ("PatientID", "*BJ*", ["2.25.11", "2.25.10"]),
        ("PatientName", "müller*", ["2.25.11"]),
        ("PatientName", "subject-1", ["2.25.10"]),
        ("StudyDescription", "*50%*", ["2.25.11"]),
        ("StudyDescription", "MR ?0% [[]*", []),
        ("StudyDescription", "MR ?0% [h*]", ["2.25.11"]),
        ("StudyDate", "20200315", ["2.25.10"]),
        ("StudyDate", "20200101-20201231", ["2.25.10"]),
        ("StudyDate", "20200316-", ["2.25.11"]),
        ("StudyDate", "-20200315", ["2.25.10"]),
        ("StudyTime", "1015", ["2.25.10"]),
        ("StudyTime", "-1200", ["2.25.10"]),
        ("StudyTime", "11-", []),
        ("ModalitiesInStudy", "CR", ["2.25.10"]),
        ("ModalitiesInStudy", "CR,MR", ["2.25.11", "2.25.10"]),
        ("ModalitiesInStudy", "C*", ["2.25.10"]),
        ("PatientSex", "F", ["2.25.11", "2.25.10"]),
        ("ReferringPhysicianName", "Smith", []),
        ("PatientBirthDate", "19700101", []),
        ("AccessionNumber", "", ["2.25.11", "2.25.10"]),
    ],
)
def test_studies_are_matched_by_every_usual_key(filled, name, value, expected):
    assert studies((name, value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mull", ["2.25.11"]),
        ("ANNE muller", ["2.25.11"]),
        ("Änn*", ["2.25.11"]),
        ("uller", []),
        ("muller bob", []),
        ("m.ller", []),
        ("*", ["2.25.11", "2.25.10"]),
    ],
)
def test_fuzzy_matching_takes_the_beginnings_of_the_parts_of_a_name(filled, value, expected):
    assert studies(("PatientName", value), ("fuzzymatching", "true")) == expected


def test_conditions_are_joined(filled):
    assert studies(("PatientID", "SUBJECT*"), ("ModalitiesInStudy", "MR")) == ["2.25.11"]
    assert studies(("PatientID", "SUBJECT-1"), ("ModalitiesInStudy", "MR")) == []


def test_pages_are_disjoint_and_complete(filled):
    pages = [studies(("limit", "1"), ("offset", str(offset))) for offset in range(3)]
    assert pages == [["2.25.11"], ["2.25.10"], []]


def test_a_scope_shows_its_own_counts_and_nothing_else(filled):
    only_ct = Instance.objects.filter(series__modality="CT")
    (result,) = run(Level.STUDY, instances=only_ct)
    assert result["00080061"]["Value"] == ["CT"]
    assert result["00201208"]["Value"] == [3]
    assert studies(("ModalitiesInStudy", "CR"), instances=only_ct) == []
    assert run(Level.SERIES, instances=only_ct, is_relational=True)[0]["00201209"]["Value"] == [3]
    assert len(run(Level.INSTANCE, instances=only_ct)) == 3


def test_unfinished_instances_are_not_shown(filled):
    Instance.objects.filter(series__modality="MR").update(state="storing")
    assert studies() == ["2.25.10"]


def test_series_come_by_number_and_carry_their_study_when_relational(filled):
    results = run(Level.SERIES, ("PatientID", "SUBJECT-1"), is_relational=True)
    assert [result["00200011"]["Value"] for result in results] == [[1], [2]]
    assert [result["00201209"]["Value"] for result in results] == [[1], [3]]
    assert results[0]["00100020"]["Value"] == ["SUBJECT-1"]
    assert "00100020" not in run(Level.SERIES)[0]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Modality", "CT", ["2.25.20"]),
        ("SeriesNumber", "1", ["2.25.21"]),
        ("SeriesDescription", "Axial*", ["2.25.20"]),
        ("SeriesInstanceUID", "2.25.20,2.25.21", ["2.25.21", "2.25.20"]),
        ("BodyPartExamined", "ABDOMEN", []),
        ("Manufacturer", "ACME", ["2.25.21", "2.25.20"]),
        ("StudyDate", "20200315", ["2.25.21", "2.25.20"]),
    ],
)
def test_series_are_matched_by_their_keys_and_those_of_their_study(filled, name, value, expected):
    visible = Instance.objects.filter(series__study__study_instance_uid="2.25.10")
    assert [
        result["0020000E"]["Value"][0] for result in run(Level.SERIES, (name, value), instances=visible)
    ] == expected


def test_instances_come_by_number_with_what_clients_need(filled):
    visible = Instance.objects.filter(series__series_instance_uid="2.25.20")
    results = run(Level.INSTANCE, instances=visible)
    assert [result["00200013"]["Value"] for result in results] == [[1], [2], [3]]
    first = results[0]
    assert first["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]
    assert (first["00280010"]["Value"], first["00280100"]["Value"]) == ([12], [16])
    assert first["00081190"]["Value"] == [f"{ROOT}/studies/2.25.10/series/2.25.20/instances/2.25.301"]


def test_instances_are_matched_by_their_keys(filled):
    assert len(run(Level.INSTANCE, ("SOPInstanceUID", "2.25.301,2.25.305"))) == 2
    assert len(run(Level.INSTANCE, ("InstanceNumber", "2"))) == 1
    assert len(run(Level.INSTANCE, ("Rows", "12"), ("Modality", "MR"))) == 1


def test_any_attribute_of_the_header_may_be_included(filled):
    (result,) = run(Level.INSTANCE, ("SOPInstanceUID", "2.25.301"), ("includefield", "SliceThickness,PatientID"))
    assert result["00180050"]["Value"] == [1.25]
    assert result["00100020"]["Value"] == ["SUBJECT-1"]
    (everything,) = run(Level.INSTANCE, ("SOPInstanceUID", "2.25.301"), ("includefield", "all"))
    assert everything["00080070"]["Value"] == ["ACME"]
    assert "7FE00010" not in everything


def test_results_are_valid_json(filled):
    assert len(orjson.loads(encode(run(Level.INSTANCE, is_relational=True)))) == 5


def test_a_page_of_studies_costs_a_fixed_number_of_statements(filled, django_assert_num_queries):
    with django_assert_num_queries(3):
        run(Level.STUDY)
    with django_assert_num_queries(2):
        run(Level.SERIES, is_relational=True)
    with django_assert_num_queries(1):
        run(Level.INSTANCE, is_relational=True)


@pytest.mark.parametrize("level", [Level.SERIES, Level.INSTANCE])
@pytest.mark.parametrize("wanted", [(), (("ModalitiesInStudy", "CT"),), (("includefield", "all"),)])
def test_pages_of_series_and_instances_are_the_whole_list_cut(filled, level, wanted):
    whole = run(level, *wanted, is_relational=True)
    assert len(whole) > 1
    for size in (1, 2):
        pages = [
            run(level, *wanted, ("limit", str(size)), ("offset", str(offset)), is_relational=True)
            for offset in range(0, len(whole) + size, size)
        ]
        assert [result for page in pages for result in page] == whole
        assert pages[-1] == []


def test_a_page_of_series_or_instances_is_found_and_read_by_one_snapshot(filled, django_assert_num_queries):
    with django_assert_num_queries(1):
        run(Level.INSTANCE, ("offset", "1"))
    # The second counts the instances of the page's series.
    with django_assert_num_queries(2):
        run(Level.SERIES, ("offset", "1"))
