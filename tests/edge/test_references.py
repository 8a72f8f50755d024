"""References between objects lead to the same objects afterwards: in other runs, on other machines, in whatever object."""

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.support.hospital_folder import SECRET, datasets, uid, write_original

from radcommons.deid.engine import PatientMapping, deidentify_file
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.dicom.uids import is_listed_uid
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import HomeChoices, Pseudonyms, init_home

CLASSES = {
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
    "KO": "1.2.840.10008.5.1.4.1.1.88.59",
    "PR": "1.2.840.10008.5.1.4.1.1.11.1",
    "SR": "1.2.840.10008.5.1.4.1.1.88.33",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
}
CT = "1.2.840.10008.5.1.4.1.1.2"
OBJECTS = ("annotations", "zoo/dcmqi", "zoo/highdicom", "zoo/objects")


def uids_in(dataset):
    """Every UID in a data set and its items."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from uids_in(item)
        elif element.VR == "UI" and element.value:
            yield from (str(each) for each in ([element.value] if isinstance(element.value, str) else element.value))


def references(objects):
    """Pairs of instances of which one names the other."""
    own = {str(each.SOPInstanceUID) for each in objects}
    return {(str(each.SOPInstanceUID), named) for each in objects for named in uids_in(each) if named in own} - {
        (each, each) for each in own
    }


def item(**attributes):
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def reference_to(number):
    return item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=uid("ct", "ct", number))


def series_of_reference(numbers):
    return item(
        SeriesInstanceUID=uid("ct", "ct"), ReferencedSOPSequence=Sequence([reference_to(number) for number in numbers])
    )


def study_of_reference(numbers):
    return item(StudyInstanceUID=uid("ct"), ReferencedSeriesSequence=Sequence([series_of_reference(numbers)]))


def write_referring_objects(folder):
    """One object of each kind that names slices of the CT, one of them through another object."""
    image_item = item(ValueType="IMAGE", RelationshipType="CONTAINS", ReferencedSOPSequence=Sequence([reference_to(2)]))
    source = item(
        DerivationImageSequence=Sequence([item(SourceImageSequence=Sequence([reference_to(1), reference_to(3)]))])
    )
    contour = item(
        ContourSequence=Sequence([item(ContourImageSequence=Sequence([reference_to(2)]))]), ReferencedROINumber=1
    )
    frame = item(
        FrameOfReferenceUID=uid("ct", "frame"),
        RTReferencedStudySequence=Sequence(
            [
                item(
                    ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
                    ReferencedSOPInstanceUID=uid("ct"),
                    RTReferencedSeriesSequence=Sequence(
                        [item(SeriesInstanceUID=uid("ct", "ct"), ContourImageSequence=Sequence([reference_to(1)]))]
                    ),
                )
            ]
        ),
    )
    segmentation = item(ReferencedSOPClassUID=CLASSES["SEG"], ReferencedSOPInstanceUID=uid("SEG", "SEG", 1))
    kinds = {
        "RTSTRUCT": {
            "ROIContourSequence": Sequence([contour]),
            "ReferencedFrameOfReferenceSequence": Sequence([frame]),
        },
        "KO": {
            "CurrentRequestedProcedureEvidenceSequence": Sequence([study_of_reference([1, 2])]),
            "ValueType": "CONTAINER",
            "ContentSequence": Sequence([image_item]),
        },
        "PR": {"ReferencedSeriesSequence": Sequence([series_of_reference([3])])},
        "SR": {
            "CurrentRequestedProcedureEvidenceSequence": Sequence([study_of_reference([3])]),
            "ReferencedInstanceSequence": Sequence([segmentation]),
            "ValueType": "CONTAINER",
        },
        "SEG": {
            "PerFrameFunctionalGroupsSequence": Sequence([source]),
            "ReferencedSeriesSequence": Sequence([series_of_reference([1, 3])]),
        },
    }
    for kind, attributes in kinds.items():
        changes = {"SOPClassUID": CLASSES[kind], "Modality": kind, "ImageType": None, "PixelData": None, **attributes}
        write_original(folder / f"{kind}.dcm", study=kind, series=kind, **changes)


def new_references(*outs):
    return references([each for out in outs for each in datasets(out)])


@pytest.mark.parametrize("pseudonyms", list(Pseudonyms))
def test_every_reference_leads_to_its_object_after_separate_runs_on_two_machines(tmp_path, pseudonyms):
    images, others = tmp_path / "images", tmp_path / "others"
    for number in (1, 2, 3):
        write_original(images / f"{number}.dcm", study="ct", series="ct", number=number)
    write_referring_objects(others)
    originals = references([pydicom.dcmread(path) for path in (*images.iterdir(), *others.iterdir())])
    choices = HomeChoices(pseudonyms=pseudonyms)
    one, two = (
        init_home(tmp_path / name, site="ALPHA", project="covid19", secret=SECRET, choices=choices)
        for name in ("one", "two")
    )

    deidentify_folder(one, images, out=tmp_path / "out1")
    deidentify_folder(two, others, out=tmp_path / "out2")

    key = one.key()
    found = new_references(tmp_path / "out1", tmp_path / "out2")
    assert len(originals) >= 9
    assert found == {(key.map_uid(source), key.map_uid(target)) for source, target in originals}
    assert len({each.PatientID for out in ("out1", "out2") for each in datasets(tmp_path / out)}) == 1


def test_every_reference_of_the_shared_objects_survives(shared_data, tmp_path):
    paths = [path for part in OBJECTS for path in sorted((shared_data / part).rglob("*.dcm"))]
    profile = load_profile("ricord")
    before, after = [], []
    for number, path in enumerate(paths):
        key = PseudonymKey(SECRET)
        patient = PatientMapping(original_patient_id="", subject_id=f"ALPHA-{number:06d}", date_shift_days=-100)
        made = tmp_path / f"{number}.dcm"
        if deidentify_file(path, made, profile=profile, key=key, patient=patient).is_written:
            before.append(pydicom.dcmread(path, stop_before_pixels=True, force=True))
            after.append(pydicom.dcmread(made, stop_before_pixels=True))

    originals = references(before)

    key = PseudonymKey(SECRET)
    assert len(originals) > 5
    assert {(key.map_uid(source), key.map_uid(target)) for source, target in originals} <= references(after)


def test_no_original_uid_is_left_beside_a_new_one(tmp_path, home, folder, out):
    write_referring_objects(folder)
    originals = {named for path in folder.iterdir() for named in uids_in(pydicom.dcmread(path))}

    deidentify_folder(home, folder, out=out)

    left = {named for each in datasets(out) for named in uids_in(each)} & originals
    assert [each for each in left if not is_listed_uid(each)] == []
