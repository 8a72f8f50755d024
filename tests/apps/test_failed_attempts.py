"""A job that fails says so in the log, with nothing of what it worked on."""

import logging

import pytest
from procrastinate import RetryStrategy

from radcommons.apps.failed_attempts import WithoutOutcomes
from radcommons.apps.worker import run_until_idle
from radcommons.server.platform.jobs import app

pytestmark = pytest.mark.django_db(transaction=True)


@app.task(name="tests.always_fails", retry=RetryStrategy(max_attempts=2, wait=0))
def always_fails(name: str) -> None:
    raise ValueError(name)


def test_each_attempt_is_logged_without_arguments_or_text(caplog):
    app.configure_task("tests.always_fails").defer(name="DOE^JANE")
    run_until_idle()
    lines = [record.getMessage() for record in caplog.records if "tests.always_fails" in record.getMessage()]
    assert len(lines) == 3
    assert all("ValueError at test_failed_attempts.py:" in line for line in lines)
    assert "attempt 1" in lines[0]
    assert "attempt 2" in lines[1]
    assert "DOE^JANE" not in caplog.text
    assert any(isinstance(each, WithoutOutcomes) for each in logging.getLogger("procrastinate.worker").filters)
