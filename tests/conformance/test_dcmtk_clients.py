"""DCMTK's programs, as a PACS administrator tries them: what the hospital's listener answers, and what it is no place for."""

import subprocess

import pytest
from tests.support.batches import write_instance
from tests.support.dimse_peers import TITLE, data_set_of, listening, received, storescu
from tests.support.orthanc import running_orthanc

STUDY = "0020,000d"


def dcmtk(program, port, *words, called=TITLE):
    command = [program, "-v", "-aec", called, *words, "127.0.0.1", str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "source").mkdir()
    return [
        write_instance(tmp_path / "source" / f"{n}.dcm", study="one", number=n, PatientID="S-one") for n in range(2)
    ]


def test_echoscu_is_answered_and_findscu_is_told_that_nobody_answers_queries_here(tmp_path):
    with listening(tmp_path / "in") as listener:
        assert dcmtk("echoscu", listener.port).returncode == 0
        asked = dcmtk("findscu", listener.port, "-S", "-k", "0008,0052=STUDY", "-k", STUDY)
        moved = dcmtk("movescu", listener.port, "-S", "-k", "0008,0052=STUDY", "-k", f"{STUDY}=1.2.3")
        assert dcmtk("echoscu", listener.port).returncode == 0
    for refused in (asked, moved):
        assert refused.returncode != 0
        assert "No Acceptable Presentation Contexts" in refused.stderr + refused.stdout
    assert received(tmp_path / "in") == []


def test_movescu_has_a_pacs_send_a_study_here_after_findscu_has_found_it(tmp_path, files):
    with listening(tmp_path / "in") as listener:
        modalities = {"radcommons": [TITLE, "127.0.0.1", listener.port]}
        with running_orthanc(tmp_path / "pacs", DicomModalities=modalities) as pacs:
            assert storescu(pacs.dicom_port, files, called=pacs.title).returncode == 0
            found = dcmtk(
                "findscu",
                pacs.dicom_port,
                "-S",
                "-k",
                "0008,0052=STUDY",
                "-k",
                STUDY,
                "-k",
                "0010,0020=S-one",
                called=pacs.title,
            )
            assert found.returncode == 0
            output = found.stderr + found.stdout
            study = output.split(f"({STUDY}) UI [")[-1].split("]")[0].strip(" \0")
            moved = dcmtk(
                "movescu",
                pacs.dicom_port,
                "-S",
                "-aem",
                TITLE,
                "-k",
                "0008,0052=STUDY",
                "-k",
                f"{STUDY}={study}",
                called=pacs.title,
            )
            assert moved.returncode == 0, moved.stderr
    assert sorted(map(data_set_of, received(tmp_path / "in"))) == sorted(map(data_set_of, files))
