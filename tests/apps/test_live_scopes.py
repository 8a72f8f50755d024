"""Of whatever a watched scope reads, the database tells every change."""

import asyncio
import re

import httpx
import psycopg
import pytest
from django.db import connection
from starlette.responses import PlainTextResponse
from tests.support.batches import make_site
from tests.support.reading import make_project

from radcommons.apps.asgi import Doorway
from radcommons.server.annotation.models import Task
from radcommons.server.annotation.scopes import task_scope
from radcommons.server.catalog.scopes import catalog_scope
from radcommons.server.curation.scopes import curation_scope
from radcommons.server.intake.models import Batch
from radcommons.server.intake.scopes import batch_scope, site_scope
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.change_watch import CONTENTS
from radcommons.server.platform.policy import Actor, ActorKind, Grant, Role
from radcommons.server.platform.read_pool import database_conninfo

EVERYBODY = Actor(ActorKind.USER, "user:all", frozenset(Grant(role) for role in Role))
# Neither is ever told of: a site keeps its code and a batch its digest for ever.
NAMES_ONLY = {"sites_site", "intake_batch"}


def statements(table):
    """One of each kind that changes nothing; triggers of statements speak all the same."""
    return (
        f"INSERT INTO {table} SELECT * FROM {table} WHERE false",  # noqa: S608 - names of our own tables
        f"UPDATE {table} SET id = id WHERE false",  # noqa: S608
        f"DELETE FROM {table} WHERE false",  # noqa: S608
    )


def read_by(scope):
    """The tables that finding the instances of a scope, and telling of them, reads."""
    own = set(re.findall(r'(?:FROM|JOIN) "(\w+)"', str(scope.instances.query)))
    return (own | {"archive_subject", "archive_study", "archive_series", "archive_instance"}) - NAMES_ONLY


@pytest.mark.django_db(transaction=True)
def test_every_change_of_what_a_watched_scope_reads_is_told(tmp_store, tmp_path):
    make_project(tmp_path, studies=1, readers=("anna",))
    task = Task.objects.select_related("reader__user").get()
    site = make_site("BETA")
    Batch.objects.create(batch_id="a" * 64, site=site, agreement=site.agreements.get(), size_bytes=1)
    scopes = [
        catalog_scope("catalog", EVERYBODY),
        curation_scope("curation", EVERYBODY),
        site_scope(f"intake/{site.code}/covid19", EVERYBODY),
        batch_scope(f"batches/{'a' * 64}", EVERYBODY),
        task_scope(f"tasks/{task.key}", actor_of_user(task.reader.user)),
    ]
    assert all(scope.is_watched for scope in scopes)
    tables = set.union(*map(read_by, scopes))
    assert {"catalog_catalogseries", "curation_case", "intake_batchpart", "annotation_caseinstance"} <= tables
    with psycopg.connect(database_conninfo(), autocommit=True) as line, connection.cursor() as cursor:
        line.execute(f"LISTEN {CONTENTS}")
        for statement in (each for table in tables for each in statements(table)):
            cursor.execute(statement)
            assert [told.channel for told in line.notifies(timeout=5, stop_after=1)] == [CONTENTS], statement


@pytest.mark.parametrize(("method", "changes"), [("GET", 0), ("HEAD", 0), ("POST", 1), ("PUT", 1), ("DELETE", 1)])
def test_who_may_have_changed_something_is_answered_after_that_is_known(method, changes):
    events = []

    async def room(scope, receive, send):
        async def sending(message):
            events.append(message["type"])
            await send(message)

        await PlainTextResponse("done")(scope, receive, sending)

    async def ask():
        door = Doorway(room, {}, lambda: events.append("noted"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door), base_url="http://localhost") as visitor:
            await visitor.request(method, "/anything")
            events.append("answered")

    asyncio.run(ask())
    assert events.count("noted") == changes
    assert not changes or events.index("noted") < events.index("answered")
    assert events[0] == "http.response.start"
