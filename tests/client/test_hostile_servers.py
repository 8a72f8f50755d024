"""Repositories and servers that mean ill: they are refused in words, and reach neither a file nor a terminal."""

import hashlib
import json
import zipfile
from io import BytesIO

import duckdb
import pytest
from tests.support.disks import mounted
from tests.support.release_server import body, status

from radcommons.client.by_drs import ObjectDownload, audited
from radcommons.client.by_series import download_series
from radcommons.client.download import Wish, download
from radcommons.client.errors import DiskSpaceError, FolderError, LocalDiskError, RemoteError
from radcommons.client.journal import Item, Journal
from radcommons.client.list_commands import ListWish, download_list
from radcommons.client.remote import Remote
from radcommons.client.tables import columns, leaves, matching_instances
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.manifest import ReleaseManifest

MD5 = hashlib.md5(b"abc", usedforsecurity=False).hexdigest()


def tables(folder, *, instance="'1.2' AS sop_instance_uid"):
    """The tables of a release below a folder, with whatever columns somebody gave the instances."""
    (folder / "tables").mkdir(parents=True)
    keys = "'1' AS series_instance_uid, '2' AS study_instance_uid, 'S-1' AS subject_id"
    for name, query in (
        ("instance", f"{instance}, {keys}"),
        ("series", "'1' AS series_instance_uid"),
        ("study", "'2' AS study_instance_uid"),
        ("subject", "'S-1' AS subject_id, 'CT' AS modality"),
    ):
        duckdb.connect().execute(f"COPY (SELECT {query}) TO '{folder}/tables/{name}.parquet'")


def test_the_name_of_a_column_is_never_a_statement(tmp_path):
    stolen = tmp_path / "stolen.csv"
    name = f"a\" FROM instance; COPY (SELECT 1) TO '{stolen}'; --"
    quoted = name.replace('"', '""')
    tables(tmp_path, instance=f"'1.2' AS sop_instance_uid, 1 AS a, 2 AS \"{quoted}\"")
    assert name in columns(tmp_path)
    assert matching_instances(tmp_path, "a = 1") == {"1.2"}
    assert not stolen.exists()


def test_the_name_of_a_folder_is_no_column(tmp_path):
    tables(tmp_path / "modality=MR" / "subject_id=7")
    assert matching_instances(tmp_path / "modality=MR" / "subject_id=7", "modality = 'CT'") == {"1.2"}


@pytest.mark.parametrize(
    "changed",
    ["-1 AS size_bytes", "1::HUGEINT << 70 AS size_bytes", "[1] AS size_bytes", "5 AS sha256", "1 AS leaf_salt"],
)
def test_a_manifest_table_of_other_types_is_refused(repository, tmp_path, changed):
    manifest = ReleaseManifest.from_bytes((repository.folder / "release.json").read_bytes())
    table = repository.folder / manifest.instance_tables[0]
    odd = tmp_path / manifest.instance_tables[0]
    odd.parent.mkdir(parents=True)
    query = f"SELECT * REPLACE ({changed}) FROM read_parquet('{table}')"  # noqa: S608
    duckdb.connect().execute(f"COPY ({query}) TO '{odd}' (FORMAT parquet)")
    with pytest.raises(ReleaseFormatError):
        list(leaves(tmp_path, manifest))


@pytest.mark.parametrize("changed", [{"sha256": 5}, {"size_bytes": 2**63}, {"size_bytes": -1}, {"size_bytes": 1e300}])
def test_a_record_that_no_file_can_be_is_refused(repository, tmp_path, changed):
    record = {"path": "x.txt", "sha256": "0" * 64, "size_bytes": 1} | changed
    (repository.folder / "status.json").write_text(json.dumps({"records": [record]}))
    with pytest.raises(FolderError, match="status"):
        download(Wish("chest-ct@1.0.0", repository.url, first_wait_s=0.001), tmp_path / "copy")


