"""STOW-RS of a site's own uploads, over real HTTP: what is stored, what is refused and how that is said (PS3.18 10.5)."""

import gzip
import hashlib
import io
import socket
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from datetime import timezone as tz
from urllib.parse import urlsplit

import httpx
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from lxml import etree
from tests.support.batches import OPERATOR, make_site, make_token, uid, write_instance

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import OlderDigests, older_digests
from radcommons.server.intake import rules, services, staging
from radcommons.server.intake.models import Batch, BatchPart, QuarantinedInstance
from radcommons.server.intake.services import direct
from radcommons.server.platform import accounts, audit
from radcommons.server.platform.models import AuditEvent, OutboxFact
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.platform.settings import settings
from radcommons.server.sites.models import ContributorKey

BOUNDARY = "a-boundary"
WEST, EAST = tz(timedelta(hours=-12)), tz(timedelta(hours=14))
FAILED, STORED, OTHERS, REASON = "00081198", "00081199", "0008119A", "00081197"


class Sender:
    """A site's own program."""

    def __init__(self, url: str, token: str) -> None:
        self.root = f"{url}/dicom-web/intake/ALPHA/covid19"
        self.token = token

    def post(self, bodies, study="", content_type=None, **headers):
        type_ = content_type or f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        content = multipart(bodies) if isinstance(bodies, list) else bodies
        headers = {"Content-Type": type_, **headers} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        address = f"{self.root}/studies" + (f"/{study}" if study else "")
        return httpx.post(address, content=content, headers=headers, timeout=120)


def multipart(bodies):
    parts = [f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + body + b"\r\n" for body in bodies]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def reasons(answer):
    return [item[REASON]["Value"][0] for item in answer.json()[FAILED]["Value"]]


def finished():
    """The batch of the day, closed as it is when nobody has sent for a moment."""
    services.finish_batch(Batch.objects.get().pk)
    return Batch.objects.get()


@pytest.fixture
def sender(live_server_url):
    return Sender(live_server_url, make_token(make_site()))


@pytest.fixture
def made(tmp_path):
    return lambda number=1, **changes: write_instance(
        tmp_path / f"{number}-{len(changes)}.dcm", number=number, **changes
    ).read_bytes()


def test_whoever_stored_finds_it_with_the_very_next_request(sender, made):
    # What is found is remembered until a change is told, which takes a moment longer than the answer to who made the change.
    headers = {"Authorization": f"Bearer {sender.token}", "Accept": "application/dicom+json"}
    with httpx.Client(base_url=f"{sender.root}/", headers=headers, timeout=60) as client:
        for number in range(1, 21):
            assert sender.post([made(number)]).status_code == 200
            assert len(client.get("instances").json()) == number
            assert len(client.get("instances").json()) == number


