"""Jobs that were given up: administrators see them, try again or remove them."""

import json

import pytest
from click.testing import CliRunner
from django.db import connection
from procrastinate import RetryStrategy

from radcommons.apps import doctor
from radcommons.apps.jobs_commands import jobs
from radcommons.apps.worker import run_until_idle
from radcommons.server.platform.errors import ConflictError, ForbiddenError, NotFoundError
from radcommons.server.platform.failed_jobs import dismiss_job, failed_jobs, retry_job
from radcommons.server.platform.jobs import app
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Actor
from radcommons.server.portal.views.jobs import PAGE_SIZE

pytestmark = pytest.mark.django_db(transaction=True)
OPERATOR = Actor.system("tests")
TRIES = 2
done, broken = [], {"cause": True}


@app.task(name="tests.fails_while_broken", retry=RetryStrategy(max_attempts=1, wait=0))
def fails_while_broken(name: str) -> None:
    """Do what may fail; safe to run twice."""
    if broken["cause"]:
        raise ValueError(name)
    done.append(name)


@pytest.fixture(autouse=True)
def _cause():
    done.clear()
    broken["cause"] = True


@pytest.fixture
def given_up():
    """The number of a job that failed at every attempt."""
    app.configure_task("tests.fails_while_broken").defer(name="DOE^JANE")
    run_until_idle()
    (job,) = failed_jobs()
    return job.job


def _page(client):
    return client.get("/jobs/").content.decode()


def test_an_empty_page_says_that_nothing_was_given_up(client_of):
    assert "No job was given up." in _page(client_of("administrator"))


def test_a_job_that_was_given_up_is_told_in_words_without_what_it_worked_on(given_up, client_of):
    (job,) = failed_jobs()
    assert (job.task, job.work, job.attempts) == ("tests.fails_while_broken", "Do what may fail", TRIES)
    assert job.failed_at is not None
    shown = _page(client_of("administrator"))
    assert "Do what may fail" in shown
    assert f"Retry job {given_up}" in shown
    assert "DOE^JANE" not in shown
    home = client_of("administrator").get("/").content.decode()
    assert "1 job given up" in home
    assert 'href="/jobs/"' in home


def test_retry_gives_all_attempts_again_and_the_work_is_done(given_up, client_of):
    client = client_of("administrator")
    again = client.post(f"/jobs/{given_up}/retry/", follow=True).content.decode()
    assert f"Job {given_up} is in the queue again" in again
    run_until_idle()
    assert [(job.job, job.attempts) for job in failed_jobs()] == [(given_up, TRIES)]
    broken["cause"] = False
    client.post(f"/jobs/{given_up}/retry/")
    run_until_idle()
    assert done == ["DOE^JANE"]
    assert failed_jobs() == ()
    events = AuditEvent.objects.filter(action="platform.retry-job", object_id=str(given_up))
    assert [event.facts for event in events] == [{"task": "tests.fails_while_broken"}] * 2


def test_dismiss_removes_a_job_and_leaves_an_event(given_up, client_of):
    client = client_of("administrator")
    client.post(f"/jobs/{given_up}/dismiss/")
    broken["cause"] = False
    run_until_idle()
    assert done == []
    assert failed_jobs() == ()
    assert AuditEvent.objects.filter(action="platform.dismiss-job", object_id=str(given_up)).count() == 1
    late = client.post(f"/jobs/{given_up}/retry/", follow=True).content.decode()
    assert f"No job {given_up} was given up." in late


@pytest.mark.parametrize("role", ["curator", "release_manager", "researcher"])
def test_others_neither_see_nor_change_them(given_up, client_of, role):
    client = client_of(role)
    assert client.get("/jobs/").status_code == 403
    assert client.post(f"/jobs/{given_up}/dismiss/").status_code == 403
    with pytest.raises(ForbiddenError):
        retry_job(given_up, actor=Actor.anonymous())
    assert [job.job for job in failed_jobs()] == [given_up]


def test_a_job_whose_work_waits_already_is_not_put_beside_it(given_up):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET queueing_lock = 'one' WHERE id = %s", [given_up])
    app.configure_task("tests.fails_while_broken", queueing_lock="one").defer(name="other")
    with pytest.raises(ConflictError):
        retry_job(given_up, actor=OPERATOR)
    dismiss_job(given_up, actor=OPERATOR)
    with pytest.raises(NotFoundError):
        dismiss_job(given_up, actor=OPERATOR)


def test_the_command_line_lists_retries_and_dismisses(given_up):
    run = CliRunner().invoke
    listed = run(jobs, ["list", "--json"])
    assert listed.exit_code == 1
    assert [row["job"] for row in json.loads(listed.output)] == [given_up]
    assert "DOE^JANE" not in listed.output + run(jobs, ["list"]).output
    assert json.loads(run(jobs, ["retry", str(given_up), "--json"]).output) == {"retried": given_up}
    run_until_idle()
    assert json.loads(run(jobs, ["dismiss", str(given_up), "--json"]).output) == {"dismissed": given_up}
    empty = run(jobs, ["list"])
    assert (empty.exit_code, empty.output) == (0, "No job was given up.\n")


def test_the_doctor_says_where_to_look(given_up):
    (finding,) = [row for row in doctor._look_at_work(connection.connection) if row.code == "doctor.jobs-failed"]
    assert "radcommons jobs list" in finding.message


def test_many_jobs_are_shown_some_at_a_time(client_of):
    count = PAGE_SIZE + 3
    for number in range(count):
        app.configure_task("tests.fails_while_broken").defer(name=str(number))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
    client = client_of("administrator")

    first, second = _page(client), client.get("/jobs/?page=2").content.decode()

    assert f"{count} jobs, the latest first" in first
    assert (first.count("Retry job"), second.count("Retry job")) == (PAGE_SIZE, 3)
    assert f"1–{PAGE_SIZE} of {count} jobs" in first
