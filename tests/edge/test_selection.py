"""Inclusion criteria: read strictly, decided one by one, counted by the first one failed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from tests.support.hospital_folder import write_original, write_series

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.criteria import load_criteria
from radcommons.edge.criteria.decide import age_years, day_of, orientation_of
from radcommons.edge.header import Header
from radcommons.edge.selection import read_patient_list, select_studies


def criteria_of(tmp_path, text):
    path = tmp_path / "criteria.toml"
    path.write_text(text, "utf-8")
    return load_criteria(path)


def header_of(**changes):
    values = dict.fromkeys(Header.__slots__, "")
    values.update(slice_thickness_mm=None, image_type=(), codes=(), orientation=(), is_image=True)
    return Header(**{**values, **changes})


def test_the_ready_criteria_are_ricords(home, folder):
    criteria = load_criteria("covid19_chest")

    assert criteria.minimum_age_years == 18
    assert criteria.modalities == ("CT", "CR", "DX")
    assert criteria.limits_by_modality["CT"].orientation == "axial"
    assert len(criteria.digest) == 64


def test_rejected_series_are_counted_by_the_first_criterion_they_fail(home, folder):
    write_series(folder, count=3, study="good", series="good")
    write_series(folder, study="child", series="child", PatientAge="017Y", PatientID="child")
    write_series(folder, count=1, study="mr", series="mr", Modality="MR", PatientAge="005Y", PatientID="both")
    write_series(folder, count=1, study="us", series="us", Modality="US")
    write_series(
        folder,
        count=1,
        study="foot",
        series="foot",
        BodyPartExamined="FOOT",
        StudyDescription="foot",
        SeriesDescription="foot",
    )
    write_series(folder, count=2, study="sag", series="sag", ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    write_series(folder, count=1, study="scout", series="scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(folder, count=1, study="dose", series="dose", SeriesDescription="Dose Report")

    selection = select_studies(home, folder, criteria=load_criteria("covid19_chest"))

    assert (selection.patients, selection.studies, selection.series, selection.instances) == (1, 1, 1, 3)
    assert selection.rejected_series == {
        "patient.age": 2,
        "series.body_part": 1,
        "series.description": 1,
        "series.image_type": 1,
        "series.modality": 1,
        "series.orientation": 1,
    }
    assert selection.rejected_instances["patient.age"] == 4


def test_a_localizer_inside_a_series_does_not_speak_for_it(home, folder):
    write_series(folder, count=3, study="a", series="a")
    write_original(
        folder / "scout.dcm",
        study="a",
        series="a",
        number=9,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
    )

    selection = select_studies(home, folder, criteria=load_criteria("covid19_chest"))

    assert (selection.series, selection.instances) == (1, 4)


def test_a_vague_body_part_is_decided_by_the_descriptions(home, folder):
    write_series(folder, study="a", series="a", BodyPartExamined="ABDOMEN", StudyDescription="CT CHEST ABD")
    write_series(folder, study="b", series="b", BodyPartExamined="", StudyDescription="x", SeriesDescription="y")
    write_series(folder, study="c", series="c", BodyPartExamined="HEAD", StudyDescription="x", SeriesDescription="y")

    selection = select_studies(home, folder, criteria=load_criteria("covid19_chest"))

    assert selection.series == 2
    assert selection.rejected_series == {"series.body_part": 1}


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("[patient]\nminimum_age_years = 64", "patient.age"),
        ("[patient]\nmaximum_age_years = 62", "patient.age"),
        ('[patient]\nsexes = ["M", "O"]', "patient.sex"),
        ("[study]\nfrom = 2020-04-15", "study.date"),
        ("[study]\nuntil = 2020-04-13", "study.date"),
        ('[study]\ncodes = ["U07.1"]', "study.codes"),
        ('[series]\nmodalities = ["MR"]', "series.modality"),
        ('[series]\nbody_parts = ["HEAD"]', "series.body_part"),
        ('[series]\nbody_part_or_description = "brain"', "series.body_part"),
        ('[series]\ninclude_description = "coronal"', "series.description"),
        ('[series]\nexclude_description = "lung"', "series.description"),
        ('[series]\nexclude_image_types = ["PRIMARY"]', "series.image_type"),
        ("[series]\nminimum_instances = 4", "series.instances"),
        ("[series]\nmaximum_instances = 2", "series.instances"),
        ("[series]\nminimum_slice_thickness_mm = 3", "series.slice_thickness"),
        ("[series]\nmaximum_slice_thickness_mm = 2.0", "series.slice_thickness"),
        ('[series]\norientation = "coronal"', "series.orientation"),
        ("[series.ct]\nminimum_instances = 4", "series.instances"),
        ("[patient]\nminimum_age_years = 63\nmaximum_age_years = 63", None),
        ("[study]\nfrom = 2020-04-14\nuntil = 2020-04-14", None),
        ("[series]\nminimum_slice_thickness_mm = 2.5\nmaximum_slice_thickness_mm = 5", None),
        ("[series.mr]\nminimum_instances = 400", None),
        ("", None),
    ],
)
def test_each_criterion_decides(home, folder, tmp_path, text, failed):
    write_series(folder, count=3)

    selection = select_studies(home, folder, criteria=criteria_of(tmp_path, text))

    assert selection.rejected_series == ({} if failed is None else {failed: 1})


def test_a_diagnosis_code_in_the_header_is_found(home, folder, tmp_path):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "U07.1", "I10", "COVID-19"
    write_original(folder / "1.dcm", AdmittingDiagnosesCodeSequence=[item])
    write_original(folder / "2.dcm", study="other")

    selection = select_studies(home, folder, criteria=criteria_of(tmp_path, '[study]\ncodes = ["U07.1"]'))

    assert (selection.studies, selection.rejected_series) == (1, {"study.codes": 1})


def test_an_unknown_age_is_kept_unless_the_file_says_otherwise(home, folder, tmp_path):
    write_original(folder / "1.dcm", PatientAge="", PatientBirthDate="")
    keep = criteria_of(tmp_path, "[patient]\nminimum_age_years = 18")
    reject = criteria_of(tmp_path, '[patient]\nminimum_age_years = 18\nage_missing = "reject"')

    assert select_studies(home, folder, criteria=keep).series == 1
    assert select_studies(home, folder, criteria=reject).rejected_series == {"patient.age": 1}


def test_a_list_of_patients_limits_the_selection(home, folder, tmp_path):
    write_series(folder, study="a", series="a", PatientID="MRN-1")
    write_series(folder, study="b", series="b", PatientID="MRN-2")
    (tmp_path / "cases.csv").write_text("patient_id,why\n mrn-1 ,U07.1\n", "utf-8")

    selection = select_studies(
        home,
        folder,
        criteria=load_criteria("covid19_chest"),
        patients=read_patient_list(tmp_path / "cases.csv"),
    )

    assert (selection.patients, selection.rejected_series) == (1, {"patient.listed": 1})


def test_a_list_without_the_column_is_refused(tmp_path):
    (tmp_path / "cases.csv").write_text("mrn\n1\n", "utf-8")

    with pytest.raises(RadCommonsError, match="patient_id"):
        read_patient_list(tmp_path / "cases.csv")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[series]\nmodality = ['CT']", "unknown key modality"),
        ("colour = 'red'", "unknown key colour"),
        ("[series.ct]\nslices = 3", "unknown key slices"),
        ("[series]\nmodalities = 'CT'", "not a list"),
        ("[series]\nmodalities = [1]", "not a list of texts"),
        ("[patient]\nminimum_age_years = '18'", "whole number"),
        ("[patient]\nminimum_age_years = true", "whole number"),
        ("[study]\nfrom = '2020-01-01'", "a date"),
        ("[series]\norientation = 'oblique'", "not one of"),
        ("[series]\nexclude_description = '('", "unterminated"),
        ("[series", "Expected"),
        ("patient = 3", "not a table"),
    ],
)
def test_a_mistake_in_a_criteria_file_is_named(tmp_path, text, reason):
    with pytest.raises(RadCommonsError) as refusal:
        criteria_of(tmp_path, text)

    assert refusal.value.code == "edge.invalid-criteria"
    assert reason in refusal.value.message


def test_criteria_that_are_not_there_are_refused(tmp_path):
    for name in ("no-such", tmp_path / "none.toml", "../reading"):
        with pytest.raises(RadCommonsError) as refusal:
            load_criteria(name)
        assert refusal.value.code == "edge.no-such-criteria"


@pytest.mark.parametrize(
    ("age", "born", "studied", "years"),
    [
        ("063Y", "", "", 63.0),
        ("018M", "", "", 1.5),
        ("", "20020415", "20200414", 17),
        ("", "20020414", "20200414", 18),
        ("", "20210101", "20200414", None),
        ("old", "", "20200414", None),
        ("", "20020230", "20200414", None),
    ],
)
def test_age_comes_from_the_header_or_from_two_dates(age, born, studied, years):
    found = age_years(header_of(patient_age=age, patient_birth_date=born, study_date=studied))

    assert found == pytest.approx(years, abs=0.01)


@given(st.dates())
def test_every_da_value_is_its_day(day):
    assert day_of(f"{day:%Y%m%d}".zfill(8)) == day


def test_orientation_is_that_of_the_normal():
    assert orientation_of((1, 0, 0, 0, 1, 0)) == "axial"
    assert orientation_of((1, 0, 0, 0, 0, -1)) == "coronal"
    assert orientation_of((0, 1, 0, 0, 0, -1)) == "sagittal"
    assert orientation_of((0.98, 0.1, 0, -0.1, 0.98, 0.15)) == "axial"
    assert orientation_of(()) is None
    assert day_of("20200230") is None
    assert day_of("20200414") == date(2020, 4, 14)


def test_only_the_axial_slices_of_the_real_patients_are_taken(home, shared_data):
    selection = select_studies(
        home, shared_data / "ct" / "covid-19-ny-sbu", criteria=load_criteria("covid19_chest"), processes=2
    )

    assert (selection.patients, selection.studies, selection.series) == (5, 10, 10)
    assert selection.rejected_series == {"series.orientation": 8}