def test_what_one_may_see_is_remembered_for_nobody_else_and_not_longer_than_the_key_is_good(
    sender, live_server_url, made
):
    assert sender.post([made(1)]).status_code == 200
    other, stranger = make_token(make_site("BETA")), ""

    def asked(token):
        headers = {"Accept": "application/dicom+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = httpx.get(f"{sender.root}/instances", headers=headers, timeout=60)
        return answer.status_code

    assert [asked(token) for token in (sender.token, other, stranger, sender.token)] == [200, 404, 401, 200]
    ContributorKey.objects.filter(site__code="ALPHA").update(revoked_at=timezone.now())
    deadline = time.monotonic() + 3
    while asked(sender.token) == 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert asked(sender.token) == 401


def test_instances_are_stored_found_again_and_stored_once(sender, made):
    bodies = [made(number) for number in (1, 2, 3)]

    first, again = sender.post(bodies), sender.post(bodies)

    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert first.headers["content-type"] == "application/dicom+json"
    items = first.json()[STORED]["Value"]
    assert [item["00081155"]["Value"][0] for item in items] == [uid("instance", 1, 1, number) for number in (1, 2, 3)]
    assert FAILED not in first.json()
    assert first.json()["00081190"]["Value"] == [f"{sender.root}/studies/{uid('study', 1)}"]
    assert Instance.objects.filter(state="stored").count() == 3
    assert finished().state == "verified"
    assert set(BatchPart.objects.values_list("state", flat=True)) == {"stored"}
    assert OutboxFact.objects.filter(kind="InstancesStored").count() == 1
    for item, body in zip(items, bodies, strict=True):
        got = httpx.get(
            item["00081190"]["Value"][0],
            headers={"Authorization": f"Bearer {sender.token}", "Accept": "application/dicom; transfer-syntax=*"},
            timeout=60,
        )
        assert hashlib.sha256(got.content).digest() == hashlib.sha256(body).digest()
    assert not list(settings().staging_dir.rglob("*.part"))
    assert not any(path.is_file() for path in settings().staging_dir.rglob("*"))


def test_a_real_client_stores_and_reads_back(sender, made):
    client = DICOMwebClient(sender.root, headers={"Authorization": f"Bearer {sender.token}"})
    dataset = pydicom.dcmread(io.BytesIO(made(7)))

    answer = client.store_instances([dataset])

    assert len(answer.ReferencedSOPSequence) == 1
    assert client.search_for_instances()[0]["00080018"]["Value"] == [dataset.SOPInstanceUID]


def test_a_root_says_that_instances_can_be_stored_there(sender):
    for path, allowed in (("/studies", "POST"), (f"/studies/{uid('study', 1)}", "POST"), ("", "OPTIONS")):
        told = httpx.options(f"{sender.root}{path}", timeout=60)
        assert allowed in told.headers["allow"].split(", "), path
    described = etree.fromstring(told.content)
    methods = described.xpath("//*[local-name()='method'][@id='StoreTransaction']")
    assert [(each.getparent().get("path"), each.get("name")) for each in methods] == [
        ("studies", "POST"),
        ("studies/{study}", "POST"),
    ]
    assert described.xpath("//*[local-name()='resources']/@base") == [f"{sender.root}/"]
    assert httpx.put(f"{sender.root}/studies", timeout=60).status_code == 405


def test_one_file_without_parts_is_taken_and_the_answer_may_be_xml(sender, made):
    answer = sender.post(made(1), content_type="application/dicom", Accept="application/dicom+xml")

    assert answer.status_code == 200, answer.text
    root = etree.fromstring(answer.content)
    found = {each.get("keyword") for each in root.iter("DicomAttribute")}
    assert {"RetrieveURL", "ReferencedSOPSequence", "ReferencedSOPInstanceUID"} <= found
    assert root.tag == "NativeDicomModel"


def test_one_bad_file_does_not_stop_the_others(sender, made):
    bodies = [made(1), b"no DICOM at all", made(2, PatientName="Doe^Jane"), made(3, PatientID="12345678")]

    answer = sender.post(bodies)

    assert answer.status_code == 202
    assert len(answer.json()[STORED]["Value"]) == 1
    assert reasons(answer) == [0xC300, 0xC300]
    assert [item[REASON]["Value"] for item in answer.json()[OTHERS]["Value"]] == [[0xC000]]
    assert Instance.objects.filter(state="stored").count() == 1
    assert QuarantinedInstance.objects.count() == 2
    batch = Batch.objects.get()
    for part in BatchPart.objects.filter(state="quarantined"):
        assert staging.has_part(batch.batch_id, part.sha256, part.size_bytes)
    assert "Doe" not in answer.text
    told = httpx.get(
        answer.links["describedby"]["url"], headers={"Authorization": f"Bearer {sender.token}"}, timeout=60
    ).json()
    assert {"deid.person-name", "intake.subject-id"} <= {each["code"] for each in told["findings"]}


def test_nothing_that_breaks_the_rules_is_stored_and_all_of_it_failing_is_409(sender, made):
    answer = sender.post([made(1, PatientName="Doe^Jane"), made(2, PatientIdentityRemoved="NO")])

    assert answer.status_code == 409
    assert reasons(answer) == [0xC300, 0xC300]
    assert not Instance.objects.exists()
    assert finished().state == "refused"


def test_what_a_person_must_look_at_waits_and_enters_once_a_curator_has_looked(sender, made, run_worker):
    body = made(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT", ConversionType="WSD")

    answer = sender.post([body])

    assert answer.status_code == 409
    assert reasons(answer) == [0xC301]
    assert reasons(sender.post([body])) == [0xC301]
    row, curator = QuarantinedInstance.objects.get(), Actor.system("tests")
    services.release_quarantined(row.pk, reason="No text.", vouched=[rules.PIXEL_TEXT], actor=curator)
    run_worker()
    assert sender.post([body]).status_code == 200
    assert Instance.objects.filter(state="stored").count() == 1


def test_other_bytes_under_a_known_uid_are_a_conflict_kept_for_a_person(sender, made):
    assert sender.post([made(1)]).status_code == 200

    answer = sender.post([made(1, SeriesNumber=2)])

    assert answer.status_code == 409
    assert reasons(answer) == [0x0111]
    kept = QuarantinedInstance.objects.get()
    assert [each["code"] for each in kept.findings if each["severity"] == "error"] == ["archive.instance-conflict"]
    assert Instance.objects.count() == 1


def test_an_instance_of_another_study_than_the_address_is_refused_and_not_kept(sender, made):
    bodies = [made(1), made(2, StudyInstanceUID=uid("study", "other"))]

    answer = sender.post(bodies, study=uid("study", 1))

    assert answer.status_code == 202
    assert reasons(answer) == [0xA901]
    assert BatchPart.objects.count() == 1
    assert not any(path.is_file() for path in settings().staging_dir.rglob("*"))


def test_what_is_no_message_of_dicom_files_is_refused_with_a_word_of_what_is_taken(sender):
    related = 'multipart/related; type="application/dicom"; boundary=b'
    cases = [
        ("application/dicom+json", b"[]", 415),
        ('multipart/related; type="application/dicom+json"; boundary=b', b"--b--", 415),
        ('multipart/related; type="application/dicom+xml"; boundary=b', b"--b--", 415),
        ("text/html", b"<p>", 415),
        (related, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", 415),
        ('multipart/related; type="application/dicom"', b"--b--", 400),
        (related, b"--b\r\nno colon\r\n\r\nx\r\n--b--", 400),
        (related, b"--b\r\n\r\nx", 400),
        (related, b"", 400),
        (related, b"--b--", 400),
    ]
    for content_type, body, status in cases:
        answer = sender.post(body, content_type=content_type)
        assert answer.status_code == status, (content_type, body, answer.text)
        if status == 415:
            assert "application/dicom" in answer.json()["accepted"]
    assert sender.post([b"x"], Accept="image/png").status_code == 406
    assert not BatchPart.objects.exists()
    assert not any(path.is_file() for path in settings().staging_dir.rglob("*"))


def test_only_the_site_itself_stores_and_only_under_its_agreement(sender, live_server_url, made):
    body = [made(1)]
    beta = make_token(make_site("BETA", is_signed=False))

    assert Sender(live_server_url, "").post(body).status_code == 401
    assert Sender(live_server_url, beta).post(body).status_code == 403
    own = Sender(live_server_url, beta)
    own.root = own.root.replace("ALPHA", "BETA")
    assert own.post(body).json()["code"] == "sites.no-valid-agreement"
    sender.root = sender.root.replace("covid19", "another")
    assert sender.post(body).status_code == 403
    assert not Batch.objects.exists()


@pytest.mark.parametrize(("is_known", "status"), [(False, b"401"), (True, b"100")])
def test_who_asks_before_sending_a_body_is_told_whether_it_is_taken(sender, is_known, status):
    server = urlsplit(sender.root)
    head = [
        f"POST {server.path}/studies HTTP/1.1",
        f"Host: {server.netloc}",
        f"Authorization: Bearer {sender.token if is_known else 'nobody'}",
        f"Content-Type: multipart/related; boundary={BOUNDARY}",
        "Content-Length: 1000000000",
        "Expect: 100-continue",
    ]

    with socket.create_connection((server.hostname, server.port), timeout=60) as line:
        line.sendall("\r\n".join([*head, "", ""]).encode())
        told = line.recv(12)

    assert told == b"HTTP/1.1 " + status


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_a_session_stores_nothing_so_that_no_page_from_elsewhere_can_use_it(sender, made, content_type):
    coordinator = accounts.create_account("coordinator", actor=OPERATOR)
    accounts.grant_role("coordinator", Role.SITE_COORDINATOR, actor=OPERATOR, site_code="ALPHA")
    browser = Client()
    browser.force_login(coordinator)
    cookie = f"sessionid={browser.cookies['sessionid'].value}"
    by_session = Sender(sender.root.removesuffix("/dicom-web/intake/ALPHA/covid19"), "")

    for origin in ("https://elsewhere.example", by_session.root.partition("/dicom-web")[0]):
        answer = by_session.post([made(1)], content_type=content_type, Cookie=cookie, Origin=origin)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert not Batch.objects.exists()

    sender.token = accounts.issue_api_token(coordinator, "notebook", actor=OPERATOR)
    assert sender.post([made(1)]).status_code == 200


def test_what_is_packed_for_the_way_is_refused_and_not_taken_for_a_broken_file(sender, made):
    for answer in (
        sender.post(gzip.compress(multipart([made(1)])), **{"Content-Encoding": "gzip"}),
        sender.post(multipart([made(1)]).replace(b"Content-Type", b"Content-Encoding: gzip\r\nContent-Type", 1)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (415, "intake.content-encoding")
        assert answer.headers["accept-encoding"] == "identity"
    assert sender.post(multipart([made(1)]), **{"Content-Encoding": "identity"}).status_code == 200


def test_what_is_announced_to_be_larger_than_the_disk_is_refused_before_it_is_sent(sender):
    address = urlsplit(sender.root)
    lines = [
        f"POST {address.path}/studies HTTP/1.1",
        f"Host: {address.netloc}",
        f"Authorization: Bearer {sender.token}",
        "Content-Type: application/dicom",
        f"Content-Length: {10**18}",
        "Expect: 100-continue",
        "Connection: close",
    ]
    with socket.create_connection((address.hostname, address.port), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = line.recv(1 << 16).decode()
    assert answer.startswith("HTTP/1.1 503")
    assert "intake.disk-full" in answer


def test_a_full_disk_is_503_and_nothing_is_half_stored(sender, made, monkeypatch):
    monkeypatch.setattr(staging, "_demand_room", lambda *_: (_ for _ in ()).throw(staging.DiskFullError()))

    answer = sender.post([made(1)])

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert not BatchPart.objects.exists()
    assert not any(path.is_file() for path in settings().staging_dir.rglob("*"))


def test_everything_is_in_the_audit_log(sender, made):
    sender.post([made(1), made(2, PatientName="Doe^Jane")])
    finished()

    kinds = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"intake.store", "archive.store", "intake.quarantine", "intake.finish-batch"} <= kinds
    assert audit.verify()[1] == ()


def test_a_request_whose_process_died_before_answering_is_finished_by_the_worker(sender, made, run_worker, tmp_path):
    """The parts are recorded and nothing more happened: they are looked into and stored without the sender's help."""
    body = made(1)
    upload = services.open_direct_upload("ALPHA", "covid19", profile="ricord", actor=Actor.contributor("ALPHA"))
    path = tmp_path / "aside"
    path.write_bytes(body)
    item = describe_file(path)[0]
    staging.adopt(upload.batch_id, [(path, item.sha256)]).result()
    with transaction.atomic():
        direct._record(upload, [(direct.UploadedFile(path, item.sha256, item.size_bytes), item)], software="")
    assert Batch.objects.get().state == "sealed"

    Batch.objects.update(deferred_at=None)
    services.resume_batches()
    run_worker()

    assert (Batch.objects.get().state, Instance.objects.get().state) == ("verified", "stored")
    assert sender.post([body]).status_code == 200
    assert BatchPart.objects.get().state == "stored"


def test_a_request_that_is_under_way_at_midnight_is_of_the_day_on_which_it_began(live_server_url, made):
    make_site()
    with timezone.override(WEST):
        upload = services.open_direct_upload("ALPHA", "covid19", profile="ricord", actor=Actor.contributor("ALPHA"))
    look = services.FirstLook(upload)
    sink = look.new_file()
    sink.write(made(1))
    look.add(sink)
    # Twenty-six hours later on the calendar, at whatever time this runs.
    with timezone.override(EAST):
        (result,) = services.store_directly(upload, look)
    look.close()

    assert (result.state, Batch.objects.get().batch_id, Instance.objects.get().state) == (
        "stored",
        upload.batch_id,
        "stored",
    )
    assert not any(path.is_file() for path in settings().staging_dir.rglob("*"))


def test_many_requests_are_one_announcement_once_nobody_has_sent_for_a_moment(sender, made, run_worker):
    for number in (1, 2, 3):
        assert sender.post([made(number)]).status_code == 200
    assert not OutboxFact.objects.exists()

    _pass_on()
    run_worker()
    assert Batch.objects.get().state == "sealed"
    Batch.objects.update(deferred_at=timezone.now() - direct.QUIET)
    _pass_on()
    run_worker()

    assert Batch.objects.get().state == "verified"
    assert OutboxFact.objects.filter(kind="InstancesStored").count() == 1
    assert sender.post([made(4)]).status_code == 200
    assert Batch.objects.get().state == "sealed"
    services.finish_when_quiet(Batch.objects.get().pk, since=timezone.now() - direct.LONGEST)
    assert OutboxFact.objects.filter(kind="InstancesStored").count() == 2


def _pass_on():
    """Let the moment pass for which jobs wait."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")


def test_older_digests_are_taken_when_somebody_asks_first_and_remembered(sender, made):
    body = made(1)
    sender.post([body])
    row = Instance.objects.get()
    assert (row.sha256, row.md5, row.crc32) == (hashlib.sha256(body).hexdigest(), "", None)

    asked = older_digests([row.sha256])

    assert asked == {row.sha256: OlderDigests(hashlib.md5(body).hexdigest(), zlib.crc32(body))}  # noqa: S324
    object_store().delete(instance_key(row.sha256))
    assert older_digests([row.sha256]) == asked


def test_two_senders_of_the_same_study_at_once_are_both_told_that_it_is_stored(sender, made):
    bodies = [made(number) for number in range(1, 9)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda start: sender.post(bodies[start:] + bodies[:start]), (0, 3, 6)))

    assert [answer.status_code for answer in answers] == [200, 200, 200], [answer.text for answer in answers]
    assert Instance.objects.filter(state="stored").count() == 8
    assert sorted(BatchPart.objects.values_list("state", flat=True)) == ["stored"] * 8
    assert not any(path.is_file() for path in settings().staging_dir.rglob("*"))
