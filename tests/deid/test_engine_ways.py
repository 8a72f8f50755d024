"""The short way through the engine: taken by ordinary files, never with another outcome than the long one."""

import struct
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.support.both_ways import KEY, at_length, forget, in_short, made_job, read_by_pydicom
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.engine import deidentify_file, harvest_file
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping

LITTLE = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


@pytest.fixture(autouse=True)
def _nothing_remembered():
    forget()


def _slice(folder, number, syntax=ExplicitVRLittleEndian, **changes):
    dataset = made_ct(
        InstanceNumber=number,
        SOPInstanceUID=f"1.2.826.0.1.3680043.7.{number}",
        SliceLocation=f"{number * 1.25:.2f}",
        ImagePositionPatient=["0", "0", str(number)],
        AcquisitionTime=f"1015{number % 60:02d}",
        SmallestImagePixelValue=-number,
        OperatorsName="Haverkamp^Jutta",
        **changes,
    )
    block = dataset.private_block(0x0029, "ACME CSA HEADER", create=True)
    block.add_new(0x10, "OB", b"SV10" + number.to_bytes(4, "little"))
    safe = dataset.private_block(0x0021, "SIEMENS MR HEADER", create=True)
    safe.add_new(0x01, "LO", f"Quixotesen {number}")
    return write_made(dataset, folder / f"in-{number}.dcm", syntax)


@pytest.mark.parametrize("syntax", LITTLE)
@pytest.mark.parametrize("profile", ["ricord", "tcia", "basic"])
def test_a_series_goes_the_short_way_from_its_first_file_on(tmp_path, syntax, profile):
    job = made_job(profile)
    for number in range(1, 25):
        source = _slice(tmp_path, number, syntax)
        short = in_short(source, tmp_path, job)
        assert short is not None
        assert short == at_length(source, tmp_path, job)


def test_what_changes_within_a_series_changes_in_its_files(tmp_path):
    job, described = made_job(), {}
    changes = {
        5: {"SeriesDescription": "Seen by Zwingli"},
        8: {"ImageComments": "new element"},
        9: {"PatientAge": "095Y"},
        12: {"ReferringPhysicianName": "Petrossian^Ani", "ImageComments": "Petrossian called"},
        16: {"Rows": 4, "Columns": 12},
        17: {"SpecificCharacterSet": "ISO_IR 192", "ImageComments": "Jörg Müller"},
        20: {"StudyDate": "20200401"},
    }
    for number in range(1, 24):
        source = _slice(tmp_path, number, **changes.get(number, {}))
        short = in_short(source, tmp_path, job)
        assert short is not None
        assert short == at_length(source, tmp_path, job)
        described[number] = pydicom.dcmread(_again(source, tmp_path, job))
    assert (described[9].PatientAge, described[10].PatientAge) == ("090Y", "070Y")
    assert "Petrossian" not in str(described[12].ImageComments)
    assert described[16].Rows == 4
    assert described[20].StudyDate != described[19].StudyDate


def _again(source, folder, job):
    path = folder / "seen.dcm"
    deidentify_file(source, path, profile=job.profile, key=job.key, patient=job.patient, cleaning=job.cleaning)
    return path


def test_what_was_remembered_never_shows(tmp_path):
    """Files of two patients in turns, with two keys, forwards and backwards: each comes out as it does alone."""
    sources = [_slice(tmp_path, number) for number in range(1, 9)]
    other = PatientMapping("MRN-1", "ALPHA-000002", -31, ("Haverkamp^Jutta",))
    second = made_job(patient=other)
    jobs = [made_job(), second, type(second)(second.profile, PseudonymKey(bytes(32)), other, second.cleaning)]
    alone = {}
    for job in jobs:
        for source in sources:
            forget()
            alone[id(job), source] = in_short(source, tmp_path, job)
    forget()
    for order in (sources, sources[::-1]):
        for source in order:
            for job in jobs:
                assert in_short(source, tmp_path, job) == alone[id(job), source] is not None
    assert len({content for content, _ in alone.values()}) == len(alone)


