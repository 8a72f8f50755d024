"""What a reader's own root shows: one case under identifiers of its own, what reading needs, nothing of the site, no files."""

import asyncio
import re
from datetime import timedelta

import httpx
import psycopg
import pytest
from django.utils import timezone
from tests.server.annotation.test_blinding import TOKEN
from tests.server.route_table import DICOMWEB
from tests.support.batches import uid
from tests.support.reading import browser, looks, make_project, person, submit, task_of
from tests.support.studies import OPERATOR

from radcommons.apps import asgi, worker
from radcommons.server.annotation.models import Case, Task
from radcommons.server.annotation.queries.aliases import aliases_of_task
from radcommons.server.annotation.rules.states import Duty
from radcommons.server.annotation.services import projects
from radcommons.server.archive.services import announce_stored
from radcommons.server.curation import services as curation
from radcommons.server.platform.change_watch import ACCESS
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.platform.read_pool import database_conninfo
from radcommons.transfer.annotation.record import Method

STUDY, OTHER = uid("study", "case-0"), uid("study", "case-1")
SERIES, IMAGE = uid("series", "case-0", 1), uid("instance", "case-0", 1, 1)


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
    root, alias = f"/dicom-web/tasks/{task.key}", aliases_of_task(task).alias
    studies = ask(anna, f"{root}/studies?includefield=all").json()
    assert [study["0020000D"]["Value"] for study in studies] == [[alias(STUDY)]]
    assert ask(anna, f"{root}/studies?StudyInstanceUID={alias(STUDY)}&includefield=all").json() == studies
    metadata = ask(anna, f"{root}/studies/{alias(STUDY)}/series/{alias(SERIES)}/metadata")
    assert [one["00280010"]["Value"] for one in metadata.json()] == [[16], [16]]
    for answer in (metadata.text, str(studies)):
        assert not [word for word in ("S-case-0", "ALPHA", "20200412", "058Y", "00100020") if word in answer]
    # A condition on what is hidden tells nothing: not of other studies, nor whether it fits this one.
    for subject in ("S-case-0", "S-case-1", "nobody"):
        assert ask(anna, f"{root}/studies?00100020={subject}&includefield=all").json() == studies
    for hidden in (STUDY, OTHER, alias(OTHER)):
        assert ask(anna, f"{root}/studies/{hidden}/metadata").status_code == 404
        assert ask(anna, f"{root}/studies?StudyInstanceUID={hidden}").status_code == 204
        assert ask(anna, f"/view/tasks/{task.key}/studies/{hidden}/").status_code == 404
    files = {"Accept": "multipart/related; type=application/dicom"}
    assert ask(anna, f"{root}/studies/{alias(STUDY)}", **files).status_code == 406
    instance = f"{root}/studies/{alias(STUDY)}/series/{alias(SERIES)}/instances/{alias(IMAGE)}"
    assert ask(anna, instance, Accept="application/dicom").status_code == 406
    assert ask(anna, f"{instance}/frames/1").status_code == 200
    assert ask(browser("bert"), f"{root}/studies").status_code == 404
    type(project).objects.filter(pk=project.pk).update(shows_clinical_data=True)
    for path in (f"{root}/studies?includefield=all", f"{root}/studies/{alias(STUDY)}/series/{alias(SERIES)}/metadata"):
        shown = ask(anna, path).text
        assert "20200412" in shown
        assert "S-case-0" not in shown


def plain(answer):
    """All of an answer but what differs between any two: names of requests, tokens, the moment, what parts one part from the next."""
    shown = {
        name: value for name, value in answer.headers.items() if name not in ("date", "set-cookie", "x-request-id")
    }
    drawn = {
        answer.headers.get("x-request-id", "-"),
        *re.findall(r'boundary="?([^";]+)', shown.get("content-type", "")),
    }
    told = answer.content + repr(sorted(shown.items())).encode()
    for word in drawn:
        told = told.replace(word.encode(), b"")
    return answer.status_code, TOKEN.sub(rb"\1", told)


@pytest.mark.django_db(transaction=True)
def test_every_address_of_a_root_answers_the_same_whether_another_reader_has_read(tmp_store, tmp_path):
    make_project(tmp_path, studies=1, readers=("anna", "bert"))
    bert, task = browser("bert"), task_of("bert", STUDY)
    study, series, image = map(aliases_of_task(task).alias, (STUDY, SERIES, IMAGE))
    root = f"/dicom-web/tasks/{task.key}"
    words = {"study": study, "series": series, "instance": image}
    addresses = [
        *(f"{root}/{level}?includefield=all" for level in ("studies", "series", "instances")),
        *(f"{root}/{address.format(**words)}" for address in DICOMWEB),
        f"/view/tasks/{task.key}/studies/{study}/",
        f"/view/tasks/{task.key}/studies/{study}/ohif/",
        f"/view/tasks/{task.key}/{study}/{series}/",
        f"/viewer/reading?StudyInstanceUIDs={study}&url=tasks/{task.key}",
        "/viewer/app-config.js",
        "/viewer/reading/panel.js",
    ]

    def told():
        return [plain(ask(bert, address)) for address in addresses]

    before = told()
    submit("anna", STUDY, looks(STUDY, "atypical"), note="seen")
    worker.run_until_idle()
    assert told() == before
    statuses = [status for status, *_ in before]
    assert set(statuses) <= {200, 404, 406}
    assert statuses[:3] == [200] * 3
    assert statuses.count(200) > 20


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


