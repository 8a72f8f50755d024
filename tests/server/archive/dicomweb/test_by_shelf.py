"""A scope on a shelf gives the very answers that the tables give, and nobody is let in by a memory that has become wrong."""

import asyncio
import time

import httpx
import pytest
from django.core.management import call_command
from django.db import connection
from tests.server.archive.conftest import ACTOR, dicom_file

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.archive.dicomweb import fast_path as fast_path_room
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.dicomweb.fast_path import FastPath
from radcommons.server.archive.models import Instance, PackedSeries, Shelf
from radcommons.server.archive.queries import shelf_id
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.archive.scopes import Scope
from radcommons.server.archive.services import shelving as shelving_verbs
from radcommons.server.platform.models import User
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.read_pool import database_conninfo
from radcommons.server.sites.models import Site

pytestmark = pytest.mark.django_db

NAME = "releases/made/1.0.0"
STUDY = "studies/2.25.10"
SERIES = f"{STUDY}/series/2.25.20"
FIRST = f"{SERIES}/instances/2.25.301"
ANY_PARTS = "multipart/related; type=application/dicom; transfer-syntax=*"
QUESTIONS = (
    "studies",
    "studies?limit=1&offset=1",
    "studies?limit=2&offset=1",
    "studies?offset=3",
    "studies?limit=0",
    "studies?PatientSex=F&limit=1",
    "studies?StudyDescription=*E*&ModalitiesInStudy=CT,CR",
    "studies?PatientID=SUBJECT*&StudyDate=20190101-&offset=1",
    "studies?PatientID=SUBJECT*&includefield=00081030",
    "studies?PatientID=SUBJECT-*&StudyTime=10-11",
    "studies?PatientID=SUBJECT-1",
    "studies?PatientID=SUBJECT*",
    "studies?PatientID=S?BJECT-2",
    "studies?PatientID=%25",
    "studies?PatientName=subject-2",
    "studies?PatientBirthDate=19700101",
    "studies?PatientName=subj&fuzzymatching=true",
    "studies?PatientName=2%20subj&fuzzymatching=true",
    "series?RequestAttributesSequence.RequestedProcedureID=RP1",
    "studies?StudyDate=20200101-20201231",
    "studies?StudyDate=-20200101",
    "studies?StudyTime=10-11",
    "studies?StudyTime=-11",
    "studies?ModalitiesInStudy=CR",
    "studies?ModalitiesInStudy=C*",
    "studies?StudyInstanceUID=2.25.10,2.25.12",
    "studies?includefield=00081030,00080060",
    "studies?includefield=all",
    "studies?StudyInstanceUID=1.2.3",
    "series?Modality=CT",
    "instances?SOPInstanceUID=2.25.301",
    f"{STUDY}/series",
    f"{STUDY}/series?Modality=CR",
    f"{STUDY}/series?includefield=00180050,00080070",
    f"{STUDY}/series?SeriesNumber=2",
    f"{STUDY}/instances",
    f"{SERIES}/instances",
    f"{SERIES}/instances?limit=1&offset=1",
    f"{SERIES}/instances?InstanceNumber=2",
    f"{SERIES}/instances?Rows=12&Columns=16",
    f"{SERIES}/instances?SOPInstanceUID=2.25.301,2.25.302",
    f"{SERIES}/instances?includefield=PatientSex",
    "studies/2.25.12/series/2.25.20/instances",
    "studies/2.25.99/series",
    f"{STUDY}/metadata",
    f"{SERIES}/metadata",
    f"{FIRST}/metadata",
    f"{STUDY}/series/2.25.99/metadata",
    f"{SERIES}/instances/2.25.999",
    "studies/2.25.12/series/2.25.20/instances/2.25.301",
    f"{FIRST}/frames/1",
    f"{FIRST}/frames/2",
    f"{STUDY}/series/2.25.21/instances/2.25.304/frames/1,3",
    f"{FIRST}/bulkdata/7FE00010",
    f"{SERIES}/rendered",
    f"{SERIES}/thumbnail",
    f"{FIRST}/rendered",
    f"{STUDY}/thumbnail",
    "studies/2.25.13/series/2.25.24/instances/2.25.308/rendered",
    "studies/2.25.13/series/2.25.24/instances/2.25.307/rendered",
    "studies/2.25.13/series/2.25.24/instances/2.25.307/bulkdata/00420011",
)


