import asyncio
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from tests.server.archive.conftest import dicom_file

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.errors import DamagedObjectError, NotRenderableError, RendererBusyError
from radcommons.server.archive.pixel_jobs import DecodeFrame, Job, ReadValue, Refusal, RenderFrame
from radcommons.server.archive.pixel_work import perform
from radcommons.server.archive.rendering import Renderer, fetched, picture
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import LocalObjects, instance_key, object_store


class ElsewhereObjects(LocalObjects):
    """A store without local files, as a bucket is one."""

    def local_path(self, key):
        assert self.exists(key)


@pytest.fixture(scope="module")
def renderer():
    made = Renderer(processes=1, memory_bytes=900 * 2**20, timeout_s=20)
    yield made
    made.close()


@pytest.fixture
def kept(tmp_store):
    def keep(path):
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        object_store().put_bytes(instance_key(sha256), content)
        return sha256

    return keep


def test_one_poisoned_object_fails_alone(renderer, kept, tmp_path):
    poison = tmp_path / "poison.dcm"
    poison.write_bytes(bytes(128) + b"DICM" + b"\xff" * 1000)
    bad, good = kept(poison), kept(dicom_file(tmp_path))
    with pytest.raises(NotRenderableError):
        asyncio.run(renderer.perform(bad, RenderFrame(0)))
    assert asyncio.run(renderer.perform(good, RenderFrame(0))).startswith(b"\xff\xd8\xff")


def test_a_picture_that_was_asked_for_lately_is_not_made_again(kept, tmp_path):
    sha256 = kept(dicom_file(tmp_path, 17))
    first = asyncio.run(picture(sha256, RenderFrame(0, quality=50)))
    assert asyncio.run(picture(sha256, RenderFrame(0, quality=50))) is first
    assert asyncio.run(picture(sha256, RenderFrame(0, quality=5))) != first


def test_many_requests_share_the_processes(renderer, kept, tmp_path):
    sha256 = kept(dicom_file(tmp_path, frames=4))

    async def ask():
        return await asyncio.gather(*(renderer.perform(sha256, DecodeFrame(index % 4)) for index in range(20)))

    answers = asyncio.run(ask())
    assert len(set(answers)) == 4
    assert b"".join(answers[:4]) == dcmread(tmp_path / "2.25.301.dcm").PixelData


def test_too_many_requests_are_turned_away_at_once(kept, tmp_path):
    busy = Renderer(processes=1, memory_bytes=900 * 2**20, timeout_s=20, max_waiting=0)
    with pytest.raises(RendererBusyError):
        asyncio.run(busy.perform(kept(dicom_file(tmp_path)), RenderFrame(0)))
    busy.close()


def test_a_value_or_object_that_is_not_there_is_not_found(renderer, kept, tmp_path):
    with pytest.raises(NotFoundError):
        asyncio.run(renderer.perform(kept(dicom_file(tmp_path)), ReadValue("00991001")))
    with pytest.raises(NotFoundError):
        asyncio.run(renderer.perform("f" * 64, RenderFrame(0)))


def test_objects_that_are_elsewhere_are_fetched_for_the_moment(tmp_path):
    store = ElsewhereObjects(tmp_path / "objects")
    store.put_bytes("instances/aa/x.dcm", b"bytes")
    with fetched(store, "instances/aa/x.dcm", hashlib.sha256(b"bytes").hexdigest()) as copy:
        assert Path(copy.name).read_bytes() == b"bytes"
    assert not Path(copy.name).exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_made_of_a_file_that_has_another_digest(renderer, kept, tmp_path):
    sha256 = kept(dicom_file(tmp_path))
    path = object_store().local_path(instance_key(sha256))
    assert asyncio.run(renderer.perform(sha256, RenderFrame(0)))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedObjectError):
        asyncio.run(renderer.perform(sha256, RenderFrame(0)))
    store = ElsewhereObjects(tmp_path / "objects")
    store.put_bytes("instances/aa/x.dcm", b"bytes")
    with pytest.raises(DamagedObjectError):
        fetched(store, "instances/aa/x.dcm", "0" * 64)


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm"])
def test_decoded_samples_are_little_endian_whatever_the_file_uses(shared_data, name):
    path = shared_data / "zoo" / "objects" / name
    samples = dcmread(path).pixel_array[1]
    assert perform(Job(str(path), DecodeFrame(1))) == samples.astype(samples.dtype.newbyteorder("<")).tobytes()


def test_a_picture_can_be_cut_made_smaller_and_saved_in_both_formats(tmp_path):
    path = str(dicom_file(tmp_path))

    def size(**options):
        return Image.open(io.BytesIO(perform(Job(path, RenderFrame(0, **options))))).size

    assert size() == (16, 12)
    assert size(quality=None) == (16, 12)
    assert size(quality=50, size=(8, 8)) == (8, 6)
    assert size(crop=(10, 2, 100, 4)) == (6, 4)


def test_a_picture_can_be_mirrored_and_written_on(tmp_path):
    path = str(dicom_file(tmp_path, Rows=12, Columns=16))

    def made(**options):
        return np.asarray(Image.open(io.BytesIO(perform(Job(path, RenderFrame(0, quality=None, **options))))))

    plain = made()
    assert np.array_equal(made(flip=(True, False)), plain[:, ::-1])
    assert np.array_equal(made(flip=(False, True)), plain[::-1])
    assert not np.array_equal(made(lines=("SUBJECT-1", "CT")), plain)


def test_the_window_decides_what_is_black_and_white(tmp_path):
    path = str(dicom_file(tmp_path))
    png = perform(Job(path, RenderFrame(0, window=(700.0, 2.0), quality=None)))
    picture = np.asarray(Image.open(io.BytesIO(png)))
    samples = dcmread(path).pixel_array
    assert (picture[samples < 699] == 0).all()
    assert (picture[samples > 701] == 255).all()


def test_refusals_say_why(tmp_path):
    path = str(dicom_file(tmp_path))
    assert isinstance(perform(Job(path, DecodeFrame(7))), Refusal)
    assert perform(Job(path, ReadValue("00991001"))) == Refusal("archive.no-such-value")


@pytest.mark.parametrize(
    "folder", ["broken", "color-and-pixels", "hostile", "multiframe", "objects", "transfer-syntax"]
)
def test_every_object_of_the_zoo_gives_a_picture_or_a_reason(renderer, shared_data, tmp_store, folder):
    outcomes = []
    for path in sorted((shared_data / "zoo" / folder).rglob("*")):
        if not path.is_file() or describe_file(path, with_json=False)[0] is None:
            continue
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        object_store().put_path(instance_key(sha256), path)
        try:
            outcomes.append(asyncio.run(renderer.perform(sha256, RenderFrame(0, size=(256, 256))))[:3].hex())
        except NotRenderableError as error:
            outcomes.append(error.facts["reason"])
    assert len(outcomes) > 3
    assert all(outcome == "ffd8ff" or outcome.startswith(("dicom.", "isolation.")) for outcome in outcomes)
