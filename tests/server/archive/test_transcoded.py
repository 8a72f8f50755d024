"""Made files are made once, kept within a limit, and leave nothing behind."""

import asyncio
import os

import pytest
from pydicom import dcmread
from tests.server.archive.conftest import dicom_file

from radcommons.server.archive.errors import NotRenderableError
from radcommons.server.archive.pixel_jobs import Job, Refusal
from radcommons.server.archive.pixel_work import perform
from radcommons.server.archive.transcoded import TranscodedFiles

RLE = "1.2.840.10008.1.2.5"


@pytest.fixture
def made(tmp_path):
    """A folder of made files, the work done here and counted; files are named by their number as digest."""
    calls = []

    async def in_worker(sha256, work):
        calls.append(sha256)
        await asyncio.sleep(0.01)
        result = perform(Job(str(dicom_file(tmp_path, int(sha256))), work))
        if isinstance(result, Refusal):
            raise NotRenderableError(result.code)
        return result

    return TranscodedFiles(tmp_path / "made", limit_bytes=2500, work=in_worker), calls, tmp_path / "made"


async def whole(files, sha256, syntax=RLE):
    return b"".join([piece async for piece in files.read(sha256, syntax)])


def test_a_file_is_made_once_however_many_ask(made, tmp_path):
    files, calls, folder = made

    async def ask():
        return await asyncio.gather(*(whole(files, "1") for _ in range(5)))

    answers = asyncio.run(ask())
    assert calls == ["1"]
    assert len(set(answers)) == 1
    (path,) = folder.iterdir()
    assert dcmread(path).file_meta.TransferSyntaxUID == RLE
    assert asyncio.run(files.size("1", RLE)) == len(answers[0]) == path.stat().st_size


def test_the_files_not_used_for_longest_go_first_and_remains_are_cleared(made):
    files, calls, folder = made
    folder.mkdir()
    remains = folder / ".left.dcm.abc"
    remains.write_bytes(b"x")
    os.utime(remains, (0, 0))
    for number in ("1", "2", "1", "3", "4"):
        asyncio.run(whole(files, number))
        for age, path in enumerate(sorted(folder.glob("*.dcm"), key=lambda each: -each.stat().st_mtime)):
            os.utime(path, (1e9 - age, 1e9 - age))
    kept = {path.name[0] for path in folder.iterdir()}
    assert "4" in kept
    assert "2" not in kept
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2500
    assert not remains.exists()
    assert calls == ["1", "2", "3", "4"]


def test_what_cannot_be_made_leaves_nothing(made):
    files, _, folder = made
    with pytest.raises(NotRenderableError):
        asyncio.run(files.size("1", "1.2.840.10008.1.2.4.90"))
    assert list(folder.iterdir()) == []


def test_a_part_is_read(made):
    files, _, _ = made

    async def part():
        return b"".join([piece async for piece in files.read("1", RLE, start=128, length=4)])

    assert asyncio.run(part()) == b"DICM"