@pytest.fixture(scope="module", autouse=True)
def filled(django_db_setup, django_db_blocker, tmp_path_factory):
    """Three subjects, a series of frames, a document; all but the last instance are on the shelf."""
    folder = tmp_path_factory.mktemp("files")
    paths = [dicom_file(folder, number) for number in (1, 2, 3)]
    paths.append(dicom_file(folder, 4, SeriesInstanceUID="2.25.21", Modality="CR", SeriesNumber=1, frames=3))
    second = {"PatientID": "SUBJECT-2", "PatientName": "SUBJECT-2", "StudyTime": "", "StudyDate": "20190203"}
    paths.append(dicom_file(folder, 5, StudyInstanceUID="2.25.12", SeriesInstanceUID="2.25.23", **second))
    third = {"StudyInstanceUID": "2.25.13", "SeriesInstanceUID": "2.25.24", "PatientID": "SUBJECT-3", "StudyDate": ""}
    document = {"EncapsulatedDocument": bytes(2048), "MIMETypeOfEncapsulatedDocument": "application/pdf"}
    paths.append(dicom_file(folder, 7, **third, **document))
    paths.append(dicom_file(folder, 8, **third))
    paths.append(dicom_file(folder, 9))
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
        site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
        offers = [services.Offer(describe_file(path)[0], path) for path in paths]
        services.store_instances(offers, site=site, project="covid19", actor=ACTOR)
        Instance.objects.filter(sop_instance_uid="2.25.308").update(is_image=False)
        services.shelve(NAME, on_shelf())
        yield
        call_command("flush", interactive=False, verbosity=0)


def on_shelf():
    return Instance.objects.exclude(sop_instance_uid="2.25.309")


def resolve_actor(_request) -> Actor:
    return Actor.anonymous()


