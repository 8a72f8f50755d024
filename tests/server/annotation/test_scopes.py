"""What a reader's own root shows: one case, the attributes that reading needs, nothing of the site, no files."""

import asyncio

import httpx
import pytest
from tests.support.batches import uid
from tests.support.reading import browser, make_project, submit, task_of

from radcommons.apps import asgi, worker
from radcommons.server.annotation.models import Case
from radcommons.server.archive.services import announce_stored
from radcommons.server.curation import services as curation
from radcommons.server.platform.policy import Actor

STUDY, OTHER = uid("study", "case-0"), uid("study", "case-1")
SERIES = uid("series", "case-0", 1)


def ask(client, path, **headers):
    """A question to the real application, as the browser of somebody."""
    cookie = {"Cookie": f"sessionid={client.cookies['sessionid'].value}", **headers}

    async def once():
        transport = httpx.ASGITransport(asgi.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            return await http.get(path, headers=cookie)

    return asyncio.run(once())


@pytest.mark.django_db(transaction=True)
def test_a_blinded_root_shows_one_case_without_site_subject_or_date(tmp_store, tmp_path):
    project = make_project(tmp_path, studies=2)
    task, anna = task_of("anna", STUDY), browser("anna")
    root = f"/dicom-web/tasks/{task.key}"
    studies = ask(anna, f"{root}/studies?includefield=all").json()
    assert [study["0020000D"]["Value"] for study in studies] == [[STUDY]]
    metadata = ask(anna, f"{root}/studies/{STUDY}/series/{SERIES}/metadata")
    assert [one["00280010"]["Value"] for one in metadata.json()] == [[16], [16]]
    for answer in (metadata.text, str(studies)):
        assert not [word for word in ("S-case-0", "ALPHA", "20200412", "058Y", "00100020") if word in answer]
    # A condition on what is hidden tells nothing: not of other studies, nor whether it fits this one.
    for subject in ("S-case-0", "S-case-1", "nobody"):
        assert ask(anna, f"{root}/studies?00100020={subject}&includefield=all").json() == studies
    assert ask(anna, f"{root}/studies/{OTHER}/metadata").status_code == 404
    assert ask(anna, f"{root}/studies/{STUDY}", Accept="multipart/related; type=application/dicom").status_code == 406
    instance = f"{root}/studies/{STUDY}/series/{SERIES}/instances/{uid('instance', 'case-0', 1, 1)}"
    assert ask(anna, instance, Accept="application/dicom").status_code == 406
    assert ask(anna, f"{instance}/frames/1").status_code == 200
    assert ask(browser("bert"), f"{root}/studies").status_code == 404
    type(project).objects.filter(pk=project.pk).update(shows_clinical_data=True)
    shown = ask(anna, f"{root}/studies?includefield=all").text
    assert "20200412" in shown
    assert "S-case-0" not in shown


@pytest.mark.django_db(transaction=True)
def test_writing_that_a_reader_saw_sends_the_study_back_and_hides_it_from_all_readers(tmp_store, tmp_path):
    make_project(tmp_path, studies=2)
    announce_stored([STUDY])
    worker.run_until_idle()
    curation.clear(STUDY, actor=Actor.system("tests"), reason="looked at")
    worker.run_until_idle()
    assert not Case.objects.get(study_instance_uid=STUDY).is_suspended
    bert, task = browser("bert"), task_of("bert", STUDY)
    assert ask(bert, f"/dicom-web/tasks/{task.key}/studies").status_code == 200
    submit("anna", STUDY, flags=("cannot_read", "burned_in_text"))
    worker.run_until_idle()
    case = Case.objects.get(study_instance_uid=STUDY)
    held = case.study.curation_case
    assert (held.state, held.decisions.latest("pk").reason) == ("held", "A reader saw writing in the pixels.")
    assert case.is_suspended
    assert ask(bert, f"/dicom-web/tasks/{task.key}/studies").status_code == 404
    assert bert.get(f"/api/v1/annotation/tasks/{task.key}").status_code == 404
    curation.clear(STUDY, actor=Actor.system("tests"), reason="It was the scanner's own mark.")
    worker.run_until_idle()
    assert ask(bert, f"/dicom-web/tasks/{task.key}/studies").status_code == 200
    worker.run_until_idle()
    assert case.study.curation_case.decisions.count() == 3
