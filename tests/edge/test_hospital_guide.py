"""The guide for hospitals is followed word by word, from the folder to the centre."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from tests.house.reading import ROOT
from tests.support.hospital_folder import write_original, write_series
from tests.support.small_centre import TOKEN, SmallCentre, running

from radcommons.edge.home import open_home
from radcommons.transfer.manifest import BatchManifest
from radcommons.transfer.release.attestation import public_key_pem
from radcommons.transfer.summary import open_summary

GUIDE = (ROOT / "docs" / "guides" / "hospital.md").read_text("utf-8")
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


def lines():
    """Every command of the guide, in its order; the page that waits for a browser is opened by other tests."""
    for block in BLOCK.findall(GUIDE):
        for line in block.splitlines():
            if line.startswith("radcommons edge ") and "--serve" not in line and "--wait" not in line:
                yield line
            elif "--wait" in line:
                yield line.replace(" --wait", "")


@pytest.fixture
def desk(tmp_path):
    """A coordinator's working folder with the files that the guide names."""
    write_series(tmp_path / "export", count=3, PatientID="MRN-1")
    write_original(tmp_path / "export" / "x.dcm", study="x", modality="DX", PatientID="MRN-1")
    (tmp_path / "positive.csv").write_text("patient_id\nMRN-1\n")
    (tmp_path / "clinical.csv").write_text("patient_id,covid19_status\nMRN-1,positive\n")
    (tmp_path / "token.txt").write_text(TOKEN)
    return tmp_path


def test_a_coordinator_who_types_what_the_guide_says_gets_a_batch_to_the_centre(desk):
    centre = SmallCentre()
    environment = os.environ | {"HOME": str(desk)}
    with running(centre) as url:
        for line in lines():
            words = shlex.split(
                line.replace("/data/pacs-export", str(desk / "export"))
                .replace("/data/out", str(desk / "out"))
                .replace("https://repository.example", url)
            )
            done = subprocess.run(
                [sys.executable, "-m", *words], check=False, cwd=desk, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            if "--export texts.csv" in line:
                _fill(desk / "texts.csv")

    (batch_id,) = centre.sealed
    manifest = centre.manifests[batch_id]
    assert (manifest.site, len(manifest.files), manifest.review.by) == ("ALPHA", 4, "M. Okafor")
    assert set(manifest.subjects.values()) == {"positive"}
    signed = open_summary(centre.summaries[batch_id])
    assert signed.summary.batch_id == batch_id
    home = open_home(desk / ".radcommons" / "edge")
    assert signed.public_key.encode() == _pem(home)
    assert (desk / "out" / "summary.json").read_bytes() == centre.summaries[batch_id]
    assert BatchManifest.from_bytes((desk / "out" / "manifest.json").read_bytes()) == manifest


def _fill(table):
    """Somebody decides about the first text in a spreadsheet."""
    head, first, *rest = table.read_text("utf-8").splitlines(keepends=True)
    assert head.startswith("id,verdict,")
    table.write_text("".join([head, first.replace(",", ",keep", 1), *rest]), "utf-8")


def _pem(home):
    return public_key_pem(home.signing_key().public_key())


def test_the_guide_names_every_step_in_its_order():
    steps = [line.split()[2] for line in lines()]

    order = ["init", "scan", "select", "deidentify", "review", "verify", "send", "status"]
    assert [steps.index(step) for step in order] == sorted(steps.index(step) for step in order)


def test_the_guide_lists_everything_that_is_in_a_manifest_and_a_summary():
    listed = GUIDE[GUIDE.index("## What leaves the hospital") : GUIDE.index("## What became of it")]

    for words in (
        "site and project codes",
        "the profile's name, version and digest",
        "the software's version",
        "the digest of the report",
        "the name of the person who approved",
        "digest, size, new UIDs, class and the verdict",
        "the COVID-19 status",
        "by attribute",
        "number, size and root hash",
        "your public key and signature",
    ):
        assert words in listed
    assert "secret key" in listed[listed.index("never leave") :]