def both(question: str, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    """The answers of the tables and of the shelf."""

    def from_tables(path: str, _actor: Actor) -> Scope:
        return Scope(path, on_shelf(), is_immutable=True)

    def from_shelf(path: str, _actor: Actor) -> Scope:
        return Scope(path, Instance.objects.none(), is_immutable=True, shelf_id=shelf_id(NAME))

    def from_either(path: str, _actor: Actor) -> Scope:
        return Scope(path, on_shelf(), is_immutable=True, shelf_id=shelf_id(NAME))

    async def ask(app) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host") as client:
            names = {"accept-encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.get(f"/{NAME}/{question}", headers=names)

    async def run() -> tuple[httpx.Response, httpx.Response]:
        path = FastPath()
        async with path.running(database_conninfo()):
            resolver = from_either if needs_tables(question) else from_shelf
            shelved = await ask(dicomweb_app(resolver, resolve_actor, fast_path=path))
        return await ask(dicomweb_app(from_tables, resolve_actor)), shelved

    return asyncio.run(run())


def needs_tables(question: str) -> bool:
    """What the shelf hands on; everything else must be answered although the tables' scope is empty."""
    handed_on = (
        "series?",
        "instances?",
        f"{STUDY}/instances",
        f"{STUDY}/metadata",
        f"{FIRST}/metadata",
        f"{STUDY}/thumb",
    )
    return question.startswith(handed_on) or "bulkdata/0042" in question or "includefield=PatientSex" in question


def without_boundary(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = dict(answer.headers)
    boundary = headers.get("content-type", "").partition("boundary=")[2]
    content = answer.content.replace(boundary.encode(), b"") if boundary else answer.content
    return answer.status_code, headers | {"content-type": headers.get("content-type", "").split(";")[0]}, content


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_shelf_answers_what_the_tables_answer(question):
    tables, shelf = both(question)

    status, headers, content = without_boundary(tables)
    shelf_status, shelf_headers, shelf_content = without_boundary(shelf)

    assert shelf_status == status
    assert shelf_headers.get("etag") == headers.get("etag")
    assert shelf_headers["content-type"] == headers["content-type"]
    if headers["content-type"] == "application/dicom+json":
        assert shelf.json() == tables.json()
    else:
        assert shelf_content == content


@pytest.mark.parametrize("question", [SERIES, FIRST])
def test_instances_come_byte_for_byte_and_with_their_length(question):
    tables, shelf = both(question, accept=ANY_PARTS)

    assert shelf.status_code == 200
    assert without_boundary(shelf)[2] == without_boundary(tables)[2]
    assert int(shelf.headers["content-length"]) == len(shelf.content)
    assert b"2.25.309" not in shelf.content


def test_compressed_metadata_say_the_same():
    _, shelf = both(f"{SERIES}/metadata", accept_encoding="gzip")

    assert shelf.headers["content-encoding"] == "gzip"
    assert [item["00080018"]["Value"][0] for item in shelf.json()] == ["2.25.301", "2.25.302", "2.25.303"]


def test_a_series_too_large_for_memory_is_read_from_the_tables(monkeypatch):
    monkeypatch.setattr(shelving_verbs, "LARGEST_SERIES", 2)
    services.shelve("releases/large/1.0.0", on_shelf())

    rows = dict(
        Shelf.objects.get(name="releases/large/1.0.0").series.values_list("series__series_instance_uid", "packed")
    )

    assert rows["2.25.20"] is None
    assert rows["2.25.21"] is not None


def test_versions_that_share_a_series_share_what_was_made_ready():
    before = PackedSeries.objects.count()
    services.shelve("releases/made/1.0.1", on_shelf())
    assert PackedSeries.objects.count() == before

    services.unshelve(NAME)
    assert PackedSeries.objects.count() == before
    services.unshelve("releases/made/1.0.1")
    assert PackedSeries.objects.count() == 0


async def heard(path: FastPath) -> None:
    """Wait until the database is listened to."""
    for _ in range(500):
        if path.generation is not None:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("The database was never heard.")


def remembering(change) -> list[set[str]]:
    """What is remembered at first, before a change, when it has been heard of, and when the process stops."""
    visitor, credentials = ("", "", NAME), ("Bearer x", "")
    scope = Scope(NAME, Instance.objects.none(), is_immutable=True, shelf_id=1)

    def held(path: FastPath) -> set[str]:
        scopes = {"scope"} if path.remembered(visitor) is not None else set()
        return scopes | ({"actor"} if path.actor(credentials) is not None else set())

    async def run() -> list[set[str]]:
        path = FastPath()
        answers = [held(path)]
        async with path.running(database_conninfo()):
            await heard(path)
            path.remember(visitor, scope, generation=path.generation)
            path.remember_actor(credentials, Actor.anonymous(), generation=path.generation)
            answers.append(held(path))
            await asyncio.to_thread(change)
            for _ in range(300):
                if not held(path):
                    break
                await asyncio.sleep(0.01)
            answers.append(held(path))
        answers.append(held(path))
        return answers

    return asyncio.run(run())


REMEMBERED_THEN_NOT = [set(), {"scope", "actor"}, set(), set()]


@pytest.mark.django_db(transaction=True)
def test_a_change_of_rights_ends_what_was_remembered(monkeypatch):
    monkeypatch.setattr(fast_path_room, "REMEMBERED_S", 3600.0)
    user = User.objects.create(username="somebody")

    def lock_out() -> None:
        User.objects.filter(pk=user.pk).update(is_active=False)
        connection.close()

    assert remembering(lock_out) == REMEMBERED_THEN_NOT


def test_an_admission_is_forgotten_after_a_few_seconds(monkeypatch):
    monkeypatch.setattr(fast_path_room, "REMEMBERED_S", 0.2)

    assert remembering(lambda: time.sleep(0.25)) == REMEMBERED_THEN_NOT


def test_a_scope_that_may_change_is_asked_every_time():
    path = FastPath()
    visitor = ("", "", "catalog")

    path.remember(visitor, Scope("catalog", Instance.objects.none()), generation=1)

    assert path.remembered(visitor) is None


def test_nobody_is_remembered_while_the_database_is_not_heard():
    path = FastPath()
    path.remember_actor(("Bearer x", ""), Actor.anonymous(), generation=path.generation)
    assert path.actor(("Bearer x", "")) is None


def test_what_was_not_used_for_longest_goes_first():
    kept = RecentlyUsed[str, str](100)
    for name in "abc":
        kept.put(name, name.upper(), size_bytes=30)
    assert kept.get("a") == "A"

    kept.put("d", "D", size_bytes=30)
    kept.put("e", "E", size_bytes=101)

    assert [kept.get(name) for name in "abcde"] == ["A", None, "C", "D", None]


def test_bytes_in_memory_are_read_without_waiting_and_a_short_file_is_noticed():
    store = object_store()
    store.put_bytes("instances/aa/made.dcm", b"0123456789")
    assert store.read("instances/aa/made.dcm") == b"0123456789"

    piece = store.read_at_once("instances/aa/made.dcm", start=2, length=3)

    assert piece is None or bytes(piece) == b"234"
    assert store.read_at_once("instances/aa/made.dcm", start=8, length=5) is None
    assert store.read_at_once("instances/aa/absent.dcm", start=0, length=1) is None
