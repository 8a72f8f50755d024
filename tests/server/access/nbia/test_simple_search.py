"""The simple search over published versions."""

import json

import pytest
from django.utils import timezone
from tests.support.published import SLUG, series_uid


@pytest.fixture
def search(ask):
    def make(*criteria, call="getSimpleSearch", **more):
        form = {"sortField": "subject", "sortDirection": "ascending", "start": "0", "size": "10", **more}
        for index, (name, value) in enumerate(criteria):
            form[f"criteriaType{index}"] = name
            fields = value if isinstance(value, dict) else {"value": value}
            form.update({f"{field}{index}": text for field, text in fields.items()})
        response = ask.post(f"/nbia-api/services/v4/{call}", data=form)
        assert response.status_code == 200, response.text
        return json.loads(response.content) if call == "getSimpleSearch" else response.text

    return make


def subjects(found):
    return [patient["subjectId"] for patient in found["resultSet"]]


def test_a_patient_is_told_with_studies_series_and_what_they_show(search):
    found = search(("CollectionCriteria", SLUG))
    assert (subjects(found), found["totalPatients"]) == (["S-one", "S-two"], 2)
    two = found["resultSet"][1]
    assert two["modalities"] == ["CT", "RTSTRUCT", "SEG"]
    assert (two["totalNumberOfStudies"], two["totalNumberOfSeries"], two["project"]) == (1, 3, SLUG)
    (study,) = two["studyIdentifiers"]
    assert series_uid("two") in study["seriesIdentifiers"]
    assert {"seriesId": series_uid("two"), "modality": "CT"} in study["seriesAndModality"]
    assert {"value": "CT", "count": 2} in found["modalities"]
    assert found["collections"] == [{"value": SLUG, "count": 2}]
    assert "timepoints" not in two


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ([("ImageModalityCriteria", "seg")], ["S-two"]),
        ([("ImageModalityCriteria", "CT"), ("ImageModalityCriteria", "SEG")], ["S-one", "S-two"]),
        (
            [("ImageModalityCriteria", "CT"), ("ImageModalityCriteria", "SEG"), ("ModalityAndedSearchCriteria", "all")],
            ["S-two"],
        ),
        ([("PatientCriteria", "s-one,S-nobody")], ["S-one"]),
        ([("SeriesCriteria", series_uid("two"))], ["S-two"]),
        ([("SeriesCriteria", series_uid("secret"))], []),
        ([("AnatomicalSiteCriteria", "chest"), ("ManufacturerCriteria", "EXAMPLE")], ["S-one", "S-two"]),
        ([("MinNumberOfStudiesCriteria", "2")], []),
        ([("MinNumberOfStudyDatesCriteria", "1")], ["S-one", "S-two"]),
        ([("PatientSexCriteria", "M")], []),
        ([("PatientAgeRangeCriteria", {"from": "58", "to": "58"})], ["S-one", "S-two"]),
        ([("PatientAgeRangeCriteria", {"to": "57"})], []),
        ([("SliceThicknessRangeCriteria", {"from": "3"})], []),
        ([("PixelSpacingRangeCriteria", {"from": "0.6", "to": "0.8"})], ["S-one", "S-two"]),
        ([("PixelSpacingRangeCriteria", {"from": "0.8"})], []),
        ([("SpeciesCriteria", "337915000")], ["S-one", "S-two"]),
        ([("SpeciesCriteria", "447612001")], []),
        ([("SoftwareVersionCriteria", "1.0")], []),
        ([("PhantomCriteria", "onlyPhantom")], []),
        ([("ThirdPartyAnalysis", "Yes")], []),
        ([("ExcludeCommercialCriteria", "NO")], []),
        ([("ExcludeCommercialCriteria", "NO"), ("CollectionCriteria", f"{SLUG}@1.0.0")], ["S-one"]),
        ([("Criteria.DateRange", {"fromDate": "01-01-2999", "toDate": "01-02-2999"})], []),
        ([("NobodyKnowsCriteria", "x")], ["S-one", "S-two"]),
    ],
)
def test_criteria_narrow_what_is_found(search, criteria, expected):
    assert subjects(search(*criteria)) == expected


def test_the_day_of_release_is_inclusive(search):
    today = timezone.now().strftime("%m-%d-%Y")
    assert subjects(search(("DateRangeCriteria", {"fromDate": today, "toDate": today}))) == ["S-one", "S-two"]


def test_patients_are_ordered_and_paged(search):
    assert subjects(search(sortField="series", sortDirection="descending")) == ["S-two", "S-one"]
    page = search(size="1", start="1")
    assert (subjects(page), page["totalPatients"]) == (["S-two"], 2)


def test_the_manifest_holds_all_that_is_found_not_a_page(search):
    text = search(("ImageModalityCriteria", "CT"), call="getManifestForSimpleSearch", size="1")
    assert text.splitlines()[6:] == [series_uid("one"), series_uid("two")]
    assert search(("ImageModalityCriteria", "MR"), call="getManifestForSimpleSearch") == ""


def test_a_licence_against_commerce_is_a_restriction(search):
    assert search(call="getRestrictionsForSimpleSearch") == "yes"
    assert search(("CollectionCriteria", f"{SLUG}@1.0.0"), call="getRestrictionsForSimpleSearch") == "no"