@pytest.mark.django_db(transaction=True)
def test_what_closes_a_task_is_told_at_once_and_a_saved_draft_is_not(tmp_store, tmp_path):
    project = make_project(tmp_path, studies=1, readers=("anna",))
    task = task_of("anna", STUDY)
    rows = Task.objects.filter(pk=task.pk)
    with psycopg.connect(database_conninfo(), autocommit=True) as line:
        line.execute(f"LISTEN {ACCESS}")
        rows.update(active_seconds=12.5, state=task.state)
        assert not [*line.notifies(timeout=0.1)]
        closing = [
            lambda: Case.objects.filter(pk=task.case_id).update(is_suspended=True),
            lambda: type(project).objects.filter(pk=project.pk).update(shows_priors=True),
            lambda: type(task.reader).objects.filter(pk=task.reader_id).update(is_active=False),
            lambda: rows.update(available_at=timezone.now() + timedelta(days=1)),
            lambda: rows.update(state="revoked"),
        ]
        for close in closing:
            close()
            assert [told.channel for told in line.notifies(timeout=5, stop_after=1)] == [ACCESS]


def looked_at(client, task):
    """Everything that a reader's root answers of a case, with every header but those that differ between any two answers."""
    alias, root = aliases_of_task(task).alias, f"/dicom-web/tasks/{task.key}"
    series = f"{root}/studies/{alias(STUDY)}/series/{alias(SERIES)}"
    image = f"{series}/instances/{alias(IMAGE)}"
    paths = [f"{root}/{level}?includefield=all" for level in ("studies", "series", "instances")]
    paths += [
        f"{series}/metadata",
        f"{series}/thumbnail",
        f"{image}/metadata",
        f"{image}/frames/1",
        f"{image}/rendered",
    ]
    octets = {"Accept": "application/octet-stream, application/dicom+json, image/png, image/jpeg"}
    answers = [ask(client, path, **octets) for path in paths]
    assert {answer.status_code for answer in answers} == {200}
    chance = {"date", "x-request-id"}
    return [
        (answer.content, sorted((name, value) for name, value in answer.headers.items() if name not in chance))
        for answer in answers
    ]


@pytest.mark.django_db(transaction=True)
def test_a_root_answers_the_same_whether_others_have_looked_and_read_or_not(tmp_store, tmp_path):
    make_project(tmp_path, studies=1, readers=("anna", "bert"))
    bert, task = browser("bert"), task_of("bert", STUDY)
    before = looked_at(bert, task)
    looked_at(browser("anna"), task_of("anna", STUDY))
    submit("anna", STUDY, looks(STUDY))
    worker.run_until_idle()
    assert looked_at(bert, task) == before


@pytest.mark.django_db(transaction=True)
def test_a_hidden_repeat_shares_nothing_with_its_first_read_but_the_pictures(tmp_store, tmp_path):
    make_project(tmp_path, studies=1, readers=("anna",), repeat_share=1.0)
    submit("anna", STUDY, looks(STUDY))
    Task.objects.filter(occasion=2).update(available_at=timezone.now() - timedelta(days=1))
    anna, first, repeat = browser("anna"), task_of("anna", STUDY), task_of("anna", STUDY, occasion=2)
    names = [
        {aliases_of_task(task).alias(real) for real in (STUDY, SERIES, IMAGE, uid("frame", "case-0"))}
        for task in (first, repeat)
    ]
    assert not names[0] & names[1]
    told, again = (looked_at(anna, task) for task in (first, repeat))
    tags = [{dict(headers)["etag"] for _, headers in answers} for answers in (told, again)]
    assert len(tags[0]) == len(told)
    assert not tags[0] & tags[1]
    for answers in (told, again):
        texts = b"".join(content for content, headers in answers if "json" in dict(headers)["content-type"])
        assert not [real for real in (STUDY, SERIES, IMAGE) if real.encode() in texts]
    first_words = first.key.encode(), *(name.encode() for name in names[0])
    assert not [word for word in first_words if any(word in content for content, _ in again)]


@pytest.mark.django_db(transaction=True)
def test_who_sees_a_project_sees_its_cases_and_who_reads_there_does_not(tmp_store, tmp_path):
    project = make_project(tmp_path, studies=2, readers=("anna",))
    case = Case.objects.get(study_instance_uid=STUDY)
    root = f"/dicom-web/cases/{case.key}"
    person("mira", Role.PROJECT_MANAGER)
    person("rita", Role.PROJECT_MANAGER, Role.READER)
    projects.add_member(project, "rita", Duty.READ, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    mira = browser("mira")
    page = mira.get(f"/annotation/projects/{project.slug}/").content.decode()
    picture = f"{root}/studies/{STUDY}/thumbnail"
    assert f'src="{picture}"' in page
    assert page.count('class="rc-thumb-image"') == 2
    assert picture in mira.get(f"/annotation/projects/{project.slug}/cases/{case.key}/").content.decode()
    assert ask(mira, picture).headers["content-type"] == "image/jpeg"
    assert [study["0020000D"]["Value"] for study in ask(mira, f"{root}/studies").json()] == [[STUDY]]
    shown = ask(mira, f"{root}/studies?includefield=all").text
    assert not [word for word in ("S-case-0", "ALPHA", "20200412", "058Y") if word in shown]
    assert ask(mira, f"{root}/studies/{STUDY}", Accept="multipart/related; type=application/dicom").status_code == 406
    assert ask(mira, f"{root}/studies/{OTHER}/thumbnail").status_code == 404
    for name in ("anna", "rita"):
        assert ask(browser(name), picture).status_code == 404
    Case.objects.filter(pk=case.pk).update(is_suspended=True)
    assert ask(mira, picture).status_code == 404
    assert "In curation" in mira.get(f"/annotation/projects/{project.slug}/").content.decode()
