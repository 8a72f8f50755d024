"""A de-identified object has no error that its original did not have, by the judgement of dciodvfy."""

import re
import shutil
import subprocess
from collections import Counter

import pytest

from radcommons.apps.demo.hospital import generate
from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import READY_PROFILES, load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping

pytestmark = pytest.mark.peers

PROFILES = [*READY_PROFILES, "retaining"]
# Everything an option can keep, so that what is kept is looked at as well.
RETAINING = """
schema = "radcommons.profile/1"
name = "retaining"
version = "1"
edition = "2026d"
options = [
    "Clean Descriptors", "Clean Graphics", "Clean Structured Content", "Retain Longitudinal Full Dates", "Retain UIDs",
    "Retain Patient Characteristics", "Retain Device Identity", "Retain Institution Identity", "Retain Safe Private",
]
"""
FOLDERS = ["annotations", "ct", "cxr", "deid", "nc", "zoo"]
# The default profile goes over every file; the others, which share its engine, over every third.
STEPS = {"ricord": 1}
USUAL_STEP = 3
# The program prints UIDs in its messages, and does not inflate deflated data sets.
UID = re.compile(r"[<{ ]\d+(\.\d+){2,}>?")
DEFLATED = b"1.2.840.10008.1.2.1.99"


def _errors(path):
    run = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", timeout=60, check=False
    )
    lines = (run.stdout + run.stderr).splitlines()
    return Counter(UID.sub(" UID", line)[:120] for line in lines if "Error" in line)


def _is_dicom(path):
    head = path.read_bytes()[:2000]
    return DEFLATED not in head and (head[128:132] == b"DICM" or path.suffix in {".dcm", ".dicom", ""})


@pytest.fixture(scope="module", autouse=True)
def _program():
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is missing: apt-get install dicom3tools")


@pytest.fixture(params=PROFILES)
def profile(request, tmp_path):
    """Each ready profile, and one that keeps whatever can be kept."""
    if request.param != "retaining":
        return load_profile(request.param)
    (tmp_path / "retaining.toml").write_text(RETAINING)
    load_profile.cache_clear()
    return load_profile(tmp_path / "retaining.toml")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_new_errors_appear(shared_data, tmp_path, profile, folder):
    worse = {}
    compared = 0
    sources = [path for path in sorted((shared_data / folder).rglob("*")) if path.is_file() and _is_dicom(path)]
    for number, source in enumerate(sources[:: STEPS.get(profile.name, USUAL_STEP)]):
        destination = tmp_path / f"{number}.dcm"
        deidentify_file(
            source,
            destination,
            profile=profile,
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


def test_no_new_errors_appear_in_the_demonstration(tmp_path, profile):
    key = generate(tmp_path / "hospitals", scale="tiny")
    first_of_series = {each.series_instance_uid: each for each in reversed(key.instances) if not each.member}
    worse = {}
    for number, instance in enumerate(first_of_series.values()):
        source, destination = tmp_path / "hospitals" / instance.path, tmp_path / f"{number}.dcm"
        mapping = PatientMapping(instance.patient_id, "ALPHA-0001", -500)
        secret = PseudonymKey(bytes(32))
        assert deidentify_file(source, destination, profile=profile, key=secret, patient=mapping).is_written
        if new := _errors(destination) - _errors(source):
            worse[instance.path] = new
    assert len(first_of_series) > 10
    assert worse == {}
