"""Nothing that reader B can ask tells whether reader A has read: every answer is byte for byte the same.

The routes are taken from the application, so that one added later is asked too, or this test says so.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from tests.server.route_table import TABLE, Row
from tests.support.batches import uid
from tests.support.reading import as_told, browser, item, looks, make_project, submit, task_of

from radcommons.server.annotation.models import Case, ExamplePicture, Task
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.settling import settle_case
from radcommons.server.platform.policy import POLICY, Everyone, Role

pytestmark = pytest.mark.django_db
STUDIES = [uid("study", f"case-{number}") for number in range(3)]
# What differs between any two answers, whoever reads: the token of the forms, and the id of the request.
TOKEN = re.compile(rb'(csrf\w*"?(?: value)?[=:]? ?"?)\w{64}')


def is_for_readers(row: Row) -> bool:
    """Whether a reader may use a route."""
    allowed = POLICY[row.action] if row.action else frozenset()
    return bool({Role.READER, Everyone.PUBLIC, Everyone.SIGNED_IN} & allowed)


ROUTES = sorted({(row.method, row.route) for row in TABLE if is_for_readers(row) and "annotation/" in row.route})
# Everything else that a reader may look at without naming a thing.
PLAIN = sorted(
    {
        f"/{row.route}"
        for row in TABLE
        if row.method == "GET" and is_for_readers(row) and not {"<", "{"} & set(row.route)
    }
)


def body_for(route: str, method: str, task: Task) -> dict[str, object] | None:
    """What a reading page would send."""
    if route.endswith(("/read", "/submit")):
        base = {"read": 0, "submit": 1}[route.rsplit("/", 1)[1]]
        items = as_told(task, looks(task.case.study_instance_uid))
        return {"window": "w", "client_revision": base + 1, "base_revision": base, "items": items, "note": "n"}
    return {"window": "w", "is_taking_over": True} if method == "POST" else None


def answers_of(client: Client, project: str) -> Iterator[tuple[str, int, bytes]]:
    """Everything that a reader gets to see in a whole session, reads and writes, in an order that makes sense."""
    order = ["GET", "POST lease", "PUT", "POST submit", "POST reopen", "DELETE"]
    for step in order:
        for method, route in ROUTES:
            if method != step.split()[0] or (" " in step and not route.endswith(step.split()[1])):
                continue
            for number, study in enumerate(STUDIES):
                task = task_of(client.reader, study)
                address = "/" + route.replace("<task>", task.key).replace("<slug:task>", task.key)
                address = address.replace("<slug:slug>", project).replace("<slug>", project).replace("<window>", "w")
                address = address.replace("<sha256>", "0" * 64)
                assert "<" not in address, f"Say in this test how {route} is asked."
                body = body_for(route, method, task)
                sent = {"data": json.dumps(body), "content_type": "application/json"} if body else {}
                with counted() as questions:
                    answer = getattr(client, method.lower())(address, **sent)
                # As many questions to the database are the same work: time tells nothing either.
                yield f"{method} {route} {number}", answer.status_code, told(answer) + b" %d" % len(questions)
    for path in PLAIN:
        answer = client.get(path)
        yield path, answer.status_code, told(answer)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The questions that the database is asked meanwhile."""
    asked: list[str] = []

    def note(execute, sql, *given):
        asked.append(sql)
        return execute(sql, *given)

    with connection.execute_wrapper(note):
        yield asked


def told(answer) -> bytes:
    """All of an answer but what differs between any two."""
    shown = {name: value for name, value in answer.headers.items() if name not in ("Date", "Expires", "X-Request-Id")}
    content = answer.content.replace(answer.headers.get("X-Request-Id", "-").encode(), b"")
    return TOKEN.sub(rb"\1", content) + repr(sorted(shown.items())).encode()


def session_of(name: str, project: str) -> list[tuple[str, int, bytes]]:
    """A whole session of a reader, undone afterwards."""
    client = browser(name)
    client.reader = name
    with transaction.atomic():
        found = list(answers_of(client, project))
        transaction.set_rollback(True)
    connection.run_on_commit.clear()
    return found


def everything_read_by(name: str) -> None:
    """Somebody reads all cases, draws, flags, takes notes, and reads one again."""
    for number, study in enumerate(STUDIES):
        frame = {"sop_instance_uid": uid("instance", f"case-{number}", 1, 1), "frame_number": 1}
        box = {"geometry": "box", "points": [[1, 1], [5, 5]], "frame": frame}
        target = {"series_instance_uid": uid("series", f"case-{number}", 1)}
        drawn = item("n", "nodule", study, target=target, shapes=[box])
        submit(name, study, [*looks(study, "atypical", "severe"), drawn], note="seen", active_seconds=100)


@pytest.mark.parametrize("switches", [{}, {"repeat_share": 1.0}, {"task_kind": "review"}], ids=str)
def test_every_answer_to_reader_b_is_the_same_whether_reader_a_has_read_or_not(tmp_path, switches):
    project = make_project(tmp_path, readers=("anna", "bert"), **switches)
    ExamplePicture.objects.create(sha256="0" * 64, body=b"", added_at=timezone.now())
    session_of("bert", project.slug)
    before = session_of("bert", project.slug)
    assert all(status == 200 for step, status, _ in before if step.startswith(("PUT", "GET api", "POST")))
    assert not [step for step, _, told in before if any(study.encode() in told for study in STUDIES)]
    everything_read_by("anna")
    for case in Case.objects.all():
        settle_case(case.pk)
    compute_agreement(project.pk)
    after = session_of("bert", project.slug)
    assert [line[0] for line in before] == [line[0] for line in after]
    differing = [one[0] for one, other in zip(before, after, strict=True) if one != other]

    assert not differing


def test_who_has_read_learns_nothing_when_the_others_agree_or_differ_and_wait_for_an_adjudicator(tmp_path):
    project = make_project(tmp_path, readers=("anna", "bert"))
    agreed, disputed, last = STUDIES
    for study in STUDIES[:2]:
        submit("bert", study, looks(study, "atypical", "severe"))
    session_of("bert", project.slug)
    before = session_of("bert", project.slug)
    submit("anna", agreed, looks(agreed, "atypical", "severe"))
    submit("anna", disputed, looks(disputed, "negative", "none"))
    submit("anna", last, looks(last))
    for case in Case.objects.all():
        settle_case(case.pk)
    compute_agreement(project.pk)
    assert {case.state for case in Case.objects.all()} == {"agreed", "disputed", "reading"}
    after = session_of("bert", project.slug)
    assert [one[0] for one, other in zip(before, after, strict=True) if one != other] == []


def test_the_test_sees_a_difference_where_there_is_one(tmp_path):
    project = make_project(tmp_path, readers=("anna", "bert"))
    before = session_of("bert", project.slug)
    submit("bert", STUDIES[0], looks(STUDIES[0]))
    assert session_of("bert", project.slug) != before


def test_readers_own_routes_are_many_and_none_names_another_reader(tmp_path):
    make_project(tmp_path, readers=("anna", "bert"))
    everything_read_by("anna")
    assert len(ROUTES) >= 10
    assert len(PLAIN) >= 10
    bert = browser("bert")
    bert.reader = "bert"
    foreign = task_of("anna", STUDIES[0])
    for method, route in ROUTES:
        if "task>" in route:
            address = "/" + route.replace("<task>", foreign.key).replace("<slug:task>", foreign.key)
            address = address.replace("<window>", "w")
            body = body_for(route, method, foreign)
            sent = {"data": json.dumps(body), "content_type": "application/json"} if body else {}
            assert getattr(bert, method.lower())(address, **sent).status_code == 404, route
