"""The sealed batch's manifest: canonical bytes, a name of its own, strict reading."""

import hashlib
import json
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.manifest import (
    BatchFile,
    BatchManifest,
    Covid19Status,
    ProfileStamp,
    ReleaseReason,
    ReleaseStamp,
    ReviewStamp,
    SoftwareStamp,
)

CT = "1.2.840.10008.5.1.4.1.1.2"


def digest(word):
    return hashlib.sha256(str(word).encode()).hexdigest()


def file_of(number, pixel_text=PixelText.NOT_APPLICABLE):
    return BatchFile(digest(number), 1000 + number, "2.25.1", "2.25.2", f"2.25.{number + 10}", CT, pixel_text)


def manifest_of(count=3, **changes):
    values = {
        "site": "ALPHA",
        "project": "covid19",
        "profile": ProfileStamp("ricord", "1", digest("profile")),
        "software": SoftwareStamp("radcommons", "0.1.0"),
        "report_sha256": digest("report"),
        "review": ReviewStamp("Dr Ünal", "approved"),
        "files": tuple(sorted(file_of(number) for number in range(count))),
        "subjects": {"ALPHA-000001": Covid19Status.POSITIVE},
    }
    return BatchManifest(**{**values, **changes})


def value_of(manifest):
    return json.loads(manifest.canonical_bytes)


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_a_manifest_is_named_by_the_digest_of_its_bytes():
    manifest = manifest_of()

    assert manifest.batch_id == hashlib.sha256(manifest.canonical_bytes).hexdigest()
    assert BatchManifest.from_bytes(manifest.canonical_bytes) == manifest


def test_the_bytes_are_what_any_canonical_writer_gives():
    manifest = manifest_of()

    assert canonical(value_of(manifest)) == manifest.canonical_bytes
    assert "Ünal".encode() in manifest.canonical_bytes


@given(st.integers(1, 40), st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40))
def test_every_manifest_reads_back_as_itself(count, name):
    manifest = manifest_of(count, review=ReviewStamp(name, "approved"), subjects={})

    again = BatchManifest.from_bytes(manifest.canonical_bytes)

    assert again == manifest
    assert again.batch_id == manifest.batch_id


def test_another_reviewer_or_file_makes_another_batch():
    manifest = manifest_of()
    others = [
        replace(manifest, review=ReviewStamp("Somebody else", "approved")),
        replace(manifest, files=manifest.files[:2]),
        replace(manifest, subjects={}),
        replace(manifest, report_sha256=digest("other")),
    ]

    assert len({manifest.batch_id, *(other.batch_id for other in others)}) == 5


def test_sizes_are_added_up():
    assert manifest_of(3).size_bytes == 1000 + 1001 + 1002


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda value: value.pop("report_sha256"), "lacks report_sha256"),
        (lambda value: value.update(patient="x"), "keys that the schema does not know"),
        (lambda value: value.update(schema="radcommons.batch/2"), "schema"),
        (lambda value: value.update(site="../ALPHA"), "site is malformed"),
        (lambda value: value.update(project="Covid 19"), "project is malformed"),
        (lambda value: value.update(files=[]), "at least one file"),
        (lambda value: value.update(files="all"), "at least one file"),
        (lambda value: value["files"].reverse(), "ascending"),
        (lambda value: value["files"].append(value["files"][-1]), "ascending"),
        (lambda value: value["files"][0].update(size_bytes=-1), "size_bytes"),
        (lambda value: value["files"][0].update(size_bytes=True), "size_bytes"),
        (lambda value: value["files"][0].update(size_bytes=1.5), "size_bytes"),
        (lambda value: value["files"][0].update(study_instance_uid="../../etc"), "study_instance_uid"),
        (lambda value: value["files"][0].update(study_instance_uid="1." + "2" * 70), "study_instance_uid"),
        (lambda value: value["files"][0].update(sop_instance_uid=value["files"][1]["sop_instance_uid"]), "twice"),
        (lambda value: value["files"][0].update(pixel_text="perhaps"), "perhaps"),
        (lambda value: value["files"][0].update(pixel_text="not_checked"), "must not leave"),
        (lambda value: value["files"][0].update(pixel_text="needs_person"), "must not leave"),
        (lambda value: value["files"][0].update(sha256="A" * 64), "sha256"),
        (lambda value: value["files"].__setitem__(0, 7), "not an object"),
        (lambda value: value["review"].update(decision="excluded"), "decision"),
        (lambda value: value["review"].update(by=""), "by"),
        (lambda value: value["review"].update(by="a\nb"), "by"),
        (lambda value: value["review"].update(by="x" * 300), "by"),
        (lambda value: value.update(subjects={"alpha 1": {"covid19_status": "positive"}}), "subject id"),
        (lambda value: value.update(subjects={"ALPHA-1": {"covid19_status": "maybe"}}), "maybe"),
        (lambda value: value.update(profile=None), "profile"),
    ],
)
def test_a_strangers_manifest_is_read_strictly(break_it, reason):
    value = value_of(manifest_of())
    break_it(value)

    with pytest.raises(RadCommonsError, match="manifest cannot be used") as refusal:
        BatchManifest.from_bytes(canonical(value))

    assert refusal.value.kind is Kind.INVALID
    assert refusal.value.code == "transfer.manifest-invalid"
    assert reason in refusal.value.facts["reason"]


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'"text"', b"7"])
def test_bytes_that_are_no_manifest_are_refused(data):
    with pytest.raises(RadCommonsError) as refusal:
        BatchManifest.from_bytes(data)

    assert refusal.value.code == "transfer.manifest-invalid"


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda data: data + b"\n",
        lambda data: json.dumps(json.loads(data), indent=1).encode(),
        lambda data: json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode(),
        lambda data: data.replace(b'"site":"ALPHA"', b'"site":"BETA","site":"ALPHA"'),
    ],
)
def test_one_content_has_one_spelling(rewrite):
    with pytest.raises(RadCommonsError, match="canonical"):
        BatchManifest.from_bytes(rewrite(manifest_of().canonical_bytes))


