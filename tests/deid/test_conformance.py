"""A de-identified object has no error that its original did not have, by the judgement of dciodvfy."""

import re
import shutil
import subprocess
from collections import Counter

import pytest

from radcommons.apps.demo.hospital import generate
from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping

pytestmark = pytest.mark.peers

FOLDERS = ["ct/covid-19-ny-sbu", "ct/tcga-lung-slices", "cxr", "deid", "zoo"]
# The program prints UIDs in its messages, and does not inflate deflated data sets.
UID = re.compile(r"[<{ ]\d+(\.\d+){2,}>?")
DEFLATED = b"1.2.840.10008.1.2.1.99"


def _errors(path):
    run = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", timeout=60, check=False
    )
    lines = (run.stdout + run.stderr).splitlines()
    return Counter(UID.sub(" UID", line)[:120] for line in lines if "Error" in line)


@pytest.fixture(scope="module", autouse=True)
def _program():
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is missing: apt-get install dicom3tools")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_new_errors_appear(shared_data, tmp_path, folder):
    worse = {}
    compared = 0
    for number, source in enumerate(sorted((shared_data / folder).rglob("*"))):
        destination = tmp_path / f"{number}.dcm"
        if not source.is_file() or DEFLATED in source.read_bytes()[:2000]:
            continue
        deidentify_file(
            source,
            destination,
            profile=load_profile("ricord"),
            key=PseudonymKey(bytes(32)),
            patient=PatientMapping("", "ALPHA-0001", -500),
        )
        if not destination.exists():
            continue
        compared += 1
        if new := _errors(destination) - _errors(source):
            worse[str(source.relative_to(shared_data))] = new
    assert compared
    assert worse == {}


def test_no_new_errors_appear_in_the_demonstration(tmp_path):
    key = generate(tmp_path / "hospitals", scale="tiny")
    first_of_series = {each.series_instance_uid: each for each in reversed(key.instances) if not each.member}
    worse = {}
    for number, instance in enumerate(first_of_series.values()):
        source, destination = tmp_path / "hospitals" / instance.path, tmp_path / f"{number}.dcm"
        mapping = PatientMapping(instance.patient_id, "ALPHA-0001", -500)
        profile, secret = load_profile("ricord"), PseudonymKey(bytes(32))
        assert deidentify_file(source, destination, profile=profile, key=secret, patient=mapping).is_written
        if new := _errors(destination) - _errors(source):
            worse[instance.path] = new
    assert len(first_of_series) > 10
    assert worse == {}
