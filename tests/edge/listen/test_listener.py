"""Receiving from real peers: DCMTK's storescu, pynetdicom and Orthanc; what arrives is what was sent."""

import threading
import time
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance
from tests.support.batches import uid, write_instance
from tests.support.dimse_peers import TITLE, data_set_of, listening, received, storescu
from tests.support.orthanc import free_port

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.home import init_home
from radcommons.edge.listen.negotiation import Peer, chosen_syntax
from radcommons.edge.scan import scan_folder

CT = "1.2.840.10008.5.1.4.1.1.2"
ZOO = Path(__file__).resolve().parents[4] / "shared" / "data" / "zoo"


@pytest.fixture
def slices(tmp_path):
    folder = tmp_path / "sent"
    folder.mkdir()
    return [write_instance(folder / f"{number}.dcm", number=number) for number in range(1, 7)]


def send(port, dataset, *, title="SENDER", called=TITLE, syntax=ExplicitVRLittleEndian):
    """One instance by pynetdicom; the status, or None when nobody would associate."""
    entity = AE(title)
    entity.add_requested_context(dataset.SOPClassUID, syntax)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    if not association.is_established:
        return None
    status = association.send_c_store(dataset)
    association.release()
    return status.get("Status") if status else None


def test_what_storescu_sends_lies_in_the_folder_byte_for_byte(tmp_path, slices):
    with listening(tmp_path / "got") as listener:
        sent = storescu(listener.port, slices, "-xe")
        again = storescu(listener.port, slices[:2], "-xe")

    assert (sent.returncode, again.returncode) == (0, 0), sent.stderr
    files = received(tmp_path / "got")
    assert len(files) == 6
    by_uid = {path.stem: path for path in files}
    for source in slices:
        dataset = pydicom.dcmread(source)
        assert data_set_of(by_uid[str(dataset.SOPInstanceUID)]) == data_set_of(source)
    assert listener.counts.to_json() == {
        "associations": 2,
        "turned_away": 0,
        "instances": 6,
        "duplicates": 2,
        "refused": 0,
        "size_bytes": listener.counts["size_bytes"],
    }
    assert files[0].parent.parent.name == uid("study", 1)
    assert oct(files[0].stat().st_mode)[-3:] == "600"


def test_a_scan_of_the_folder_sees_instances_only(tmp_path, slices):
    with listening(tmp_path / "got") as listener:
        storescu(listener.port, slices)
    home = init_home(tmp_path / "home", site="ALPHA", project="covid19")

    found = scan_folder(home, tmp_path / "got")

    assert (found.files, found.instances, found.findings_by_code) == (6, 6, {})


def test_every_transfer_syntax_is_taken_as_it_is(tmp_path):
    sources = sorted((ZOO / "ct-chest-all-syntaxes").glob("*.dcm"))
    sources = sources or sorted((ZOO / "ct-chest-all-syntaxes").iterdir())
    digests = {}
    with listening(tmp_path / "got") as listener:
        for number, source in enumerate(sources):
            dataset = pydicom.dcmread(source)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("syntax", number)
            assert send(listener.port, dataset, syntax=dataset.file_meta.TransferSyntaxUID) == 0, source.name
            digests[str(dataset.SOPInstanceUID)] = dataset.file_meta.TransferSyntaxUID

    assert len(sources) >= 13
    for path in received(tmp_path / "got"):
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == digests.pop(path.stem)
    assert not digests


def test_private_classes_are_taken_and_what_is_no_storage_is_not(tmp_path, slices):
    dataset = pydicom.dcmread(slices[0])
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5.6.7.8.99"
    query = AE("SENDER")
    query.add_requested_context("1.2.840.10008.5.1.4.1.2.2.1")
    with listening(tmp_path / "got") as listener:
        assert send(listener.port, dataset) == 0
        association = query.associate("127.0.0.1", listener.port, ae_title=TITLE)
        assert not association.accepted_contexts
        association.release()


def test_the_senders_first_syntax_is_chosen_and_implicit_only_when_nothing_else_is_offered():
    implicit, explicit, jpeg = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"
    assert chosen_syntax([implicit, explicit], is_storage=True) == explicit
    assert chosen_syntax([jpeg, explicit], is_storage=True) == jpeg
    assert chosen_syntax([implicit], is_storage=True) == implicit
    assert chosen_syntax(["1.2.840.113619.5.2", implicit], is_storage=True) == implicit
    assert chosen_syntax(["1.2.840.113619.5.2"], is_storage=True) == ""
    assert chosen_syntax([jpeg, explicit], is_storage=False) == explicit


def test_only_those_on_the_list_may_send_and_only_to_the_title_that_is_ours(tmp_path, slices):
    dataset = pydicom.dcmread(slices[0])
    with listening(tmp_path / "a", peers=(Peer("PACS"),)) as listener:
        assert send(listener.port, dataset, title="STRANGER") is None
        assert send(listener.port, dataset, title="PACS", called="ANOTHER") is None
        assert send(listener.port, dataset, title="PACS") == 0
        assert listener.counts["turned_away"] == 2