RELEASE = ReleaseStamp("site-reviewer", "2026-03-01T09:30:00+00:00", ReleaseReason.READ)


def test_what_a_person_let_go_is_told_with_its_file():
    file = replace(file_of(1), release=RELEASE)
    manifest = manifest_of(files=(file,))

    assert value_of(manifest)["files"][0]["release"] == {
        "at": "2026-03-01T09:30:00+00:00",
        "role": "site-reviewer",
        "why": "read",
    }
    assert BatchManifest.from_bytes(manifest.canonical_bytes) == manifest


@pytest.mark.parametrize(
    "changes",
    [
        {"why": "It is only Mr Okonkwo's letter"},
        {"role": "Dr Okonkwo"},
        {"at": "yesterday"},
        {"by": "Dr Okonkwo"},
        {"why": 1},
    ],
)
def test_no_words_of_a_person_travel_with_a_release(changes):
    value = value_of(manifest_of(files=(replace(file_of(1), release=RELEASE),)))
    value["files"][0]["release"] |= changes

    with pytest.raises(RadCommonsError) as refusal:
        BatchManifest.from_bytes(canonical(value))

    assert refusal.value.code == "transfer.manifest-invalid"


def test_a_large_manifest_is_made_piece_by_piece():
    manifest = manifest_of(count=1100)

    pieces = list(manifest.pieces())

    assert max(map(len, pieces)) < len(manifest.canonical_bytes) / 2
    assert b"".join(pieces) == canonical(value_of(manifest))
    assert manifest.canonical_size == len(manifest.canonical_bytes)


def test_a_manifest_in_a_file_is_read_where_it_lies(tmp_path):
    manifest, path = manifest_of(count=1300), tmp_path / "manifest.json"
    path.write_bytes(manifest.canonical_bytes)

    read = BatchManifest.from_file(path)

    assert read == manifest
    assert manifest == read
    assert (read.batch_id, read.size_bytes) == (manifest.batch_id, manifest.size_bytes)
    assert read.files[-1] == manifest.files[-1]
    assert read.files[510:515] == manifest.files[510:515]
    assert list(read.files) == list(manifest.files)
    assert replace(read, files=read.files[:5]) == replace(manifest, files=manifest.files[:5])
    assert read.files != manifest.files[:-1]


@pytest.mark.parametrize(
    "read", [lambda manifest: manifest, lambda made: BatchManifest.from_bytes(made.canonical_bytes)]
)
def test_a_file_is_found_by_its_digest(read):
    manifest = read(manifest_of(count=40))

    assert [manifest.file(digest(number)) for number in range(40)] == [file_of(number) for number in range(40)]
    with pytest.raises(KeyError):
        manifest.file(digest("none"))


def test_reading_a_large_manifest_takes_little_memory(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_bytes(manifest_of(count=20_000).canonical_bytes)

    tracemalloc.start()
    manifest = BatchManifest.from_file(path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # A million files are 40 MB; what tells repeated instances apart is gone when all are read.
    assert kept < 20_000 * 60
    assert peak < path.stat().st_size
    assert len(manifest.files) == 20_000


@pytest.mark.parametrize("at", [0, 1, 700])
@pytest.mark.parametrize(
    ("found", "put"),
    [
        (b'{"pixel_text"', b' {"pixel_text"'),
        (b'"size_bytes":', b'"size_bytes": '),
        (b'"sop_class_uid"', b'"sop_clas\\u0073_uid"'),
    ],
)
def test_one_file_spelled_otherwise_refuses_the_whole(at, found, put):
    manifest = manifest_of(count=701)
    lines = manifest.canonical_bytes.split(b'},{"pixel_text"')
    lines = [lines[0], *(b'{"pixel_text"' + line for line in lines[1:])]
    lines[at] = lines[at].replace(found, put, 1)

    with pytest.raises(RadCommonsError, match="canonical"):
        BatchManifest.from_bytes(b"},".join(lines))


@given(st.data())
def test_whatever_is_cut_or_changed_is_refused_or_is_another_manifest(data):
    original = manifest_of(count=4).canonical_bytes
    at = data.draw(st.integers(0, len(original) - 1))
    changed = original[:at] + data.draw(st.binary(max_size=3)) + original[at + data.draw(st.integers(0, 3)) :]
    refusal = None
    try:
        read = BatchManifest.from_bytes(changed)
    except RadCommonsError as error:
        refusal = error
    assert refusal.code == "transfer.manifest-invalid" if refusal else read.canonical_bytes == changed