def test_a_new_identifier_in_one_file_is_cut_from_its_own_texts(tmp_path):
    job = made_job()
    for number, physician in enumerate(
        ["Zwingli^Huldrych", "Zwingli^Huldrych", "Achterberg^Wim", "Zwingli^Huldrych"], 1
    ):
        source = _slice(tmp_path, number, PerformingPhysicianName=physician, SeriesDescription="Lung Achterberg")
        content, _ = in_short(source, tmp_path, job)
        assert (b"Achterberg" in content) is (physician != "Achterberg^Wim")


@pytest.mark.parametrize("syntax", LITTLE)
def test_binary_numbers_that_can_be_read_stay_unless_they_spell_a_name(tmp_path, syntax):
    """The bytes of a position of the table are letters by chance; they may be a name on purpose."""
    job = made_job()
    for number in range(1, 12):
        spelled = {7: b"Jutta 12", 9: b"x JUTTA."}.get(number, struct.pack("<d", number * 0.7))
        source = _slice(tmp_path, number, syntax, TablePosition=struct.unpack("<d", spelled)[0])
        assert spelled in source.read_bytes()
        short = in_short(source, tmp_path, job)
        assert (short is None) is (number in {7, 9})
        assert short == at_length(source, tmp_path, job)


def test_decisions_and_a_look_at_the_pixels_go_the_short_way_and_boxes_the_long_one(tmp_path):
    source = _slice(tmp_path, 1)
    decided = made_job(cleaning=Cleaning(boxes=(), text_decisions={"CT CHEST": "CT"}))
    short = in_short(source, tmp_path, decided)
    assert short == at_length(source, tmp_path, decided) is not None
    assert PixelText.CLEAN in short[1]
    assert b"113101" in short[0]
    assert b"CT CHEST" not in short[0]
    assert in_short(source, tmp_path, made_job(cleaning=Cleaning(boxes=(Box(0, 0, 1, 1),)))) is None


def _no_preamble(content):
    return content[132:]


def _trailing(content):
    return content + b"Quixotesen"


def _padding(content):
    return content + b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0Quix"


def _cut(content):
    return content[:-2]


def _lying_syntax(content):
    return content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")


def _repeated(content):
    at = content.index(b"\x28\0\x02\0US\2\0")
    return content[:at] + content[at : at + 10] + content[at:]


@pytest.mark.parametrize("change", [_no_preamble, _trailing, _padding, _cut, _lying_syntax, _repeated])
def test_what_is_out_of_order_goes_the_long_way(tmp_path, change):
    source = _slice(tmp_path, 1)
    source.write_bytes(change(source.read_bytes()))
    assert in_short(source, tmp_path, made_job()) is None
    outcome = deidentify_file(
        source, tmp_path / "out.dcm", profile=made_job().profile, key=KEY, patient=made_job().patient
    )
    assert outcome.findings or change is _padding or change is _repeated
    assert outcome.is_written is (change is not _cut)
    if outcome.is_written:
        assert b"Quix" not in (tmp_path / "out.dcm").read_bytes()


def test_overlays_and_other_encodings_go_the_long_way(tmp_path):
    overlay = made_ct()
    overlay.add_new(0x60000010, "US", 8)
    for number, source in enumerate(
        (
            write_made(overlay, tmp_path / "overlay.dcm"),
            write_made(made_ct(), tmp_path / "big.dcm", ExplicitVRBigEndian),
        )
    ):
        assert in_short(source, tmp_path, made_job()) is None, number
        assert at_length(source, tmp_path, made_job()) is not None


def test_a_result_that_is_there_is_replaced_and_a_refused_file_leaves_it_alone(tmp_path):
    job, destination = made_job(), tmp_path / "out.dcm"
    destination.write_bytes(b"old")
    run = {"profile": job.profile, "key": job.key, "patient": job.patient}
    assert not deidentify_file(
        write_made(made_ct(SOPClassUID="1.2.3"), tmp_path / "a.dcm"), destination, **run
    ).is_written
    assert destination.read_bytes() == b"old"
    assert deidentify_file(_slice(tmp_path, 1), destination, **run).is_written
    assert destination.read_bytes()[128:132] == b"DICM"
    assert {path.name for path in tmp_path.iterdir()} == {"a.dcm", "in-1.dcm", "out.dcm"}


