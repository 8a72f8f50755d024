"""Odd, broken and hostile files: the batch completes, each file is stored or named, nothing crashes."""

import pytest
from tests.support.demonstration import run_demo


@pytest.mark.parametrize("folder", ["zoo"])
def test_the_batch_completes_and_every_file_is_stored_or_named(shared_data, tmp_path, folder):
    journey = run_demo(tmp_path / "demo", shared_data / folder)
    counts = journey.counts
    assert counts["scanned"] > 100
    assert counts["stored"] > 50
    assert counts["sent"] == counts["stored"] + counts["quarantined"]
    assert sum(journey.findings.values()) >= counts["scanned"] - counts["released"]
    log = (journey.data / "centre.log").read_text(errors="replace")
    assert "Traceback" not in log
