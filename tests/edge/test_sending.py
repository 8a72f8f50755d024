"""Sealing and sending: only what a named person approved leaves, as one batch named by its content."""

import hashlib
import json
from collections import Counter

import pydicom
import pytest
from tests.support.hospital_folder import PLANTED, SECRET, instances, write_original, write_series
from tests.support.small_centre import TOKEN, SmallCentre, running

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.home import init_home
from radcommons.edge.review import Decision, record_review
from radcommons.edge.sealing import seal, sealed
from radcommons.edge.sending import SentBatch, send, sent_batches
from radcommons.edge.status import home_status
from radcommons.transfer.centre import SendOptions
from radcommons.transfer.manifest import BatchManifest, Covid19Status
from radcommons.transfer.summary import open_summary, verify_against_manifest

QUICK = SendOptions(timeout_s=10, patience_s=15)


@pytest.fixture
def made(home, folder, out, tmp_path):
    """A CT series and a radiograph of one patient, with a status."""
    write_series(folder, count=4, study="ct", series="ct")
    write_original(folder / "dx.dcm", study="dx", series="dx", modality="DX")
    table = tmp_path / "clinical.csv"
    table.write_text("patient_id,covid19_status\nMRN-0048213,positive\n", "utf-8")
    deidentify_folder(home, folder, out=out, options=DeidentifyOptions(clinical_table=table))
    return out


def approve(home, out, **more):
    return record_review(home, out, decision=Decision("Dr Example", is_approval=True, **more))


def test_nothing_leaves_without_an_approval(home, made):
    centre = SmallCentre()

    with running(centre) as url, pytest.raises(RadCommonsError) as refusal:
        send(home, made, url=url, token=TOKEN, options=QUICK)

    assert (refusal.value.kind, refusal.value.code) == (Kind.FORBIDDEN, "edge.not-approved")
    assert centre.requests == {}


def test_what_was_approved_arrives_and_the_rest_is_listed(home, made):
    approve(home, made)
    centre = SmallCentre()

    with running(centre) as url:
        result = send(home, made, url=url, token=TOKEN, options=QUICK)

    assert (result.state, result.files, result.sent) == ("sealed", 4, 4)
    assert result.findings_by_code == {"deid.pixel-text-not-checked": 1}
    assert len(centre.parts) == 4
    assert set(centre.parts.values()) < set(instances(made).values())


def test_pixels_that_a_named_person_approved_leave_with_that_mark(home, made):
    approve(home, made, approve_pixels=("all",))

    batch = sealed(home, made)

    assert batch.result.held_back == ()
    assert sorted(each.pixel_text for each in batch.manifest.files) == sorted(
        [PixelText.APPROVED] + [PixelText.NOT_APPLICABLE] * 4
    )


def test_an_excluded_series_does_not_leave(home, made):
    series = next(
        each.series_instance_uid for each in _sealed_with_everything(home, made) if "1.1.1" in each.sop_class_uid
    )
    approve(home, made, exclude=(series,), reason="a name is burned in")

    result = seal(home, made)

    assert (result.files, result.excluded, result.held_back) == (4, 1, ())


def _sealed_with_everything(home, made):
    approve(home, made, approve_pixels=("all",))
    return sealed(home, made).manifest.files


def test_what_another_version_of_the_engine_made_is_not_sealed_in_the_name_of_this_one(home, folder, made):
    approve(home, made, approve_pixels=("all",))
    with database(home) as connection:
        connection.execute("UPDATE out_profile SET engine = 'another'")

    with pytest.raises(RadCommonsError) as refusal:
        seal(home, made)

    assert refusal.value.code == "edge.made-by-another-engine"
    deidentify_folder(home, folder, out=made)
    assert seal(home, made).files == 5


def test_a_batch_of_nothing_is_refused(home, folder, out):
    write_original(folder / "dx.dcm", modality="DX")
    deidentify_folder(home, folder, out=out)
    approve(home, out)

    with pytest.raises(RadCommonsError) as refusal:
        seal(home, out)

    assert refusal.value.code == "edge.nothing-to-send"
    assert refusal.value.facts["held_back"] == 1


def test_the_manifest_tells_everything_but_the_patient(home, made):
    approve(home, made)

    result = seal(home, made)

    data = result.manifest_path.read_bytes()
    manifest = BatchManifest.from_bytes(data)
    subject = json.loads(data)["subjects"]
    assert result.batch_id == manifest.batch_id
    assert (manifest.site, manifest.project, manifest.profile.name) == ("ALPHA", "covid19", "ricord")
    assert manifest.review.by == "Dr Example"
    assert list(manifest.subjects.values()) == [Covid19Status.POSITIVE]
    assert all(name.startswith("ALPHA-") for name in subject)
    assert [word for word in PLANTED if word.encode() in data] == []