def _bundled():
    return sorted(path for path in (Path(pydicom.__file__).parent / "data").rglob("*") if path.is_file())


def _compared(paths, folder, job):
    """How many files went which way; what both readers can read has one outcome."""
    counts = {"short": 0, "long": 0, "oracle": 0}
    for path in paths:
        expected = at_length(path, folder, job)
        short = in_short(path, folder, job)
        assert short in (None, expected), path
        oracle = read_by_pydicom(path, folder, job)
        if oracle is not None and expected is not None and "dicom." not in str(expected[1][1]):
            assert oracle == expected, path
            counts["oracle"] += 1
        counts["short"] += short is not None
        counts["long"] += short is None and expected is not None
    return counts


@pytest.mark.parametrize("profile", ["ricord", "tcia"])
def test_every_bundled_file_comes_out_the_same_in_every_way(tmp_path, profile):
    counts = _compared(_bundled(), tmp_path, made_job(profile))
    assert counts["short"] > 15
    assert counts["long"] > 20
    assert counts["oracle"] > 40


def test_every_shared_file_comes_out_the_same_in_every_way(tmp_path, shared_data):
    paths = sorted(path for path in shared_data.rglob("*") if path.suffix in {".dcm", ".dicom", ""} and path.is_file())
    counts = _compared(paths, tmp_path, made_job())
    assert counts["short"] > 100
    assert counts["oracle"] > 200


_PEAK = """
import resource, sys
from pathlib import Path
from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
small, large, out = map(Path, sys.argv[1:])
peaks = []
for source in (small, large):
    outcome = deidentify_file(
        source, out, profile=load_profile("ricord"), key=PseudonymKey(bytes(32)), patient=PatientMapping("1", "A-1", -50)
    )
    assert outcome.is_written, outcome.findings
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
print(*peaks)
"""


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_memory_does_not_grow_with_the_file(tmp_path, syntax):
    """The short way and the long one, each with a file many times as large as what its process may add to its memory."""
    frames, frame_bytes = 384, 2**20
    large = made_ct(Rows=1024, Columns=512, NumberOfFrames=frames, PixelData=b"\1\0" * 16)
    source = write_made(large, tmp_path / "large.dcm", syntax)
    header = source.read_bytes()
    with source.open("wb") as stream:
        stream.write(header[:-36])
        order = "little" if syntax == ExplicitVRLittleEndian else "big"
        stream.write((frames * frame_bytes).to_bytes(4, order))
        stream.truncate(len(header) - 32 + frames * frame_bytes)
    small = write_made(made_ct(), tmp_path / "small.dcm", syntax)
    answer = subprocess.run(
        [sys.executable, "-c", _PEAK, small, source, tmp_path / "out.dcm"], check=True, capture_output=True, text=True
    )
    before, after = map(int, answer.stdout.split())
    assert (tmp_path / "out.dcm").stat().st_size > frames * frame_bytes
    assert after - before < 100


def test_harvesting_what_cannot_be_read_gives_nothing(tmp_path):
    (tmp_path / "noise").write_bytes(b"no DICOM")
    assert harvest_file(tmp_path / "noise") == ()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_follows_the_pixels_of_a_file_that_begins_like_others_stays_behind(syntax, tmp_path):
    forget()
    for number in range(4):
        source = write_made(made_ct(InstanceNumber=number), tmp_path / "in.dcm", syntax)
        assert in_short(source, tmp_path, made_job()) is not None
    source.write_bytes(source.read_bytes() + b"\xfc\xff\xfc\xffOB\0\0\x12\0\0\0Quixotesen^Ulrika ")
    assert in_short(source, tmp_path, made_job()) is None
    content, _ = at_length(source, tmp_path, made_job())
    assert b"Quixotesen" not in content