def test_two_senders_of_the_same_study_at_once_store_it_once(tmp_path, slices):
    with listening(tmp_path / "got") as listener:
        threads = [threading.Thread(target=storescu, args=(listener.port, slices)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts = listener.counts.to_json()

    assert (counts["instances"], counts["duplicates"], counts["refused"]) == (6, 12, 0)
    assert len(received(tmp_path / "got")) == 6
    assert not list((tmp_path / "got" / ".radcommons" / "incoming").iterdir())


def test_other_bytes_under_the_same_uid_are_kept_beside_the_first(tmp_path, slices):
    dataset = pydicom.dcmread(slices[0])
    with listening(tmp_path / "got") as listener:
        assert send(listener.port, dataset) == 0
        dataset.SeriesDescription = "Another"
        assert send(listener.port, dataset) == 0

    names = [path.name for path in received(tmp_path / "got")]
    assert names == [f"{dataset.SOPInstanceUID}.dcm", f"{dataset.SOPInstanceUID}~2.dcm"]


def test_identifiers_that_are_paths_or_that_differ_from_the_command_are_refused(tmp_path, slices):
    dataset = pydicom.dcmread(slices[0])
    with listening(tmp_path / "got") as listener:
        dataset.StudyInstanceUID = "../../escape"
        assert send(listener.port, dataset) == 0xC000
        dataset.StudyInstanceUID = ".."
        assert send(listener.port, dataset) == 0xC000
        dataset.StudyInstanceUID = uid("study", 1)
        del dataset.SeriesInstanceUID
        assert send(listener.port, dataset) == 0xC000
    assert not received(tmp_path)[6:]


def test_a_full_disk_is_answered_with_a700_and_the_association_goes_on(tmp_path, slices):
    with listening(tmp_path / "got", reserve_bytes=1 << 62) as listener:
        sent = storescu(listener.port, slices[:2])
        assert listener.counts["refused"] >= 1
    assert "Refused: OutOfResources" in sent.stderr
    assert not received(tmp_path / "got")


def test_an_instance_beyond_the_limit_is_refused_and_leaves_nothing(tmp_path, slices):
    with listening(tmp_path / "got", maximum_bytes=1500) as listener:
        assert send(listener.port, pydicom.dcmread(slices[0])) == 0xA700
        assert listener.active == 0 or time.sleep(0.5) is None
    assert not list((tmp_path / "got" / ".radcommons" / "incoming").iterdir())


def test_a_second_listener_on_the_same_folder_or_port_is_refused(tmp_path):
    with listening(tmp_path / "got") as listener:
        with pytest.raises(RadCommonsError) as busy, listening(tmp_path / "got"):
            raise AssertionError
        with pytest.raises(RadCommonsError) as taken, listening(tmp_path / "other", port=listener.port):
            raise AssertionError
    assert (busy.value.code, taken.value.code) == ("edge.busy", "edge.port-taken")


def test_storage_commitment_is_reported_on_the_same_association(tmp_path, slices):
    heard = []
    entity = AE("SENDER")
    entity.add_requested_context(StorageCommitmentPushModel)
    there, missing = pydicom.dcmread(slices[0]), pydicom.dcmread(slices[1])
    with listening(tmp_path / "got") as listener:
        assert send(listener.port, there) == 0
        handlers = [(evt.EVT_N_EVENT_REPORT, lambda event: heard.append(event) or (0x0000, None))]
        association = entity.associate("127.0.0.1", listener.port, ae_title=TITLE, evt_handlers=handlers)
        status, _ = association.send_n_action(
            asked_for(there, missing), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        wait_for(lambda: heard)
        association.release()

    assert status.Status == 0
    report = heard[0].event_information
    assert heard[0].event_type == 2
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [there.SOPInstanceUID]
    assert [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in report.FailedSOPSequence] == [
        (missing.SOPInstanceUID, 0x0112)
    ]


def test_a_peer_whose_address_is_known_is_called_back_with_its_report(tmp_path, slices):
    heard = []
    entity = AE("SENDER")
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    entity.add_requested_context(StorageCommitmentPushModel)
    port = free_port()
    handlers = [(evt.EVT_N_EVENT_REPORT, lambda event: heard.append(event) or (0x0000, None))]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    dataset = pydicom.dcmread(slices[0])
    try:
        with listening(tmp_path / "got", callers={"SENDER": ("127.0.0.1", port)}) as listener:
            assert send(listener.port, dataset) == 0
            association = entity.associate("127.0.0.1", listener.port, ae_title=TITLE)
            association.send_n_action(
                asked_for(dataset), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
            )
            association.release()
            wait_for(lambda: heard)
    finally:
        server.shutdown()
    assert heard[0].event_type == 1


def asked_for(*datasets):
    request = pydicom.Dataset()
    request.TransactionUID = uid("transaction", len(datasets))
    items = []
    for dataset in datasets:
        item = pydicom.Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
        items.append(item)
    request.ReferencedSOPSequence = items
    return request


def wait_for(condition, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()
