"""Label maps of other programs lie on their series whatever the order and direction of their axes, or are refused."""

import gzip
import struct
import zipfile

import numpy as np
import pydicom
import pytest
import SimpleITK as itk  # noqa: N813 - the name its own examples use
from tests.support.readings import ct_headers

from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.annotation.dicom_seg import read_segmentation
from radcommons.transfer.annotation.geometry import FrameReference
from radcommons.transfer.annotation.nifti_foreign import read_label_map
from radcommons.transfer.annotation.objects import source_stack
from radcommons.transfer.annotation.raster import mask_of_runs, runs_of_mask
from radcommons.transfer.annotation.untyped import AnnotationFormatError

STACK = source_stack(ct_headers())


def labels(highest=3):
    """A number for each voxel; shape (slices, rows, columns)."""
    return np.random.default_rng(4).integers(0, highest + 1, (5, 40, 50)).astype(np.int16)


def image_of(volume):
    """The volume where the series lies, as ITK places it (LPS, like DICOM)."""
    image = itk.GetImageFromArray(volume)
    row_mm, column_mm = STACK.spacing_mm
    step = (STACK.positions[-1] - STACK.positions[0]) / (len(STACK.positions) - 1)
    length = float(np.linalg.norm(step))
    image.SetSpacing((column_mm, row_mm, length))
    image.SetOrigin(STACK.positions[0].tolist())
    image.SetDirection(np.column_stack([*STACK.orientation, step / length]).ravel().tolist())
    return image


def written(image, path):
    """The bytes that ITK writes."""
    itk.WriteImage(image, str(path))
    return path.read_bytes()


def expected(volume):
    """The masks of each number on the slices of the series."""
    return {
        number: tuple(
            runs_of_mask(plane == number, FrameReference(uid))
            for plane, uid in zip(volume, STACK.instance_uids, strict=True)
        )
        for number in range(1, int(volume.max()) + 1)
    }


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (2, 0, 1)])
@pytest.mark.parametrize(
    "flips", [(False, False, False), (True, False, True), (False, True, False), (True, True, True)]
)
@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_axes_in_any_order_and_direction_give_the_same_voxels(tmp_path, order, flips, ending):
    volume = labels()
    turned = itk.Flip(itk.PermuteAxes(image_of(volume), order), flips, flipAboutOrigin=False)
    assert read_label_map(written(turned, tmp_path / f"map{ending}"), STACK) == expected(volume)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32, np.float64, np.uint16])
def test_whole_numbers_of_every_kind_are_labels(tmp_path, kind):
    volume = labels().astype(kind)
    assert read_label_map(written(image_of(volume), tmp_path / "map.nii.gz"), STACK) == expected(labels())


def test_the_quaternion_places_a_map_that_has_no_rows(tmp_path):
    raw = bytearray(gzip.decompress(written(image_of(labels()), tmp_path / "map.nii.gz")))
    assert struct.unpack_from("<2h", raw, 252)[0] > 0
    struct.pack_into("<h", raw, 254, 0)
    assert read_label_map(bytes(raw), STACK) == expected(labels())
    struct.pack_into("<h", raw, 252, 0)
    with pytest.raises(AnnotationFormatError, match="where it lies"):
        read_label_map(bytes(raw), STACK)


def test_a_real_map_and_a_real_segmentation_of_the_same_lungs_agree_voxel_by_voxel(shared_data, tmp_path):
    folder = shared_data / "ct" / "lidc-idri-0001"
    for name in ("dicom.zip", "lungs_seg.dcm.zip"):
        with zipfile.ZipFile(folder / name) as archive:
            archive.extractall(tmp_path)
    slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in tmp_path.rglob("0*.dcm")]
    found = read_label_map((folder / "totalsegmentator_labels.nii.gz").read_bytes(), source_stack(slices))
    segments = read_segmentation((tmp_path / "lungs_seg.dcm").read_bytes()).segments
    # The lobes of the lungs have the numbers 10 to 14.
    by_frame = [
        {
            frame: sum(mask_of_runs(mask).astype(int) for mask in masks if mask.frame == frame)
            for frame in {mask.frame for mask in masks}
        }
        for masks in (
            [mask for number in range(10, 15) for mask in found[number]],
            [mask for segment in segments for mask in segment.masks],
        )
    ]

    assert len(slices) == 133
    assert by_frame[0].keys() == by_frame[1].keys()
    assert all(np.array_equal(by_frame[0][frame], by_frame[1][frame]) for frame in by_frame[0])


def shifted(image):
    """Half a voxel aside, as after resampling."""
    origin = np.array(image.GetOrigin())
    image.SetOrigin((origin + 0.5 * STACK.spacing_mm[1] * STACK.orientation[0]).tolist())
    return image


def stretched(image):
    """With other spacing between slices."""
    image.SetSpacing((*image.GetSpacing()[:2], image.GetSpacing()[2] * 1.1))
    return image


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shifted, "does not lie on"),
        (stretched, "does not lie on"),
        (lambda image: image[:, :, 1:], "another size"),
        (lambda image: itk.Cast(image, itk.sitkFloat32) / 7.0, "probabilities"),
        (lambda image: image - 2, "no labels"),
        (lambda image: itk.JoinSeries([image, image]), "three axes"),
    ],
)
def test_a_map_of_other_voxels_or_of_no_labels_is_refused(tmp_path, change, message):
    with pytest.raises(AnnotationFormatError, match=message):
        read_label_map(written(change(image_of(labels())), tmp_path / "map.nii.gz"), STACK)


def test_uneven_slices_have_no_label_map(tmp_path):
    headers = ct_headers()
    headers[0].ImagePositionPatient = [-181.7, -163.2, 9.0]
    with pytest.raises(RadCommonsError, match="evenly spaced"):
        read_label_map(written(image_of(labels()), tmp_path / "map.nii.gz"), source_stack(headers))


@pytest.mark.parametrize("cut", [0, 1, 100, 347, 352, 5000])
def test_a_broken_map_is_refused(tmp_path, cut):
    whole = written(image_of(labels()), tmp_path / "map.nii")
    for data in (whole[:cut], gzip.compress(whole[:cut]), gzip.compress(whole)[: min(cut, 1000)], b"\xff" * cut):
        with pytest.raises(AnnotationFormatError):
            read_label_map(data, STACK)
