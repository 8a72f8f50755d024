"""An object that no program can clean, from a hospital to its curator: let go by a person, and never unnoticed."""

import pytest
from tests.edge.test_pixels import Hospital, approve
from tests.support.batches import make_site
from tests.support.hospital_folder import DX
from tests.support.pictures_with_writing import drawn, write_document, write_picture

from radcommons.dicom.finding import Severity
from radcommons.edge.sealing import sealed
from radcommons.edge.verify import verify_folder
from radcommons.server.curation.models import CheckResult
from radcommons.server.curation.services import open_case
from radcommons.server.intake import services, staging
from radcommons.server.intake.models import BatchPart
from radcommons.server.platform.policy import Actor
from radcommons.transfer.manifest import ReleaseReason

PRIVATE = "1.2.826.0.1.3680043.9.9.9.1"
REASON = "The letter of Adaeze is only a page on how to breathe"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    made = Hospital(tmp_path_factory.mktemp("released"))
    write_document(made.folder / "letter.dcm", study="doc", series="doc")
    write_picture(made.folder / "odd.dcm", drawn(), sop_class=PRIVATE, modality="OT", study="odd", series="odd")
    write_picture(made.folder / "dx.dcm", drawn(), sop_class=DX, modality="DX", study="dx", series="dx")
    made.make()
    made.decide("doc", "release", reason=REASON)
    made.decide("odd", "release", reason="A test picture", why=ReleaseReason.NO_PATIENT)
    for name in ("odd", "dx"):
        made.decide(name, "confirm")
    approve(made)
    return made


@pytest.fixture(scope="module")
def batch(hospital):
    return sealed(hospital.home, hospital.out)


def test_the_hospitals_second_look_knows_what_was_let_go_and_says_so(hospital):
    found = verify_folder(hospital.home, hospital.out)

    assert found.is_clean, found.findings
    assert found.findings_by_code["edge.released"] == 2
    assert {each.severity for each in found.findings if each.code == "edge.released"} == {Severity.INFO}


def test_when_and_why_travel_in_the_signed_batch_and_nothing_that_a_person_wrote(batch):
    releases = {each.sop_class_uid: each.release for each in batch.manifest.files if each.release is not None}

    assert {each.why.value for each in releases.values()} == {"read", "no-patient"}
    assert {each.role for each in releases.values()} == {"site-reviewer"}
    assert all(each.at.endswith("+00:00") for each in releases.values())
    assert len(batch.manifest.files) == 3
    assert b"breathe" not in batch.manifest.canonical_bytes + batch.envelope
    assert type(batch.manifest).from_bytes(batch.manifest.canonical_bytes) == batch.manifest


@pytest.mark.django_db(transaction=True)
def test_the_centre_takes_them_and_its_curators_cannot_miss_them(batch, tmp_store, run_worker, client_of):
    make_site()
    site = Actor.contributor("ALPHA")
    services.open_batch(batch.manifest.canonical_bytes, actor=site)
    for sha256, path in batch.paths.items():
        sink = staging.PartSink(batch.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
        sink.write(path.read_bytes())
        sink.commit()
    services.seal_batch(batch.manifest.batch_id, envelope=batch.envelope, actor=site)
    run_worker()

    parts = {part.sop_class_uid: part for part in BatchPart.objects.all()}
    assert {part.state for part in parts.values()} == {"stored"}, [part.findings for part in parts.values()]
    told = {uid for uid, part in parts.items() for each in part.findings if each["code"] == "intake.released-object"}
    assert told == {uid for uid in parts if uid != DX}
    page = client_of("curator").get(f"/batches/{batch.manifest.batch_id}/").content.decode()
    assert "Read as a whole" in page
    assert "Not about a patient" in page
    for uid in {part.study_instance_uid for part in parts.values()}:
        open_case(uid)
    assert CheckResult.objects.filter(code="curation.released-object", severity="warning").count() == 2


def test_a_release_taken_back_lets_nothing_through_again(tmp_path):
    made = Hospital(tmp_path)
    write_document(made.folder / "letter.dcm", study="doc", series="doc")
    made.make()
    act = made.decide("doc", "release", reason="I read it")
    assert verify_folder(made.home, made.out).is_clean

    made.decide("doc", "undo", act=act, is_made=False)

    found = verify_folder(made.home, made.out)
    assert found.findings_by_code["deid.unsupported-object"] == 1
    assert not found.is_clean
