"""What was published of a project: the voxels, answers and marks of its objects, as anybody reads them."""

import io
import shutil
import subprocess

import highdicom as hd
import numpy as np
import pytest
from django.core.management import call_command
from pydicom import dcmread
from tests.support.publishing import STUDIES, finished_project, image, instances_of_kind, mask, publish
from tests.support.reading import task_of
from tests.support.studies import OPERATOR

from radcommons.server.annotation.models import PublishedObject
from radcommons.server.annotation.queries.publishing import account_of
from radcommons.server.annotation.rules.publishing import Reason
from radcommons.server.archive.models import Instance, Series
from radcommons.server.intake.models import Batch, BatchPart, Door
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.settings import settings
from radcommons.server.sites.models import Agreement
from radcommons.transfer.annotation.dicom_sr_reading import read_report

pytestmark = pytest.mark.django_db


def bytes_of(instance: Instance) -> bytes:
    """What the archive gives out."""
    return b"".join(object_store().stream(instance_key(instance.sha256)))


@pytest.fixture(scope="module")
def published(django_db_setup, django_db_blocker, tmp_path_factory):
    """The account of a publication, committed for the tests of this module that only look at it."""
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
        yield account_of(publish(finished_project(tmp_path_factory.mktemp("published"))))
        call_command("flush", interactive=False, verbosity=0)
        shutil.rmtree(settings().data_dir / "objects", ignore_errors=True)


def test_every_read_and_the_consensus_is_in_the_archive_and_what_is_not_is_told(published):
    account = published

    # Three readers on two cases, and the consensus of the one on which they agree.
    assert account.by_state == {"stored": 7}
    assert account.by_kind == {"seg": 7, "rtstruct": 7, "sr": 7}
    assert [(reason, number) for reason, number, _ in account.left_out] == [(Reason.NOT_DECIDED, 1)]
    assert account.held == ()
    assert {kind: len(instances_of_kind(kind)) for kind in ("SEG", "RTSTRUCT", "SR")} == {
        "SEG": 7,
        "RTSTRUCT": 7,
        "SR": 7,
    }
    assert Series.objects.filter(study__study_instance_uid=STUDIES[0]).count() == 1 + 4 * 3


def test_highdicom_reads_the_voxels_that_were_drawn(published):
    made = PublishedObject.objects.get(kind="seg", reading__reader="R3", reading__case__study_instance_uid=STUDIES[0])
    segmentation = hd.seg.segread(io.BytesIO(bytes_of(Instance.objects.get(sop_instance_uid=made.sop_instance_uid))))
    opacity, lesion = (segmentation.get_segment_description(number) for number in (1, 2))
    pixels = segmentation.get_pixels_by_source_instance([image(0)], segment_numbers=[1])[0, :, :, 0]
    runs = mask(0, 5, 6)["runs"]
    drawn = np.repeat(np.arange(len(runs)) % 2, runs).reshape(16, 16)

    assert np.array_equal(pixels, drawn)
    assert opacity.segment_label == "Opacity"
    assert lesion.segment_label == "Lesion"
    assert opacity.tracking_id == "m"
    assert str(opacity.segmented_property_type.value) == "opacity"
    assert segmentation.ContentCreatorName == "R3^"
    assert segmentation.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"


def test_the_consensus_is_the_majority_and_says_of_what_it_was_made(published):
    made = PublishedObject.objects.get(kind="seg", reading__is_consensus=True)
    segmentation = hd.seg.segread(io.BytesIO(bytes_of(Instance.objects.get(sop_instance_uid=made.sop_instance_uid))))
    pixels = segmentation.get_pixels_by_source_instance([image(0)], segment_numbers=[1])[0, :, :, 0]

    assert segmentation.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
    # Two of three drew rows 4 to 9, the third rows 5 to 10.
    assert np.flatnonzero(pixels.any(axis=1)).tolist() == [4, 5, 6, 7, 8, 9]
    assert len(made.reading.inputs) == 3
    assert made.reading.inputs == sorted(
        task_of(name, STUDIES[0]).submission.sha256 for name in ("anna", "bert", "cleo")
    )


def test_a_report_holds_answers_boxes_and_lines_exactly_and_names_pseudonym_and_program(published):
    made = PublishedObject.objects.get(kind="sr", reading__reader="R1", reading__case__study_instance_uid=STUDIES[0])
    reading = read_report(bytes_of(Instance.objects.get(sop_instance_uid=made.sop_instance_uid)))
    by_label = {item.label_id: item for item in reading.items}

    assert reading.reader == "R1"
    assert reading.software.startswith("RadCommons")
    assert (by_label["appearance"].value, by_label["grade"].value) == ("typical", "mild")
    assert by_label["nodule"].outlines[0].points == ((2.0, 2.0), (9.0, 9.0))
    assert by_label["longest"].outlines[0].points == ((1.0, 1.0), (12.0, 12.5))
    # What the segmentation holds stands here without its shape, under the same tracking identifier.
    assert by_label["opacity"].shapes == ()
    assert by_label["opacity"].id == "m"


def test_dciodvfy_finds_no_error_in_what_is_published(published, tmp_path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is missing: apt-get install dicom3tools")
    for kind in ("SEG", "RTSTRUCT", "SR"):
        path = tmp_path / f"{kind}.dcm"
        path.write_bytes(bytes_of(instances_of_kind(kind)[0]))
        answer = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace", check=False)
        assert [line for line in answer.stderr.splitlines() if line.startswith("Error")] == []


def test_objects_belong_to_the_site_and_say_how_they_were_deidentified(published):
    batch = Batch.objects.get()

    assert (batch.door, batch.site.code, batch.project) == (Door.DERIVED, "ALPHA", "covid19")
    assert batch.agreement == Agreement.objects.get()
    assert set(BatchPart.objects.values_list("pixel_text", flat=True)) == {"not_applicable"}
    for kind in ("SEG", "RTSTRUCT", "SR"):
        header = dcmread(io.BytesIO(bytes_of(instances_of_kind(kind)[0])))
        assert header.PatientIdentityRemoved == "YES"
        assert header.LongitudinalTemporalInformationModified == "MODIFIED"
        assert header.PatientID.startswith("ALPHA-")
        assert len(header.DeidentificationMethodCodeSequence) == 5


def test_every_step_is_in_the_audit_log_with_the_account_that_asked(published):
    actions = list(AuditEvent.objects.filter(action__startswith="annotation.publish").values_list("action", "actor"))

    assert actions == [("annotation.publish", OPERATOR.name), ("annotation.published", OPERATOR.name)]
