"""Each kind of object: what it must have to be one, and where its own sort of identifier is."""

import subprocess

import pydicom
import pytest

from radcommons.apps.deid_benchmark.generator.draft import Draft
from radcommons.apps.deid_benchmark.generator.kinds import KINDS
from radcommons.apps.deid_benchmark.generator.make import make_draft
from radcommons.apps.deid_benchmark.generator.persons import make_person
from radcommons.apps.deid_benchmark.generator.plan import Order
from radcommons.apps.deid_benchmark.generator.slots.private import SLOTS
from radcommons.apps.deid_benchmark.generator.slots.texts import TEMPLATES, secrets_of, words
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, Action
from radcommons.deid.tables import rows_of


@pytest.fixture(scope="module")
def objects(whole_set):
    """The first object of every kind, with its data set."""
    folder, key = whole_set
    found = {}
    for planted in key.objects:
        if planted.kind not in found:
            found[planted.kind] = (planted, pydicom.dcmread(folder / FILES_FOLDER / planted.path))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_says_what_it_is(objects, kind):
    planted, dataset = objects[kind]

    assert dataset.SOPClassUID == dataset.file_meta.MediaStorageSOPClassUID == KINDS[kind].sop_class_uid
    assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID == planted.sop_instance_uid
    assert dataset.file_meta.TransferSyntaxUID == KINDS[kind].transfer_syntax_uid
    assert dataset.Modality == KINDS[kind].modality == planted.modality
    assert str(dataset.InstanceNumber) == planted.instance_number


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_has_identifiers_of_many_sorts_and_things_that_stay(objects, kind):
    planted, _ = objects[kind]
    slots = {check.slot for check in planted.checks}
    actions = {check.action for check in planted.checks}

    assert slots >= {
        "header",
        "table",
        "text",
        "nested",
        "unlisted",
        "private-sequence",
        "file-name",
        "file-meta",
        "kept",
    }
    assert actions >= {
        Action.TEXT_REMOVED, Action.TEXT_RETAINED, Action.DATE_SHIFTED, Action.UID_CHANGED, Action.UID_CONSISTENT, Action.PATID_CONSISTENT,
    }  # fmt: skip
    assert len(planted.identifying()) > 100


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "multi-frame" in kind or kind.startswith("enhanced")])
def test_multi_frame_objects_have_several_frames(objects, kind):
    planted, dataset = objects[kind]

    assert dataset.NumberOfFrames == planted.shape[0] > 1


def test_colours_are_what_they_are_called(objects):
    photometric = {
        kind: dataset.PhotometricInterpretation for kind, (_, dataset) in objects.items() if "PixelData" in dataset
    }

    assert photometric["us"] == photometric["sc-rgb"] == "RGB"
    assert photometric["us-multi-frame-jpeg"] == "YBR_FULL_422"
    assert photometric["sc-palette"] == "PALETTE COLOR"
    assert photometric["cr"] == "MONOCHROME1"


def test_a_segmentation_refers_to_every_plane_it_was_drawn_on(objects):
    _, segmentation = objects["seg"]
    referred = {
        item.ReferencedSOPInstanceUID
        for series in segmentation.ReferencedSeriesSequence
        for item in series.ReferencedInstanceSequence
    }
    drawn = {
        source.ReferencedSOPInstanceUID
        for frame in segmentation.PerFrameFunctionalGroupsSequence
        for derivation in frame.DerivationImageSequence
        for source in derivation.SourceImageSequence
    }

    assert referred == drawn
    assert len(referred) == 2
    assert segmentation.BitsAllocated == 1


def test_radiotherapy_objects_refer_to_each_other_in_a_row(objects):
    plan, dose = objects["rtplan"][1], objects["rtdose"][1]

    assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID
    assert plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == objects["rtstruct"][1].SOPInstanceUID


def test_a_report_has_findings_before_the_observers_that_go(objects):
    report = objects["sr"][1]
    types = [item.ValueType for item in report.ContentSequence]

    assert types.index("CONTAINER") < types.index("PNAME")
    assert "bilateral peripheral opacities" in report.ContentSequence[0].ContentSequence[0].TextValue


