"""Manifests both ways; what is written is what TCIA's own programs read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcia_utils import nbia

from radcommons.server.access.nbia.manifests import NotAManifestError, csv_manifest, read_manifest, tcia_manifest

UIDS = ["1.2.3", "2.25.12345"]
uids = st.lists(st.from_regex(r"[1-9][0-9]{0,5}(\.[1-9][0-9]{0,5}){1,5}", fullmatch=True), unique=True)


def tcia(found):
    return tcia_manifest(found, origin="https://images.example.org", name="manifest-1")


def test_the_first_six_lines_are_nbias():
    assert tcia(UIDS).splitlines() == [
        "downloadServerUrl=https://images.example.org/nbia-download/servlet/DownloadServlet",
        "includeAnnotation=true",
        "noOfrRetry=4",
        "databasketId=manifest-1.tcia",
        "manifestVersion=3.0",
        "ListOfSeriesToDownload=",
        *UIDS,
    ]


@given(uids)
def test_a_manifest_of_either_kind_comes_back(found):
    assert read_manifest(tcia(found)) == found
    assert read_manifest(csv_manifest(found)) == found


def test_tcias_own_library_reads_it(tmp_path):
    path = tmp_path / "manifest.tcia"
    path.write_text(tcia(UIDS))
    assert nbia.manifestToList(str(path)) == UIDS


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3\n2.25.12345\n1.2.3\n",
        "\ufeffSeriesInstanceUID\r\n1.2.3\r\n2.25.12345\r\n",
        'PatientID,Series Instance UID\nS-1,1.2.3\nS-2,"2.25.12345"\n',
        "manifestVersion=3.0\r\nListOfSeriesToDownload=\r\n1.2.3\r\n\r\n2.25.12345\r\n",
    ],
)
def test_what_other_programs_write_is_read(text):
    assert read_manifest(text) == UIDS


@pytest.mark.parametrize("text", ["<html>not found</html>", "1.2.3\nrm -rf", "PatientID\nS-1"])
def test_what_is_no_list_is_refused_with_its_line(text):
    with pytest.raises(NotAManifestError, match=r"Line \d"):
        read_manifest(text)
