"""Streamed ZIP archives, read by Python's own reader and by ``unzip``'s rules."""

import asyncio
import hashlib
import io
import os
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.server.archive import zip_stream
from radcommons.server.archive.zip_stream import ChangedEntryError, Entry, zip_pieces, zip_size


def read_of(*pieces, reads=None):
    """Gives these pieces; each reading is noted in *reads*."""

    async def read(*, before=b""):
        if reads is not None:
            reads.append(1)
        yield before
        for piece in pieces:
            yield piece

    return read


def entry(name, data):
    return Entry(name, len(data), read_of(data[:7], data[7:]))


def packed(entries):
    async def all_of_it():
        return b"".join([piece async for piece in zip_pieces(entries)])

    return asyncio.run(all_of_it())


@given(st.dictionaries(st.text("abcäß/.-1", min_size=1, max_size=30), st.binary(max_size=200), max_size=8))
def test_whatever_is_packed_is_unpacked_the_same_and_the_length_was_known(files):
    entries = [entry(name, data) for name, data in files.items()]
    body = packed(entries)
    assert len(body) == zip_size(entries)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(files)
        assert {name: archive.read(name) for name in files} == files


def test_nothing_is_compressed_and_nothing_depends_on_the_hour():
    entries = [entry("a.dcm", bytes(5000)), entry("b.dcm", b"b")]
    assert packed(entries) == packed(entries)
    with zipfile.ZipFile(io.BytesIO(packed(entries))) as archive:
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.external_attr >> 16 == 0o100644


def test_the_checksum_and_sizes_stand_in_front_of_the_bytes():
    # Java's ZipInputStream cannot read a stored entry with a data descriptor (bit 3 of the flags).
    body = packed([entry("a.dcm", b"content")])
    signature, _, flags, method, _, _, crc, size, plain = struct.unpack_from("<IHHHHHIII", body)
    assert (signature, flags & 8, method) == (0x04034B50, 0, 0)
    assert (crc, size, plain) == (zlib.crc32(b"content"), 7, 7)


def test_a_large_file_is_read_twice_and_never_held():
    size, reads = 64 << 20, []

    async def read(*, before=b""):
        reads.append(1)
        yield before
        for _ in range(64):
            yield bytes(1 << 20)

    async def length():
        return sum([len(piece) async for piece in zip_pieces([Entry("large.dcm", size, read)])])

    tracemalloc.start()
    total = asyncio.run(length())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (total, len(reads)) == (zip_size([Entry("large.dcm", size, read)]), 2)
    assert peak < 8 << 20


@pytest.mark.parametrize("size", [7, zip_stream._AT_ONCE_BYTES + 1])
def test_the_checksum_of_what_never_changes_is_taken_once(size):
    data, reads = os.urandom(size), []
    entries = [Entry("a.dcm", len(data), read_of(data, reads=reads), hashlib.sha256(data).hexdigest())]
    first, before = packed(entries), len(reads)
    assert packed(entries) == first
    assert len(reads) - before == 1
    assert zipfile.ZipFile(io.BytesIO(first)).testzip() is None


@pytest.mark.parametrize("said", [3, 9, zip_stream._AT_ONCE_BYTES + 1])
def test_an_entry_of_another_size_breaks_the_archive_off(said):
    with pytest.raises(ChangedEntryError):
        packed([Entry("a.dcm", said, read_of(b"content"))])


def test_more_than_65535_files_need_the_64_bit_record():
    entries = [entry(f"{number}.dcm", b"") for number in range(65_536)]
    body = packed(entries)
    assert len(body) == zip_size(entries)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert len(archive.namelist()) == 65_536


def test_files_and_archives_above_four_gigabytes_are_written_with_64_bit_sizes():
    """Holes of a file on disk stand for five gigabytes; only headers are looked at."""
    size, offset = 5 << 30, 6 << 30
    large = Entry("large.dcm", size, read_of())
    local, central = zip_stream._local(large, 1), zip_stream._central(large, offset, 1)
    assert struct.unpack_from("<II", local, 18) == (0xFFFFFFFF, 0xFFFFFFFF)
    assert struct.unpack("<HHQQ", local[-20:]) == (1, 16, size, size)
    assert struct.unpack("<HHQQQ", central[-28:]) == (1, 24, size, size, offset)
    end = zip_stream._end(1, size + len(local), len(central))
    assert struct.unpack_from("<I", end)[0] == 0x06064B50
    assert struct.unpack_from("<QQ", end, 40) == (len(central), size + len(local))
    assert struct.unpack_from("<I", end, 56)[0] == 0x07064B50
    assert zip_size([large, entry("b", b"b")]) > size


def test_an_archive_of_more_than_four_gigabytes_opens(tmp_path):
    """Really read by Python's reader: the data are a hole in a file, the headers are ours."""
    size = (4 << 30) + 10
    entries = [
        Entry("hole", size, read_of()),
        Entry("after", 5, read_of(b"after")),
    ]
    path = tmp_path / "large.zip"
    with path.open("wb") as sink:
        sink.write(zip_stream._local(entries[0], 0))
        sink.seek(size, 1)
        far = sink.tell()
        sink.write(zip_stream._local(entries[1], zlib.crc32(b"after")) + b"after")
        at = sink.tell()
        listed = zip_stream._central(entries[0], 0, 0) + zip_stream._central(entries[1], far, zlib.crc32(b"after"))
        sink.write(listed + zip_stream._end(2, at, len(listed)))
    assert path.stat().st_size == zip_size(entries)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("after") == b"after"
        assert archive.getinfo("hole").file_size == size
