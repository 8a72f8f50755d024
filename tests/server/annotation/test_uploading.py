"""What a manager sends by a page is shown as it would come in, comes in when confirmed, and leaves nothing when forgotten."""

import json
from functools import partial
from operator import mul

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from tests.server.annotation.test_results import kept, objects, project  # noqa: F401 - the project is a fixture
from tests.support.publishing import STUDIES
from tests.support.reading import browser, person
from tests.support.studies import OPERATOR

from radcommons.server.annotation.models import AgreementReport, Reader, ReadingProject, Task, Upload, UploadedFile
from radcommons.server.annotation.queue import WORK_ON_UPLOAD
from radcommons.server.annotation.rules.states import Duty
from radcommons.server.annotation.services import projects, uploading
from radcommons.server.annotation.services.importing import exported
from radcommons.server.platform.failed_jobs import failed_jobs, retry_job
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Role
from radcommons.transfer.annotation.record import Method

pytestmark = pytest.mark.django_db
MOST = 30
NEW = "/annotation/uploads/new/"
NAMED = {"title": "RICORD 1C", "slug": "ricord-1c", "schema": ""}


@pytest.fixture
def manager(db):
    """The browser of a project manager."""
    person("mira", Role.PROJECT_MANAGER)
    return browser("mira")


def sent(client, address, files, **form):
    """Send files and let the worker look at them; where their page is."""
    parts = [SimpleUploadedFile(name, body) for name, body in files]
    answer = client.post(address, {**form, "sent": parts})
    assert answer.status_code == 302, answer.content.decode()
    assert "Being looked at" in client.get(answer["Location"]).content.decode()
    uploading.work_on(Upload.objects.get().pk)
    return answer["Location"]


def confirmed(client, page):
    """Confirm, let the worker take it in; the page that tells so."""
    client.post(f"{page}confirm/")
    uploading.work_on(Upload.objects.get().pk)
    return client.get(page).content.decode()


def test_a_document_is_shown_whole_before_it_comes_in_and_comes_in_as_shown(manager, shared_data):
    document = json.loads((shared_data / "nc" / "ricord-1c_mdai_annotations.json").read_bytes())
    [part] = document["datasets"]
    few = {study["StudyInstanceUID"] for study in part["studies"][:MOST]}
    for name in ("studies", "annotations"):
        part[name] = [one for one in part[name] if one["StudyInstanceUID"] in few]
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    page = sent(manager, NEW, [("any.name", data)], **NAMED)
    account = Upload.objects.get().account
    assert (account["format"], account["annotations"]) == ("mdai", len(part["annotations"]))
    assert account["cases"] == MOST
    assert account["cases_with_images"] == 0
    assert f"Take in {account['reads']:,} reads" in manager.get(page).content.decode().replace("\u202f", ",")
    # Its label groups ask the same questions: the page offers the schema that makes them one.
    assert account["better_schema"] == "ricord-1c"
    manager.post(page, {**NAMED, "schema": "ricord-1c"})
    uploading.work_on(Upload.objects.get().pk)
    translated = Upload.objects.get().account
    assert (translated["labels"], translated["better_schema"]) == (2, "")
    manager.post(page, {**NAMED, "schema": "midrc-mrale"})
    uploading.work_on(Upload.objects.get().pk)
    assert "translated to one of: ricord-1a, ricord-1c" in Upload.objects.get().message
    manager.post(page, NAMED)
    uploading.work_on(Upload.objects.get().pk)
    # Looking has left nothing.
    assert not ReadingProject.objects.exists()
    assert not Task.objects.exists()
    assert not AuditEvent.objects.filter(action="annotation.imported").exists()
    assert "It is in." in confirmed(manager, page)
    made = ReadingProject.objects.get()
    assert (made.slug, made.state, made.tasks.count()) == ("ricord-1c", "closed", account["reads"])
    assert exported(made) == data
    assert AgreementReport.objects.filter(project=made).exists()
    assert not UploadedFile.objects.exists()
    assert AuditEvent.objects.get(action="annotation.imported").actor == "user:mira"
    # Asked again, nothing happens twice.
    assert "not where you saw it" in manager.post(f"{page}confirm/", follow=True).content.decode()


