"""The processes that look into files wait between batches; their end in the meantime is no file's fault."""

import os
import signal
from contextlib import suppress

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.support.batches import make_batch, make_site, write_instance

from radcommons.server.intake import inspectors, services, staging
from radcommons.server.intake.models import BatchPart
from radcommons.server.intake.queue import VERIFY_PARTS
from radcommons.server.platform.jobs import app
from radcommons.server.platform.policy import Actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _site(transactional_db, tmp_store):
    make_site()


def _send(folder, study):
    made = make_batch(
        [write_instance(folder / f"{study}-{number}.dcm", study=study, number=number) for number in (1, 2)]
    )
    actor = Actor.contributor("ALPHA")
    services.open_batch(made.manifest.canonical_bytes, actor=actor)
    for sha256, path in made.paths.items():
        sink = staging.PartSink(made.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
        sink.write(path.read_bytes())
        sink.commit()
    services.seal_batch(made.manifest.batch_id, envelope=made.envelope, actor=actor)


def _waiting_processes():
    return [child.process for _, _, pool in inspectors._idle for child in pool._children]


def test_files_are_stored_although_every_waiting_process_was_killed(run_worker, tmp_path):
    for study in (1, 2):
        _send(tmp_path, study)
        run_worker()
        killed = _waiting_processes()
        assert killed
        for process in killed:
            # Those of another pool may have been killed the round before.
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    _send(tmp_path, 3)
    run_worker()
    assert list(BatchPart.objects.order_by().values_list("state", "findings").distinct()) == [("stored", [])]
    assert BatchPart.objects.count() == 6


def test_a_job_of_a_batch_that_is_no_longer_there_ends_and_is_not_tried_again(run_worker):
    app.configure_task(VERIFY_PARTS).defer(batch_pk=10**9, first_part=1, last_part=1)
    run_worker()
    assert set(ProcrastinateJob.objects.values_list("status", "attempts")) == {("succeeded", 1)}
