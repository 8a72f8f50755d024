"""kill -9 of a publication: what was stored stays, the next run goes on, and nothing comes twice."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection
from tests.support.publishing import finished_project, instances_of_kind

from radcommons.server.annotation.models import Publication, PublishedObject
from radcommons.server.archive.models import Instance
from radcommons.server.intake.models import BatchPart
from radcommons.server.platform.settings import settings

PATIENCE_S = 120
WORDS = [sys.executable, "-m", "radcommons", "annotation", "publish", "chest-reads", "--json"]


def environment() -> dict[str, str]:
    """The command speaks to this test's database and folder."""
    named = connection.settings_dict
    url = f"postgresql://{named['USER']}@/{named['NAME']}?host={named['HOST']}&port={named['PORT']}"
    return {**os.environ, "RADCOMMONS_DATABASE_URL": url, "RADCOMMONS_DATA": str(settings().data_dir)}


@pytest.mark.django_db(transaction=True)
def test_a_killed_publication_goes_on_and_nothing_comes_twice(tmp_path):
    finished_project(tmp_path)
    killed = subprocess.Popen(WORDS, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE_S
    while not Instance.objects.filter(series__modality="SEG").exists():
        assert killed.poll() is None, killed.communicate()
        assert time.monotonic() < deadline, "the moment to kill never came"
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = dict(Instance.objects.filter(state="stored").values_list("sop_instance_uid", "sha256"))
    assert Publication.objects.get().state == "working"

    again = subprocess.run(WORDS, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    account = json.loads(again.stdout)
    assert (account["state"], account["readings"]) == ("finished", {"stored": 7})
    assert account["objects"] == {"seg": 7, "rtstruct": 7, "sr": 7}
    after = dict(Instance.objects.values_list("sop_instance_uid", "sha256"))
    assert before.items() <= after.items()
    assert {kind: len(instances_of_kind(kind)) for kind in ("SEG", "RTSTRUCT", "SR")} == dict.fromkeys(
        ("SEG", "RTSTRUCT", "SR"), 7
    )
    assert PublishedObject.objects.count() == 21
    assert set(BatchPart.objects.values_list("state", flat=True)) == {"stored"}