def test_sizes_that_are_more_than_a_number_holds_are_a_disk_too_small(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add(Item(f"{name}.dcm", name, "0" * 64, 2**63 - 1) for name in "abc")
        assert journal.pending_sum() == (3, 2**63 - 1)


@pytest.mark.parametrize("size", [-5, 2**63, 1e300, "7", None])
def test_an_object_of_no_possible_size_is_left_out(repository, tmp_path, size):
    document = {"size": size, "checksums": [{"type": "sha-256", "checksum": "a" * 64}]}
    document["access_methods"] = [{"type": "https", "access_url": {"url": f"{repository.url}/x"}}]
    repository.faults["objects/x$"] = [body(json.dumps(document).encode())]
    wanted = tmp_path / "wanted.json"
    wanted.write_text(json.dumps([{"object_id": "x"}]))
    outcome = download_list(wanted, tmp_path / "copy", ListWish(repository.url))
    assert outcome.failures == {"client.bad-list": 1}


def test_an_object_without_a_digest_that_was_shortened_is_not_right(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add([Item("a.dcm", "s3://bucket/a.dcm", "", 3), Item("b.dcm", "s3://bucket/b.dcm", "", 3)])
        for name, content in (("a", b"abc"), ("b", b"ab")):
            (tmp_path / f"{name}.dcm").write_bytes(content)
        outcome = ObjectDownload(2)
        assert audited(journal, tmp_path, outcome) == (1, 3)
    assert outcome.failures == {"client.digest-mismatch": 1}


@pytest.mark.parametrize("place", ["http://[bad", "//[", "http://a..b/", f"http://{'a' * 70}/", "file:///etc/passwd"])
def test_a_redirect_to_no_address_is_refused(repository, place):
    repository.faults["/x$"] = [status(302, headers=[("Location", place)])]
    with Remote(repository.url) as remote, pytest.raises(RemoteError) as refused:
        remote.document("x")
    assert refused.value.code == "client.bad-address"


@pytest.mark.parametrize("url", ["http://[bad", "http://a..b", "localhost:8000", "file:///etc"])
def test_what_is_no_address_of_a_repository_is_said_to_be_none(tmp_path, url):
    with pytest.raises(RemoteError) as refused:
        download(Wish("chest-ct@1.0.0", url), tmp_path / "copy")
    assert refused.value.code == "client.bad-address"


def test_what_a_server_says_moves_no_cursor_and_ends(repository):
    said = {"code": "x\x1b[2J", "message": "\x1b]0;mine\x07 a\u202eb" + "!" * 50_000}
    repository.faults["/x$"] = [status(403, json.dumps(said).encode())]
    with Remote(repository.url) as remote, pytest.raises(RemoteError) as refused:
        remote.document("x")
    assert (refused.value.code + refused.value.message).isprintable()
    assert len(refused.value.message) <= 1_000


@pytest.mark.parametrize("name", ["receipt.json.part", ".radcommons/core/release.json"])
def test_a_link_in_place_of_a_document_has_no_other_file_written(repository, tmp_path, name):
    victim, link = tmp_path / "victim", tmp_path / "copy" / name
    victim.write_text("mine")
    link.parent.mkdir(parents=True)
    link.symlink_to(victim)
    with pytest.raises(LocalDiskError):
        download(Wish("chest-ct@1.0.0", repository.url), tmp_path / "copy")
    assert victim.read_text() == "mine"


def test_a_folder_in_place_of_the_journal_is_refused_in_words(tmp_path):
    (tmp_path / ".radcommons" / "journal.sqlite").mkdir(parents=True)
    with pytest.raises(LocalDiskError, match="unable to open"):
        Journal(tmp_path)


def packed(*names, hashes=f"Filename,MD5Hash\n1.dcm,{MD5}\n", method=zipfile.ZIP_STORED):
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name in names:
            archive.writestr(name, b"abc")
        archive.writestr("md5hashes.csv", hashes)
    return bytearray(sink.getvalue())


def marked(place, value):
    """An archive whose first entry says something else of its packing, at both its places."""
    archive = packed("1.dcm")
    archive[6 + place] = archive[archive.index(b"PK\x01\x02") + 8 + place] = value
    return archive


@pytest.mark.parametrize(
    "archive",
    [
        marked(0, 1),
        marked(2, 99),
        packed("1.dcm", method=zipfile.ZIP_LZMA),
        packed("1.dcm", method=zipfile.ZIP_BZIP2),
        packed("A.dcm", "a.dcm"),
        packed("a/1.dcm", hashes=f"Filename,MD5Hash\na/1.dcm,{MD5}\n"),
        packed("1.dcm", hashes="x" * 200_000),
        packed("1.dcm", hashes="\n" * (33 << 20), method=zipfile.ZIP_DEFLATED),
    ],
    ids=["encrypted", "unknown", "lzma", "bzip2", "letter case", "folder", "one long line", "long list"],
)
def test_a_series_packed_as_nobody_packs_one_fails_alone(repository, tmp_path, archive):
    repository.faults["=1.2.1$"] = [body(bytes(archive))] * 3
    repository.faults["=1.2.2$"] = [body(bytes(packed("1.dcm")))]
    with Remote(repository.url, first_wait_s=0.001) as remote:
        outcome = download_series(["1.2.1", "1.2.2"], tmp_path / "copy", remote)
    assert (outcome.fetched, outcome.failures) == (1, {"client.digest-mismatch": 1})


def test_a_series_that_would_fill_the_disk_is_refused_before_it_is_unpacked(repository, tmp_path):
    archive = packed("1.dcm")
    size = archive.index(b"PK\x01\x02") + 24
    archive[size : size + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    repository.faults["=1.2.1$"] = [body(bytes(archive))]
    small = tmp_path / "small"
    with mounted(small, mebibytes=80) as is_disk, Remote(repository.url, first_wait_s=0.001) as remote:
        assert is_disk
        with pytest.raises(DiskSpaceError):
            download_series(["1.2.1"], small, remote)
        assert not list(small.rglob("*.dcm"))