def test_a_pdf_names_the_patient_in_a_plain_and_in_a_compressed_stream(objects):
    planted, dataset = objects["pdf"]

    assert dataset.EncapsulatedDocument.startswith(b"%PDF")
    assert planted.patient_id.encode() in dataset.EncapsulatedDocument
    assert b"FlateDecode" in dataset.EncapsulatedDocument
    assert dataset.EncapsulatedDocument.count(planted.patient_id.encode()) == 1


def test_a_big_endian_object_shows_the_same_picture_as_it_was_drawn(objects):
    _, dataset = objects["mr-big-endian"]

    assert not dataset.file_meta.TransferSyntaxUID.is_little_endian
    assert dataset.pixel_array.max() < 2**12


def test_an_icon_and_an_overlay_can_be_opened(whole_set):
    folder, key = whole_set
    places = {line.place: planted for planted in key.objects for line in planted.burned_in}
    icon = pydicom.dcmread(folder / FILES_FOLDER / places["icon"].path).IconImageSequence[0]
    overlay = pydicom.dcmread(folder / FILES_FOLDER / places["overlay"].path)

    assert len(icon.PixelData) == icon.Rows * icon.Columns
    assert overlay.overlay_array(0x6000).any()


def test_private_attributes_called_safe_are_those_of_the_standard():
    safe = {(row["creator"], row["group"], row["element"]): row["vr"] for row in rows_of("ps3_15_e3_10_1")}

    for slot in SLOTS:
        listed = safe.get((slot.creator, f"{slot.group:04X}", f"{slot.element:02X}"))
        if slot.slot == "private-safe":
            assert listed == slot.vr
        elif slot.slot == "private-false-safe":
            assert listed not in {None, slot.vr}
        else:
            assert listed is None
        assert bool(slot.secrets) == (slot.slot not in {"private-safe", "private-harmless"})


@pytest.mark.parametrize("ordinal", range(0, 12, 3))
def test_what_a_sentence_must_lose_is_in_it(ordinal):
    draft = Draft("ct", 1, make_person(2, ordinal), 2, 0, "CT", "1.2")
    known = words(draft)

    for template in TEMPLATES:
        sentence = template.form.format(**known)
        secrets = list(secrets_of(template, known))
        assert template.kept in sentence
        assert secrets
        assert all(text in sentence and text not in template.kept for text, _ in secrets)


def test_old_people_have_no_age_that_stays():
    ages = {}
    for ordinal in range(60):
        person = make_person(1, ordinal)
        draft = make_draft(Order(0, "ct", ordinal, 0), person, seed=1, drafts=[])
        ages[person.age] = {check.action for check in draft.checks if check.path == "PatientAge"}

    assert all((Action.TEXT_RETAINED in actions) == (age < "090Y") for age, actions in ages.items())
    assert any(age < "090Y" for age in ages)


def test_an_everyday_name_is_never_searched_for_anywhere():
    person = next(
        person
        for person in (make_person(1, ordinal) for ordinal in range(12))
        if person.family in {"Case", "Hart", "Brown"}
    )
    draft = make_draft(Order(0, "ct", 5, 0), person, seed=1, drafts=[])
    names = [check for check in draft.checks if check.text in {person.family, person.given}]

    assert names
    assert not any(check.is_searchable for check in names)


@pytest.mark.peers
@pytest.mark.parametrize("kind", ["ct", "mr", "cr", "us", "sc-rgb", "rtdose", "ko"])
def test_a_conformance_checker_reads_every_object_to_its_end(whole_set, kind):
    folder, key = whole_set
    planted = next(each for each in key.objects if each.kind == kind)
    answer = subprocess.run(
        ["dciodvfy", folder / FILES_FOLDER / planted.path],
        capture_output=True,
        text=True,
        check=False,
        encoding="latin-1",
    )

    assert "Dicom dataset read failed" not in answer.stderr
    assert "Could not" not in answer.stderr
