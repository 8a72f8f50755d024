"""The processes that look into files wait between batches; their end in the meantime is no file's fault."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.support.batches import make_batch, make_site, write_instance

from radcommons.server.intake import inspectors, services, staging
from radcommons.server.intake.models import BatchPart
from radcommons.server.intake.queue import VERIFY_PARTS
from radcommons.server.intake.rules import PartClaim
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


def test_files_given_one_after_the_other_are_told_of_in_their_order_and_one_timer_ends_what_looked(tmp_path):
    for count in (0, 1, 11):
        ahead = inspectors.LookAhead()
        paths = [write_instance(tmp_path / f"{count}-{number}.dcm", number=number + 1) for number in range(count)]
        for number, path in enumerate(paths):
            ahead.add(_claim(number, path))
        found = ahead.found()
        assert [each.description.sha256 for each in found] == [f"{number:064x}" for number in range(count)]
        assert [each.description.size_bytes for each in found] == [path.stat().st_size for path in paths]
        ahead.close()

    assert inspectors._idle
    timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    assert [each.function for each in timers].count(inspectors._close_old) == 1


def _claim(number, path):
    """A file of which the digest was just taken, as the process that asks says; it is not taken again."""
    texts = dict.fromkeys(("study_instance_uid", "series_instance_uid", "sop_instance_uid", "sop_class_uid"), "")
    return PartClaim(
        part_id=number,
        path=str(path),
        sha256=f"{number:064x}",
        pixel_text="not-checked",
        site="ALPHA",
        profile="ricord",
        are_texts_approved=False,
        is_fresh=True,
        **texts,
    )


def test_a_process_that_looks_into_files_finds_the_profile_loaded():
    program = (
        "from radcommons.dicom.isolation import LimitedPool, Named\n"
        "from radcommons.server.intake import inspectors\n"
        "if __name__ == '__main__':\n"
        "    inspectors.get_ready()\n"
        "    how_many = Named('tests.support.loaded', 'profiles_loaded')\n"
        "    with LimitedPool(how_many) as pool:\n"
        "        print([result for _, result in pool.run([None])])\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[1]\n"
