"""Lists of strangers: whatever stands in them is read, or refused as a list, and never leads out of the folder."""

import hashlib
import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_server import body, status

from radcommons.client.by_drs import download_objects
from radcommons.client.by_series import download_series
from radcommons.client.commands import download as download_command
from radcommons.client.errors import BusyFolderError, ListError, LocalDiskError
from radcommons.client.journal import Journal
from radcommons.client.layout import Layout, path_of
from radcommons.client.list_commands import manifest as manifest_command
from radcommons.client.lists import ObjectEntry, chosen_s5cmd, read_gen3, read_series_list
from radcommons.client.remote import Expected, Remote
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.manifest import InstanceRow

HEAD = "ListOfSeriesToDownload=\n"


def described(repository, content, url=None):
    """The repository tells of an object; its id."""
    sha256 = hashlib.sha256(content).hexdigest()
    url = url or f"{repository.url}/files/releases/chest-ct/1.0.0/instances/{sha256}.dcm"
    document = {
        "size": len(content),
        "checksums": [{"type": "sha-256", "checksum": sha256}],
        "access_methods": [{"type": "https", "access_url": {"url": url}}],
    }
    repository.faults[f"objects/{sha256}$"] = [body(json.dumps(document).encode())] * 5
    return sha256


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        (f"{HEAD}1.2.3\r\n1.2.4\r\n", ("1.2.3", "1.2.4")),
        (f"\ufeffdownloadServerUrl=\n{HEAD}\n\n 1.2.3 \n", ("1.2.3",)),
        ("Subject, Series Instance UID , Size\nA, 1.2.3 , 5\nB,1.2.4\n\nC\n", ("1.2.3", "1.2.4")),
        ('"Study ""A"", B","SeriesInstanceUID"\r\n"one, two","1.2.3"\r\n', ("1.2.3",)),
        ('Note,SERIESINSTANCEUID\n"two\nlines",1.2.3\n', ("1.2.3",)),
        ("SeriesInstanceUID\r1.2.3\r1.2.4\r", ("1.2.3", "1.2.4")),
        ('"1.2.3"\n1.2.3\n1.2.4', ("1.2.3", "1.2.4")),
        ("9" * 64, ("9" * 64,)),
    ],
)
def test_lists_are_read_as_programs_and_people_write_them(text, uids):
    assert read_series_list(text).series_instance_uids == uids


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}../../etc/passwd\n",
        f"{HEAD}..\n",
        f"{HEAD}.1.2\n",
        f"{HEAD}1.2.3/../..\n",
        f"{HEAD}1.2.3&format=html\n",
        f"{HEAD}1.2.٣\n",
        HEAD + "1" * 65,
        HEAD,
        f"downloadServerUrl=http://[bad/\n{HEAD}1.2.3\n",
        "SeriesInstanceUID\n" + "1" * 140_000,
        "SeriesInstanceUID\n../1\n",
        "Patient,Modality\nA,CT\n",
        "\x00\x01",
    ],
)
def test_a_list_that_names_anything_but_series_is_refused_as_a_list(text):
    with pytest.raises(ListError) as refusal:
        read_series_list(text)
    assert refusal.value.code == "client.bad-list"
    assert "passwd" not in str(refusal.value)


