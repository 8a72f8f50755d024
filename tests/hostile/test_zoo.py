"""Every file of the zoo, broken and malicious ones included, in limited processes: handled or named, nothing else."""

from collections import Counter
from functools import partial

import pytest

from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
from radcommons.deid.verify import verify_deidentified
from radcommons.dicom.finding import Finding
from radcommons.dicom.instance import describe_file
from radcommons.dicom.isolation import LimitedPool
from radcommons.dicom.pixels import PixelDecodeError, render_frame

MEMORY = 900 * 2**20


def _deidentify(path, *, folder):
    destination = folder / f"{abs(hash(str(path)))}.dcm"
    outcome = deidentify_file(
        path,
        destination,
        profile=load_profile("ricord"),
        key=PseudonymKey(bytes(32)),
        patient=PatientMapping("", "ALPHA-0001", -500),
    )
    verified = verify_deidentified(destination) if outcome.is_written else ()
    return outcome.is_written, outcome.findings, verified


def _render(path):
    try:
        return len(render_frame(path, 0, size=(128, 128)))
    except PixelDecodeError as error:
        return error.code


def _run(function, paths, **limits):
    with LimitedPool(function, processes=2, memory_bytes=MEMORY, timeout_s=60, **limits) as pool:
        return dict(pool.run(paths))


@pytest.fixture(scope="module")
def zoo(shared_data):
    return sorted(path for path in (shared_data / "zoo").rglob("*") if path.is_file())


def test_every_file_is_described_or_named(zoo):
    answers = _run(describe_file, zoo)
    assert len(answers) == len(zoo) > 300
    for path, answer in answers.items():
        assert not isinstance(answer, Finding), (path.name, answer)
        description, findings = answer
        assert description is not None or any(finding.is_error for finding in findings), path.name


def test_every_file_is_deidentified_or_named_and_verifies(zoo, tmp_path):
    answers = _run(partial(_deidentify, folder=tmp_path), zoo)
    assert len(answers) == len(zoo)
    for path, answer in answers.items():
        assert not isinstance(answer, Finding), (path.name, answer)
        is_written, findings, verified = answer
        assert is_written or any(finding.is_error for finding in findings), path.name
        assert not [finding for finding in verified if finding.is_error], path.name
    assert not list(tmp_path.glob("*.part"))
    assert sum(is_written for is_written, _, _ in answers.values()) > 200


def test_the_hostile_ones_end_as_they_should(zoo):
    hostile = [path for path in zoo if "hostile" in path.parts]
    answers = _run(describe_file, hostile)
    codes = {path.name: Counter(finding.code for finding in findings) for path, (_, findings) in answers.items()}
    assert "dicom.too-deep" in codes["nested_300_deep.dcm"]
    assert "dicom.invalid-uid" in codes["path_in_uid.dcm"]
    assert "dicom.missing-uid" in codes["no_sop_instance_uid.dcm"]
    assert "dicom.truncated" in codes["truncated_in_header.dcm"]
    assert "dicom.truncated" in codes["truncated_in_pixels.dcm"]
    assert "dicom.number-of-frames" in codes["frames_two_billion.dcm"]
    assert "dicom.pixel-data-short" in codes["dimensions_huge.dcm"]
    assert "dicom.trailing-bytes" in codes["trailing_garbage.dcm"]
    for name in ("plain_text.dcm", "png_in_disguise.dcm", "zero_bytes.dcm"):
        assert "dicom.not-dicom" in codes[name]
    for name in ("no_suffix_valid", "preamble_mz.dcm", "preamble_tiff.dcm", "sql_in_text.dcm", "markup_in_text.dcm"):
        assert not codes[name]


def test_pictures_of_hostile_files_are_made_or_refused_within_memory(zoo):
    hostile = [path for path in zoo if "hostile" in path.parts or "broken" in path.parts]
    answers = _run(_render, hostile)
    assert not [answer for answer in answers.values() if isinstance(answer, Finding)]
    by_name = {path.name: answer for path, answer in answers.items()}
    assert by_name["dimensions_huge.dcm"] == "dicom.too-many-pixels"
    assert by_name["nested_300_deep.dcm"] == "dicom.too-deep"
    assert by_name["no_suffix_valid"] > 500