def test_what_is_refused_says_why_and_is_taken_otherwise_without_sending_it_again(manager, shared_data):
    data = (shared_data / "ct" / "lidc-idri-0001" / "lidc_reads.xml").read_bytes()
    uploading.import_reads(data, uploading.ImportWish("ricord-1c", "Taken", uploading.Format.LIDC), actor=OPERATOR)
    page = sent(manager, NEW, [("reads.xml", data)], **NAMED)
    assert "There is a project of that name already." in manager.get(page).content.decode()
    manager.post(page, {**NAMED, "slug": "lidc"})
    uploading.work_on(Upload.objects.get().pk)
    text = manager.get(page).content.decode()
    assert "Take in 4 reads" in text
    assert "Look at it as" not in text
    assert "Reads of LIDC" in text
    manager.post(f"{page}discard/")
    assert manager.get(page).status_code == 404
    assert not UploadedFile.objects.exists()
    assert ReadingProject.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GIF89a", "table"),
        (b'{"a": 1}', "none of the documents"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b"[" * 9**5, "deep"),
    ],
)
def test_what_is_no_document_of_reads_is_refused_in_words(manager, data, why):
    page = sent(manager, NEW, [("x", data)], **NAMED)
    upload = Upload.objects.get()
    assert upload.state == "refused"
    text = manager.get(page).content.decode()
    assert "It cannot come in as it is." in text
    if why != "table":
        assert why in upload.message


def test_a_document_that_is_too_large_for_its_process_is_refused_with_a_way_to_take_it_in(manager, monkeypatch):
    # The document a great many times over: more than any process may have.
    monkeypatch.setattr(uploading, "recognise", partial(mul, 2**60))
    sent(manager, NEW, [("x.json", b"{}")], **NAMED)
    upload = Upload.objects.get()
    assert upload.state == "refused"
    assert "more memory than allowed" in upload.message
    assert "'radcommons annotation import'" in upload.message


def test_results_are_counted_by_label_before_they_come_in(manager, project, tmp_path):  # noqa: F811 - the fixture
    address = f"/annotation/projects/{project.slug}/results/"
    folder = objects(project, tmp_path / "objects")
    # As in folders of several series, files share a name.
    files = [("1-1.dcm", path.read_bytes()) for path in sorted(folder.iterdir())]
    form = {"software": "Segmenter 2.1", "kind": "seg", "labels": "unheard-of"}
    page = sent(manager, address, files, **form)
    assert "is no label of chest/1" in Upload.objects.get().message
    manager.post(page, {**form, "labels": "Longest = \n"})
    uploading.work_on(Upload.objects.get().pk)
    account = Upload.objects.get().account
    assert (account["files"], account["other_objects"], account["reads"]) == (1, 2, 1)
    assert dict(account["by_label"]) == {"opacity": 1, "lesion": 1}
    assert "<dd>1 of 2</dd>" in manager.get(page).content.decode()
    assert not Reader.objects.filter(kind="model").exists()
    assert "It is in." in confirmed(manager, page)
    assert set(kept(project)[STUDIES[0]]) == {"opacity", "lesion"}


def test_who_reads_in_a_project_neither_sends_nor_sees_its_results(manager, project, tmp_path):  # noqa: F811
    address = f"/annotation/projects/{project.slug}/results/"
    objects(project, tmp_path / "objects")
    data = (tmp_path / "objects" / "seg.dcm").read_bytes()
    page = sent(manager, address, [("a.dcm", data)], software="S 1", kind="seg", labels="opacity")
    both = person("both", Role.PROJECT_MANAGER, Role.READER)
    later = projects.add_member(project, "both", Duty.READ, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    assert later.user_id == both.user_id
    for path in (address, page):
        assert browser("both").get(path).status_code == 403
    assert browser("both").post(f"{page}confirm/").status_code == 403
    assert Upload.objects.get().state == "ready"


def test_a_name_that_no_file_can_have_is_refused_and_old_uploads_are_forgotten(db):
    actor = person("mira", Role.PROJECT_MANAGER)
    first = uploading.begin_upload(None, dict(NAMED), [("../../a\\b.json", b"{}")], actor=actor)
    assert first.files.get().name == "b.json"
    with pytest.raises(uploading.ProjectInvalidError):
        uploading.begin_upload(None, dict(NAMED), [("..", b"{}")], actor=actor)
    Upload.objects.update(sent_at=first.sent_at - uploading.KEPT)
    uploading.begin_upload(None, dict(NAMED), [("c.json", b"{}")], actor=actor)
    assert not Upload.objects.filter(pk=first.pk).exists()


def test_who_waits_for_work_that_was_given_up_is_told_and_sees_it_tried_again(manager):
    answer = manager.post(NEW, {**NAMED, "sent": [SimpleUploadedFile("any.name", b"{}")]})
    page = answer["Location"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE task_name = %s", [WORK_ON_UPLOAD])
    shown = manager.get(page).content.decode()
    assert "failed.</strong> The worker tried several times" in shown
    assert "Tell an administrator of this centre" in shown
    assert "hx-trigger" not in shown
    retry_job(failed_jobs()[0].job, actor=OPERATOR)
    assert "Being looked at" in manager.get(page).content.decode()
