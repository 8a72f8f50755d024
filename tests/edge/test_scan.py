"""Scanning: everything in a folder is counted or named, and nothing twice."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from tests.support.hospital_folder import write_original, write_series

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import archive, scan
from radcommons.edge.archive import list_members, member_file
from radcommons.edge.database import database
from radcommons.edge.scan import scan_folder


def codes(result):
    return dict(result.findings_by_code)


def where(result, code):
    return [finding.where for finding in result.findings if finding.code == code]


def test_a_folder_is_counted(home, folder):
    write_series(folder / "a", count=3, study="a")
    write_series(folder / "b", count=2, study="b", modality="DX")

    result = scan_folder(home, folder)

    assert (result.files, result.instances, result.patients, result.studies, result.series) == (5, 5, 1, 2, 2)
    assert result.modalities == {"CT": 1, "DX": 1}
    assert result.findings == ()


def test_a_rare_cause_is_named_beside_thousands_of_another(home, folder, monkeypatch):
    monkeypatch.setattr(scan, "_LISTED", 5)
    for number in range(20):
        (folder / f"a{number}.txt").write_text("no DICOM")
    (folder / "z").symlink_to(folder / "gone")

    result = scan_folder(home, folder)

    assert codes(result)["dicom.not-dicom"] == 20
    assert where(result, "edge.unreadable") == ["z"]


def test_odd_files_are_named_and_stop_nothing(home, folder, monkeypatch):
    write_original(folder / "IM000001")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7 not an image")
    (folder / "empty").touch()
    (folder / "short.dcm").write_bytes(bytes(128) + b"DICM\x02\x00")
    (folder / "to-a-folder").symlink_to(folder)
    (folder / "to-nowhere").symlink_to(folder / "gone")
    (folder / "to-itself").symlink_to(folder / "to-itself")
    os.mkfifo(folder / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(folder)
    listener.bind("socket")

    result = scan_folder(home, folder)
    listener.close()

    assert result.instances == 1
    assert codes(result)["edge.link-not-followed"] == 1
    assert codes(result)["edge.not-a-file"] == 2
    assert where(result, "edge.unreadable") == ["to-itself", "to-nowhere"]
    links = {finding.where: finding.message for finding in result.findings if finding.code == "edge.unreadable"}
    assert "back to itself" in links["to-itself"]
    assert "leads to nothing" in links["to-nowhere"]
    assert {"report.pdf", "empty", "short.dcm"} <= {finding.where for finding in result.findings}


def test_names_that_could_drive_a_terminal_are_shown_harmlessly(home, folder):
    (folder / "a\x1b[2Jb").write_bytes(b"x")
    (folder / os.fsdecode(b"bad\xff")).write_bytes(b"x")

    result = scan_folder(home, folder)

    assert all(finding.where.isprintable() for finding in result.findings)
    assert codes(result)["edge.undecodable-name"] == 1


def test_duplicates_are_found_by_their_uid(home, folder):
    original = write_original(folder / "1.dcm")
    shutil.copy(original, folder / "2.dcm")
    write_original(folder / "3.dcm", SeriesDescription="other content")

    result = scan_folder(home, folder)

    assert (result.instances, result.duplicates) == (3, 2)
    assert where(result, "edge.duplicate") == ["2.dcm"]
    assert where(result, "edge.duplicate-differs") == ["3.dcm"]


def test_a_study_of_two_patients_is_named_before_anything_is_mapped(home, folder):
    write_original(folder / "1.dcm", number=1)
    write_original(folder / "2.dcm", number=2, PatientID="MRN-999")
    write_original(folder / "3.dcm", study="other", PatientID=" mrn-0048213 ")

    result = scan_folder(home, folder)

    assert where(result, "edge.mixed-patients") == ["1.dcm", "2.dcm"]
    assert result.patients == 2


def test_a_series_in_two_studies_is_named(home, folder):
    write_original(folder / "1.dcm", study="a", SeriesInstanceUID="1.2.3")
    write_original(folder / "2.dcm", study="b", SeriesInstanceUID="1.2.3")

    assert codes(scan_folder(home, folder)) == {"edge.series-in-two-studies": 1}


def test_studies_without_an_identifier_are_said_to_be_so(home, folder):
    write_original(folder / "1.dcm", study="a", PatientID="")
    write_original(folder / "2.dcm", study="b", PatientID=None)

    result = scan_folder(home, folder)

    assert codes(result) == {"edge.no-patient-id": 2}
    assert result.patients == 2


def test_a_second_scan_reads_only_what_is_new(home, folder):
    write_series(folder, count=4)
    scan_folder(home, folder)
    write_original(folder / "new.dcm", study="new")
    (folder / "series-1.dcm").unlink()
    read = []

    result = scan_folder(home, folder, progress=lambda step, done, total: read.append((step, done, total)))

    assert [each for each in read if each[0] == "scan"] == [("scan", 1, 1)]
    assert (result.files, result.instances, result.studies) == (4, 4, 2)


def test_a_changed_file_is_read_again(home, folder):
    path = write_original(folder / "1.dcm", modality="CT")
    assert scan_folder(home, folder).modalities == {"CT": 1}
    write_original(path, modality="DX", SeriesDescription="a longer description than before")

    assert scan_folder(home, folder).modalities == {"DX": 1}


def test_archives_are_read_by_member_and_once(home, folder, tmp_path):
    with ZipFile(folder / "export.zip", "w", ZIP_DEFLATED) as packed:
        for number, path in enumerate(write_series(tmp_path / "originals", count=3)):
            packed.write(path, f"../../evil{number}\x1b.dcm")
        packed.writestr("folder/", "")
        packed.writestr("notes.txt", "no image")
        packed.writestr("inner.zip", b"PK\x03\x04")

    result = scan_folder(home, folder, processes=2)
    again = scan_folder(home, folder / "export.zip")

    assert (result.files, result.archives, result.instances) == (1, 1, 3)
    assert again.instances == 3
    assert where(result, "dicom.not-dicom") == ["export.zip!notes.txt"]
    assert len(where(result, "edge.archive-nested")) == 1
    assert not list(tmp_path.rglob("*evil*"))
    assert list(home.scratch_path.iterdir()) == []


def test_a_damaged_archive_is_named(home, folder):
    (folder / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(100))

    assert codes(scan_folder(home, folder)) == {"edge.archive-damaged": 1}


def test_a_damaged_member_is_named_and_the_others_are_read(home, folder, tmp_path):
    good, bad = write_series(tmp_path / "originals", count=2)
    with ZipFile(folder / "export.zip", "w", ZIP_DEFLATED) as packed:
        packed.write(good, "good.dcm")
        packed.write(bad, "bad.dcm")
        offset = packed.getinfo("bad.dcm").header_offset + 60
    data = bytearray((folder / "export.zip").read_bytes())
    data[offset : offset + 20] = bytes(20)
    (folder / "export.zip").write_bytes(data)

    result = scan_folder(home, folder)

    assert result.instances == 1
    assert where(result, "edge.unreadable") == ["export.zip!bad.dcm"]


def test_a_bomb_is_not_unpacked(folder):
    with ZipFile(folder / "bomb.zip", "w", ZIP_DEFLATED) as packed:
        for number in range(3):
            packed.writestr(f"{number}.dcm", bytes(40 * 2**20))

    members, findings = list_members(folder / "bomb.zip")

    assert members == ()
    assert [finding.code for finding in findings] == ["edge.archive-bomb"]


def test_an_empty_radiograph_is_no_bomb(folder):
    with ZipFile(folder / "black.zip", "w", ZIP_DEFLATED) as packed:
        packed.writestr("black.dcm", bytes(20 * 2**20))

    members, findings = list_members(folder / "black.zip")

    assert [(each.ordinal, each.name) for each in members] == [(0, "black.dcm")]
    assert findings == ()


def test_a_member_that_lies_about_its_size_is_stopped(folder, tmp_path):
    with ZipFile(folder / "liar.zip", "w", ZIP_DEFLATED) as packed:
        packed.writestr("a.dcm", bytes(10**6))
    data = (folder / "liar.zip").read_bytes()
    (folder / "liar.zip").write_bytes(data.replace((10**6).to_bytes(4, "little"), (1000).to_bytes(4, "little")))

    with pytest.raises(zipfile.BadZipFile), member_file(folder / "liar.zip", 0, scratch=tmp_path):
        pass

    assert not list(tmp_path.glob("member-*"))


def test_an_encrypted_member_is_named(folder):
    with ZipFile(folder / "locked.zip", "w") as packed:
        packed.writestr("a.dcm", b"x")
    data = bytearray((folder / "locked.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (folder / "locked.zip").write_bytes(data)

    members, findings = list_members(folder / "locked.zip")

    assert members == ()
    assert [finding.code for finding in findings] == ["edge.archive-encrypted"]


def test_limits_of_archives_are_the_documented_ones():
    assert archive.MAXIMUM_RATIO == 200
    assert archive.MAXIMUM_MEMBERS == 200_000


def test_a_folder_that_is_not_there_is_refused(home, tmp_path):
    with pytest.raises(RadCommonsError) as refusal:
        scan_folder(home, tmp_path / "nowhere")

    assert (refusal.value.kind, refusal.value.code) == (Kind.NOT_FOUND, "edge.no-such-folder")


def test_a_real_ct_series_is_read_straight_from_its_archive(home, shared_data):
    result = scan_folder(home, shared_data / "ct" / "lidc-idri-0001" / "dicom.zip", processes=2)

    assert (result.archives, result.instances, result.studies, result.series) == (1, 133, 1, 1)
    assert result.findings == ()


def test_every_file_of_the_zoo_is_counted_or_named(home, shared_data):
    result = scan_folder(home, shared_data / "zoo", processes=2)

    instances = {*where(result, "edge.mixed-patients"), *where(result, "edge.two-persons")}
    kept_out = {finding.where for finding in result.findings if finding.is_error}
    assert result.files == 309
    assert result.instances + len(kept_out - instances) == 309
    assert codes(result)["dicom.is-dicomdir"] == 7
    assert codes(result)["dicom.too-deep"] == 1


def _large(path, *, middle=b"", **changes):
    """A slice that a scan does not read to the end, with something in the middle of its pixels."""
    pixels = bytearray(512 * 512 * 2)
    pixels[250_000 : 250_000 + len(middle)] = middle
    return write_original(path, Rows=512, Columns=512, PixelData=bytes(pixels), **changes)


def test_the_same_large_instance_twice_is_told_from_two_that_differ_in_one_pixel(home, folder):
    _large(folder / "1.dcm", study="a")
    shutil.copy(folder / "1.dcm", folder / "2.dcm")
    _large(folder / "3.dcm", study="b", middle=b"\1")
    _large(folder / "4.dcm", study="b", middle=b"\2")

    result = scan_folder(home, folder)

    assert result.findings_by_code == {"edge.duplicate": 1, "edge.duplicate-differs": 1}
    assert scan_folder(home, folder).findings_by_code == result.findings_by_code


def test_a_large_instance_is_known_by_what_was_read_of_it_and_one_that_is_looked_at_by_all_of_it(home, folder):
    _large(folder / "ct.dcm", study="a")
    _large(folder / "dx.dcm", study="b", modality="DX")
    write_original(folder / "small.dcm", study="c")

    scan_folder(home, folder)

    with database(home) as connection:
        known = dict(connection.execute("SELECT unseal(path), sha256 FROM source").fetchall())
    assert known.pop("ct.dcm").startswith("part:")
    assert known == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in known}


def test_a_large_instance_that_changed_anywhere_is_another_source(home, folder):
    _large(folder / "ct.dcm", middle=b"\1")
    scan_folder(home, folder)
    with database(home) as connection:
        before = connection.execute("SELECT sha256 FROM source").fetchone()[0]

    _large(folder / "ct.dcm", middle=b"\2")
    os.utime(folder / "ct.dcm", ns=(1, 1))
    scan_folder(home, folder)

    with database(home) as connection:
        assert connection.execute("SELECT sha256 FROM source").fetchone()[0] != before


def test_a_killed_scan_goes_on_where_it_was_and_counts_the_same(home, folder, tmp_path):
    write_series(folder, count=1200)
    code = (
        "import sys; from pathlib import Path\n"
        "from radcommons.edge.scan import scan_folder; from radcommons.edge.home import open_home\n"
        "if __name__ == '__main__':\n"
        "    scan_folder(open_home(Path(sys.argv[1])), Path(sys.argv[2]))\n"
    )
    (tmp_path / "run.py").write_text(code)
    command = [sys.executable, str(tmp_path / "run.py"), str(home.path), str(folder)]
    run = subprocess.Popen(command, start_new_session=True)
    while _described(home) < 400 and run.poll() is None:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    before = _described(home)
    told = []

    result = scan_folder(home, folder, progress=lambda *each: told.append(each))

    read = [done for step, done, _ in told if step == "scan"]
    assert 400 <= before < 1200
    assert (result.instances, max(read)) == (1200, 1200 - before)


def _described(home):
    with database(home) as connection:
        return connection.execute("SELECT count(*) FROM source WHERE state = 'instance'").fetchone()[0]
