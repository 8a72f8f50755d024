import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.transfer.release.canonical import canonical_json
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.manifest import Counts, FileEntry, InstanceRow, ReleaseManifest
from radcommons.transfer.release.paths import safe_relative_path


def manifest():
    return ReleaseManifest(
        slug="chest-ct",
        version="1.0.0",
        title="Chest",
        description="",
        parent=None,
        licence="CC-BY-4.0",
        licence_url="https://creativecommons.org/licenses/by/4.0/",
        creators=("A",),
        publisher="P",
        counts=Counts(1, 1, 1, 1, 10),
        root_hash="0" * 64,
        instance_tables=("manifest/instances-00000.parquet",),
        files=(FileEntry("manifest/instances-00000.parquet", "1" * 64, 5, "application/vnd.apache.parquet"),),
        software="RadCommons",
    )


def test_a_manifest_survives_its_bytes():
    assert ReleaseManifest.from_bytes(manifest().to_bytes()) == manifest()


def test_its_bytes_are_canonical():
    data = manifest().to_bytes()
    assert canonical_json(json.loads(data)) == data


def test_a_row_has_one_representation():
    row = InstanceRow("S-1", "2.25.1", "2.25.2", "2.25.3", "a" * 64, 10)
    assert row.canonical() == (
        b'{"series_instance_uid":"2.25.2","sha256":"' + b"a" * 64 + b'","size_bytes":10,'
        b'"sop_instance_uid":"2.25.3","study_instance_uid":"2.25.1","subject_id":"S-1"}'
    )


def changed(**changes):
    document = json.loads(manifest().to_bytes())
    for path, value in changes.items():
        place = document
        *parents, last = path.split("__")
        for name in parents:
            place = place[int(name)] if name.isdigit() else place[name]
        place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        changed(schema="radcommons.release/2"),
        changed(tree__kind="other"),
        changed(tree__root="xyz"),
        changed(tree__tables=["manifest/other.parquet"]),
        changed(tree__tables=["../up.parquet"]),
        changed(files__0__path="/etc/passwd"),
        changed(files__0__path="a\\b"),
        changed(files__0__sha256="A" * 64),
        changed(files__0__size_bytes=-1),
        changed(files__0__size_bytes="1"),
        changed(slug="../x"),
        changed(counts={"subjects": 1}),
    ],
)
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(ReleaseFormatError):
        ReleaseManifest.from_bytes(data)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a/..", "/a", "a//b", "a/", ".hidden", "a\x00b", "con", "a/NUL.txt", "a.", "ä", "a b", "C:x"],
)
def test_unsafe_paths_are_refused(text):
    with pytest.raises(ReleaseFormatError):
        safe_relative_path(text)


@given(st.text(max_size=40))
def test_whatever_is_accepted_stays_inside(text):
    try:
        path = safe_relative_path(text)
    except ReleaseFormatError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert str(path) == text
