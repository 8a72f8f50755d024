"""What a live scope answered is answered again, the very same, until anything changes; then nobody is told what is no longer so."""

import asyncio

import httpx
import pytest
from django.core.management import call_command
from django.db import connection
from tests.server.archive.conftest import ACTOR, dicom_file
from tests.server.archive.dicomweb.test_by_shelf import QUESTIONS, SERIES, STUDY, heard, without_boundary

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.archive.dicomweb import remembered
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.dicomweb.fast_path import FastPath
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.read_pool import database_conninfo
from radcommons.server.sites.models import Site

pytestmark = pytest.mark.django_db(transaction=True)

ALSO = (f"{SERIES}/instances/2.25.301", SERIES, STUDY)
LISTED = f"{SERIES}/instances"
LAST = "2.25.303"


@pytest.fixture(autouse=True)
def filled(tmp_store, tmp_path):
    """Two series of one study, a second study; beneath a scope that shows all of it."""
    paths = [dicom_file(tmp_path, number) for number in (1, 2, 3)]
    paths.append(dicom_file(tmp_path, 4, SeriesInstanceUID="2.25.21", Modality="CR", SeriesNumber=1, frames=3))
    paths.append(
        dicom_file(tmp_path, 5, StudyInstanceUID="2.25.12", SeriesInstanceUID="2.25.23", PatientID="SUBJECT-2")
    )
    site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
    offers = [services.Offer(describe_file(path)[0], path) for path in paths]
    services.store_instances(offers, site=site, project="covid19", actor=ACTOR)
    yield
    call_command("flush", interactive=False, verbosity=0)


def live(path: str, _actor: Actor) -> Scope:
    return Scope(path, Instance.objects.filter(state=InstanceState.STORED), is_watched=True)


def anybody(_request) -> Actor:
    return Actor.anonymous()


def with_memory(conversation):
    """What a conversation with a process that remembers comes to."""

    async def run():
        path = FastPath()
        async with path.running(database_conninfo()):
            await heard(path)
            app = httpx.ASGITransport(app=dicomweb_app(live, anybody, fast_path=path))
            async with httpx.AsyncClient(transport=app, base_url="http://host") as client:

                async def ask(question: str) -> httpx.Response:
                    parts = 'multipart/related; type="application/dicom"; transfer-syntax=*'
                    accept = {"accept": parts} if question in ALSO else {}
                    return await client.get(f"/live/{question}", headers={"accept-encoding": "identity"} | accept)

                return await conversation(path, ask)

    return asyncio.run(run())


def test_what_is_remembered_is_what_the_tables_answer():
    async def thrice(path, ask):
        answers = {question: [await ask(question), await ask(question)] for question in (*QUESTIONS, *ALSO)}
        path._contents.generation = None
        return {question: [*both, await ask(question)] for question, both in answers.items()}

    for question, (first, again, tables) in with_memory(thrice).items():
        assert without_boundary(first) == without_boundary(again) == without_boundary(tables), question


def in_silence(change) -> None:
    """Change instances without a word of the database."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE archive_instance DISABLE TRIGGER archive_instance_contents")
        change()
        cursor.execute("ALTER TABLE archive_instance ENABLE TRIGGER archive_instance_contents")
    connection.close()


def take_back() -> None:
    Instance.objects.filter(sop_instance_uid=LAST).update(state=InstanceState.STORING)


def counts(answers):
    return [len(answer.json()) for answer in answers]


def test_the_tables_are_asked_anew_only_when_a_change_is_told():
    async def silent_then_told(path, ask):
        answers = [await ask(LISTED)]
        await asyncio.to_thread(in_silence, take_back)
        answers.append(await ask(LISTED))
        path.note_change()
        answers.append(await ask(LISTED))
        return counts(answers)

    assert with_memory(silent_then_told) == [3, 3, 2]


@pytest.mark.parametrize("is_quiet", [True, False])
def test_of_a_series_all_is_read_at_once_unless_changes_are_arriving(is_quiet):
    first, last = (f"{SERIES}/instances/{uid}/frames/1" for uid in ("2.25.301", LAST))

    async def leafing(path, ask):
        if is_quiet:
            await asyncio.sleep(1.1)
        else:
            path.note_change()
        answers = [await ask(first)]
        await asyncio.to_thread(in_silence, take_back)
        return [answer.status_code for answer in [*answers, await ask(last)]]

    assert with_memory(leafing) == [200, 200 if is_quiet else 404]


def test_what_nobody_told_of_is_believed_for_seconds_only():
    async def silent(_path, ask):
        answers = [await ask(LISTED)]
        await asyncio.to_thread(in_silence, take_back)
        await asyncio.sleep(remembered._BELIEVED_S)
        return counts([*answers, await ask(LISTED)])

    assert with_memory(silent) == [3, 2]


def test_nothing_is_remembered_while_the_database_is_not_heard():
    async def deaf(path, ask):
        path._contents.generation = None
        answers = [await ask(LISTED)]
        await asyncio.to_thread(in_silence, take_back)
        path.note_change()
        return counts([*answers, await ask(LISTED)])

    assert with_memory(deaf) == [3, 2]


@pytest.mark.parametrize("question", [LISTED, f"{SERIES}/metadata", f"{SERIES}/instances/{LAST}/frames/1"])
def test_what_another_process_takes_back_is_gone(question):
    def is_told(answer) -> bool:
        return answer.status_code == 200 and (LAST in question or LAST.encode() in answer.content)

    def elsewhere():
        take_back()
        connection.close()

    async def told(_path, ask):
        answers = [is_told(await ask(question)), is_told(await ask(question))]
        await asyncio.to_thread(elsewhere)
        for _ in range(300):
            if not is_told(await ask(question)):
                return [*answers, False]
            await asyncio.sleep(0.01)
        return answers

    assert with_memory(told) == [True, True, False]