@given(st.text(max_size=200), st.sampled_from(["", HEAD, "SeriesInstanceUID,x\n", "downloadServerUrl=http://["]))
def test_no_text_ends_in_anything_but_uids_or_a_refusal(noise, head):
    try:
        found = read_series_list(head + noise)
    except ListError:
        return
    assert all(set(uid) <= set("0123456789.") and uid[0] != "." for uid in found.series_instance_uids)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["object_id", "file_name", "commons_url"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_json_makes_a_manifest_fail_otherwise_and_no_name_holds_a_folder(document):
    try:
        entries = read_gen3(json.dumps(document).encode())
    except ListError:
        return
    assert not [entry for entry in entries if "/" in entry.file_name]


def test_names_that_leave_the_folder_are_stored_inside_or_not_at_all(repository, tmp_path, contents):
    names = ["..", "../../escaped.dcm", "C:\\escaped.dcm", ".ssh", "con.dcm", "a\nb", "/"]
    ids = [described(repository, content) for content in contents]
    listed = [{"object_id": each, "file_name": name} for each, name in zip(ids, names, strict=False)]
    with Remote(repository.url, first_wait_s=0.001) as remote:
        outcome = download_objects(read_gen3(json.dumps(listed).encode()), tmp_path / "deep" / "copy", remote)
    assert outcome.failures == {"client.bad-list": 6}
    assert [path.name for path in (tmp_path / "deep" / "copy" / "files").iterdir()] == ["escaped.dcm"]
    assert len(list(tmp_path.rglob("*escaped*"))) == 1


def test_objects_that_share_a_name_are_all_kept(repository, tmp_path, contents):
    names = ["axial/1.dcm", "coronal/1.dcm", "2.dcm"]
    ids = [described(repository, content) for content in contents[:3]]
    listed = [{"object_id": each, "file_name": name} for each, name in zip(ids, names, strict=True)]
    entries = read_gen3(json.dumps(listed).encode())
    for order in (entries, entries[::-1]):
        with Remote(repository.url, first_wait_s=0.001) as remote:
            outcome = download_objects(order, tmp_path / "copy", remote)
        assert outcome.is_complete, outcome
    stored = {path.name: path.read_bytes() for path in (tmp_path / "copy" / "files").iterdir()}
    shared = {f"{each[:16]}-1.dcm": content for each, content in zip(ids[:2], contents[:2], strict=True)}
    assert stored == {"2.dcm": contents[2], **shared}


@pytest.mark.parametrize("suffix", ["tcia", "json"])
def test_the_token_goes_to_the_server_that_was_named_with_from_and_to_none_a_list_names(
    repository, tmp_path, contents, suffix
):
    told = []

    def note(handler):
        told.append(handler.headers.get("Authorization"))
        status(403)(handler)

    repository.faults["getImage|objects/"] = [note] * 9
    path = tmp_path / f"wanted.{suffix}"
    gen3 = json.dumps([{"object_id": "x", "commons_url": repository.url}])
    path.write_text(gen3 if suffix == "json" else f"downloadServerUrl={repository.url}/x\n{HEAD}1.2.3\n")
    for options, expected in (([], None), (["--from", repository.url], "Bearer secret")):
        told.clear()
        folder = tmp_path / f"copy{len(options)}"
        done = CliRunner().invoke(
            download_command, [str(path), str(folder), *options], env={"RADCOMMONS_TOKEN": "secret"}
        )
        assert (done.exit_code, told) == (3, [expected]), done.output


def test_an_address_that_a_server_names_elsewhere_is_asked_without_the_token(repository, tmp_path, contents):
    told = {}

    def note(handler):
        told[handler.path.partition("?")[0]] = handler.headers.get("Authorization")
        body(contents[0])(handler)

    elsewhere = repository.url.replace("127.0.0.1", "localhost")
    repository.faults["/bytes"] = [note] * 2
    here, there = Expected(hashlib.sha256(contents[0]).hexdigest(), len(contents[0])), tmp_path / "arrived"
    with Remote(repository.url, token="secret", first_wait_s=0.001) as remote:
        remote.fetch(f"{elsewhere}/bytes/elsewhere", there, here)
        remote.fetch(f"{repository.url}/bytes/own", there, here)
    assert told == {"/bytes/elsewhere": None, "/bytes/own": "Bearer secret"}


@given(st.text(max_size=40), st.text(max_size=70))
def test_a_layout_never_leads_out_whatever_the_manifest_says(subject, uid):
    row = InstanceRow(subject, uid, "1.2.4", "1.2.5", "a" * 64, 1)
    try:
        path = path_of(row, Layout.SUBJECT)
    except ReleaseFormatError:
        return
    images, *folders, name = path.split("/")
    assert (images, len(folders), name) == ("images", 3, "1.2.5.dcm")
    assert not {"", ".", ".."} & set(folders)


def test_only_whole_lines_of_an_s5cmd_list_are_taken():
    digest = "a" * 64
    lines = [f"cp s3://b/{digest}.dcm x", f"cp s3://b/{digest}.dcm x; rm -rf /", f"rm s3://b/{digest}.dcm", "", "cp"]
    assert list(chosen_s5cmd(lines, {digest: "images/y.dcm"})) == [f"cp s3://b/{digest}.dcm images/y.dcm\n"]
    assert read_gen3(b'[{"object_id": 7}]') == [ObjectEntry("7", "7", "")]


def test_two_downloads_of_lists_do_not_share_a_folder(repository, tmp_path):
    with Journal(tmp_path / "copy"), Remote(repository.url) as remote, pytest.raises(BusyFolderError):
        download_series(["1.2.3"], tmp_path / "copy", remote)


def test_a_list_that_cannot_be_written_where_it_is_wanted_is_refused_in_words(repository, tmp_path):
    wanted = ["chest-ct@1.0.0", "--from", repository.url, "--for", "csv", "-o", str(tmp_path / "no" / "such" / "list")]
    done = CliRunner().invoke(manifest_command, wanted)
    assert isinstance(done.exception, LocalDiskError)
    assert not (tmp_path / "no").exists()