def test_the_batch_depends_only_on_content_and_reviewer(home, folder, made, tmp_path):
    approve(home, made)
    first = seal(home, made)
    other = init_home(tmp_path / "other", site="ALPHA", project="covid19", secret=SECRET)
    options = DeidentifyOptions(clinical_table=tmp_path / "clinical.csv")
    deidentify_folder(other, folder, out=tmp_path / "out2", options=options)
    approve(other, tmp_path / "out2")

    assert seal(other, tmp_path / "out2").batch_id == first.batch_id
    assert seal(home, made).batch_id == first.batch_id
    record_review(home, made, decision=Decision("Somebody Else", is_approval=True))
    assert seal(home, made).batch_id != first.batch_id


def test_a_file_touched_after_approval_is_not_sent(home, made):
    approve(home, made)
    path = next(each for each in (made / "instances").rglob("*.dcm") if pydicom.dcmread(each).Modality == "CT")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with running(SmallCentre()) as url, pytest.raises(RadCommonsError) as refusal:
        send(home, made, url=url, token=TOKEN, options=QUICK)

    assert refusal.value.code == "transfer.file-changed"


def test_the_home_remembers_what_it_sent(home, made):
    approve(home, made)
    centre = SmallCentre()
    with running(centre) as url:
        result = send(home, made, url=url, token=TOKEN, options=QUICK)
        asked = sent_batches(home, token=TOKEN)
    silent = sent_batches(home, token=TOKEN, options=SendOptions(patience_s=0.1))

    assert [(batch.batch_id, batch.state, batch.files) for batch in asked] == [(result.batch_id, "verified", 4)]
    assert silent[0].state == "verified"
    assert silent[0].centre["code"] == "transfer.unreachable"
    assert sent_batches(home)[0].centre is None


def test_an_interrupted_sending_is_shown_as_unfinished(home, made):
    approve(home, made)
    with pytest.raises(RadCommonsError):
        send(home, made, url="http://127.0.0.1:9", token=TOKEN, options=SendOptions(patience_s=0.1))

    found = home_status(home, batches=sent_batches(home))

    assert [batch.state for batch in found.batches] == ["unfinished"]
    lines = list(found.lines())
    assert lines[0] == "Site ALPHA, project covid19: 1 subjects"
    assert any("approved by Dr Example, 1 series waits for a look" in line for line in lines)
    assert lines[-1].endswith("Run the same send command again: it goes on where it stopped.")


def test_what_the_centre_says_is_told_with_what_it_means():
    answer = {"state": "held", "studies": [{"state": "in_curation"}, {"state": "in_curation"}, {"state": "received"}]}

    told = list(SentBatch("7083b49bfb11de03c64d", "https://centre", 3, "held", "2026-01-01", answer).lines())

    assert told[0] == "  sent     7083b49bfb11de03… to https://centre: 3 files, held"
    assert told[1].strip() == "studies: 2 in curation, 1 received"
    assert "radcommons edge key show" in told[2]


def test_the_same_content_sealed_again_gives_the_same_signed_summary(home, made):
    approve(home, made, approve_pixels=("all",))

    first = sealed(home, made)
    again = sealed(home, made)

    assert (again.envelope, again.manifest.batch_id) == (first.envelope, first.manifest.batch_id)
    assert (made / "summary.json").read_bytes() == first.envelope


def test_the_summary_counts_what_the_report_says_of_what_is_sent(home, made):
    approve(home, made, approve_pixels=("all",))
    batch = sealed(home, made)
    lines = [json.loads(line) for line in (made / "report.jsonl").read_text("utf-8").splitlines()]
    lists = {line["actions_sha256"]: line["actions"] for line in lines if line["line"] == "actions"}
    sent = {file.sha256 for file in batch.manifest.files}
    expected = Counter(
        action["action"]
        for line in lines
        if line["line"] == "instance" and line["sha256"] in sent
        for action in lists[line["actions_sha256"]]
    )

    signed = open_summary(batch.envelope)

    verify_against_manifest(signed.summary, batch.manifest)
    assert signed.summary.actions == expected
    assert sum(sum(counts.values()) for counts in signed.summary.attributes.values()) == expected.total()
    assert "PatientName" in signed.summary.attributes
    assert signed.summary.files == len(sent)
    assert not [word for word in PLANTED if word in str(signed.summary)]


def test_what_is_excluded_is_not_counted(home, made):
    approve(home, made, approve_pixels=("all",))
    whole = open_summary(sealed(home, made).envelope).summary
    excluded = sealed(home, made).manifest.files[0].series_instance_uid
    approve(home, made, approve_pixels=("all",), exclude=(excluded,), reason="not wanted")

    less = open_summary(sealed(home, made).envelope).summary

    assert less.files < whole.files
    assert sum(less.actions.values()) < sum(whole.actions.values())
    assert less.files_root != whole.files_root


def test_a_sealed_manifest_is_what_the_centre_reads_and_places_every_file(home, made):
    approve(home, made, approve_pixels=("all",))
    told = []

    batch = sealed(home, made, progress=lambda *step: told.append(step))

    assert batch.manifest == BatchManifest.from_bytes((made / "manifest.json").read_bytes())
    assert {sha256: hashlib.sha256(path.read_bytes()).hexdigest() for sha256, path in batch.paths.items()} == {
        file.sha256: file.sha256 for file in batch.manifest.files
    }
    assert told[-1] == ("seal", 5, 5)
