"""Each check finds what it is for, and nothing in a good study."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.dicom.finding import Severity
from radcommons.server.curation.checks import InstanceFacts, SeriesFacts, StudyFacts, check_study

TODAY = date(2024, 6, 1)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)

LETTER = InstanceFacts(False, None, None, 1, is_past_cleaning=True)


def slice_at(z, number=None, *, orientation=AXIAL, rows=512, columns=512):
    place = (0.0, 0.0, float(z))
    return InstanceFacts(True, rows, columns, int(z) if number is None else number, orientation, place)


def volume(*instances, **changes):
    values = {
        "series_instance_uid": "2.25.7",
        "modality": "CT",
        "body_part_examined": "CHEST",
        "series_description": "Thorax",
        "protocol_name": "",
        "slice_thickness_mm": 1.0,
        "instances": instances or tuple(slice_at(z) for z in range(10)),
    }
    return SeriesFacts(**(values | changes))


def study(*series, **changes):
    values = {
        "study_date": date(2020, 3, 1),
        "study_description": "CT chest",
        "patient_sex": "F",
        "patient_age_years": 45.0,
        "series": series or (volume(),),
    }
    return StudyFacts(**(values | changes))


def codes(facts):
    return [finding.code.removeprefix("curation.") for finding in check_study(facts, today=TODAY)]


def test_a_good_study_has_no_finding():
    assert codes(study()) == []


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (study(patient_age_years=None), "age-missing"),
        (study(patient_age_years=17.9), "age-under-18"),
        (study(patient_sex=""), "sex-missing"),
        (study(study_date=None), "study-date-missing"),
        (study(study_date=date(2025, 1, 1)), "study-date-in-future"),
        (study(study_description=""), "description-missing"),
        (study(volume(body_part_examined="")), "body-part-missing"),
        (study(volume(modality="MG", body_part_examined="CHEST", instances=(slice_at(0),))), "body-part-implausible"),
        (study(volume(series_description="Brain axial")), "body-part-contradicted"),
        (study(volume(slice_thickness_mm=None)), "thickness-missing"),
        (study(volume(*(slice_at(z, rows=512 if z else 256) for z in range(10)))), "size-mixed"),
        (study(volume(*(slice_at(z, orientation=AXIAL if z else SAGITTAL) for z in range(10)))), "orientation-mixed"),
        (study(volume(*(slice_at(z, orientation=AXIAL if z else None) for z in range(10)))), "geometry-missing"),
        (study(volume(*(slice_at(z) for z in range(12) if z not in (5, 6)))), "slices-missing"),
        (study(volume(*(slice_at(z // 2, z) for z in range(12)))), "position-repeated"),
        (study(volume(*(slice_at(z, 1) for z in range(10)))), "instance-number-repeated"),
        (study(volume(*map(slice_at, range(10)), LETTER)), "released-object"),
    ],
)
def test_each_check_finds_what_it_is_for(facts, code):
    assert codes(facts) == [code]


def test_a_study_without_images_is_pointed_out():
    report = volume(InstanceFacts(False, None, None, 1), modality="SR", body_part_examined="")
    assert codes(study(report)) == ["no-images"]


def test_a_localiser_of_few_images_is_not_judged_as_a_volume():
    images = (slice_at(0), slice_at(40, orientation=SAGITTAL))
    assert codes(study(volume(*images, slice_thickness_mm=None))) == []


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ((date(2021, 3, 1), 46.0, "M"), "subject-mismatch"),
        ((date(2021, 3, 1), 30.0, "F"), "subject-age-mismatch"),
    ],
)
def test_two_people_under_one_pseudonym_are_an_error(other, code):
    facts = study(others=(other,))
    assert codes(facts) == [code]
    assert check_study(facts, today=TODAY)[0].severity is Severity.ERROR


def test_ages_in_whole_years_fit_intervals_that_are_not():
    assert codes(study(others=((date(2021, 2, 1), 45.0, "F"), (date(2021, 4, 1), 47.0, ""), (None, 80.0, "F")))) == []


def test_findings_name_series_of_this_repository_only():
    (finding,) = check_study(study(volume(body_part_examined="")), today=TODAY)
    assert finding.where == "series 2.25.7"


@given(
    st.lists(
        st.builds(
            InstanceFacts,
            st.booleans(),
            st.none() | st.integers(1, 65535),
            st.none() | st.integers(1, 65535),
            st.none() | st.integers(),
            st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False, width=32)] * 6),
            st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False, width=32)] * 3),
        ),
        max_size=12,
    )
)
def test_no_geometry_whatever_makes_a_check_fail(instances):
    facts = study(replace(volume(), instances=tuple(instances)))
    assert all(code.startswith(tuple("abcdefghijklmnopqrstuvwxyz")) for code in codes(facts))
