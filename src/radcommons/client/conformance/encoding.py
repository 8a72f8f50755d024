"""Checks of other transfer syntaxes than the stored one, for instances and for frames (PS3.18 8.7.3)."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from radcommons.client.conformance.answers import OK, Answer, read_dataset
from radcommons.client.conformance.checks import CheckFailedError, check, expect, need
from radcommons.client.conformance.sample import NATIVE_SYNTAXES, Sample

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
JPEG_LS, JPEG_2000, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"
HTJ2K = "1.2.840.10008.1.2.4.201"
_NO_SYNTAX = "1.2.840.10008.1.2.4.9999"
_REFUSED = 406


def _instance(sample: Sample, syntax: str) -> Answer:
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
    return sample.server.ask(sample.image.path, accept=accept)


def _frame(sample: Sample, media_type: str, syntax: str) -> Answer:
    accept = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    return sample.server.ask(f"{sample.image.path}/frames/1", accept=accept)


def _pixels(dataset: Dataset) -> NDArray[np.generic]:
    try:
        return dataset.pixel_array
    except (AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CheckFailedError("the pixels cannot be decoded") from error


def _check_instance(sample: Sample, syntax: str) -> None:
    """Either refused, or the same pixels and identifiers in the transfer syntax asked for."""
    answer = _instance(sample, syntax)
    expect(answer.status in {OK, _REFUSED}, f"status {answer.status}")
    if answer.status == _REFUSED:
        return
    (part,) = answer.parts
    dataset = read_dataset(part.body)
    expect(dataset.file_meta.TransferSyntaxUID == syntax, f"a file in {dataset.file_meta.TransferSyntaxUID}")
    expect(syntax in part.headers.get("content-type", ""), "the part does not name its transfer syntax")
    expect(dataset.SOPInstanceUID == sample.stored.SOPInstanceUID, "another SOP Instance UID")
    expect(np.array_equal(_pixels(dataset), _pixels(sample.stored)), "other pixels")


def _check_frame(sample: Sample, media_type: str, syntax: str) -> None:
    answer = _frame(sample, media_type, syntax)
    expect(answer.status in {OK, _REFUSED}, f"status {answer.status}")
    if answer.status == _REFUSED:
        return
    (part,) = answer.parts
    expect(part.headers.get("content-type", "").startswith(media_type), "a part of another type")
    expect(_same_first_frame(sample.stored, part.body, syntax), "other pixels")


def _same_first_frame(stored: Dataset, encoded: bytes, syntax: str) -> bool:
    pixels = _pixels(stored)
    is_multiframe = int(stored.get("NumberOfFrames") or 1) > 1
    first = pixels[0] if is_multiframe else pixels
    frame = dcmread(io.BytesIO(_file_of(stored)))
    frame.file_meta.TransferSyntaxUID = UID(syntax)
    frame.PixelData = encapsulate([encoded])
    frame["PixelData"].VR, frame["PixelData"].is_undefined_length = "OB", True
    if is_multiframe:
        frame.NumberOfFrames = 1
    return bool(np.array_equal(_pixels(frame), first))


def _file_of(dataset: Dataset) -> bytes:
    sink = io.BytesIO()
    dataset.save_as(sink, enforce_file_format=True)
    return sink.getvalue()


@check("encoding.explicit", "8.7.3.5.2", "An instance in Explicit VR Little Endian has the same pixels, or 406")
def _(sample: Sample) -> None:
    _check_instance(sample, EXPLICIT)


@check("encoding.implicit", "8.7.3.5", "An instance in Implicit VR Little Endian has the same pixels, or 406")
def _(sample: Sample) -> None:
    _check_instance(sample, IMPLICIT)


@check("encoding.jpeg-ls", "8.7.3.5", "An instance in JPEG-LS has the same pixels, or is refused with 406")
def _(sample: Sample) -> None:
    _check_instance(sample, JPEG_LS)


@check("encoding.jpeg-2000", "8.7.3.5", "An instance in JPEG 2000 lossless has the same pixels, or is refused with 406")
def _(sample: Sample) -> None:
    _check_instance(sample, JPEG_2000)


@check("encoding.rle", "8.7.3.5", "An instance in RLE has the same pixels, or is refused with 406")
def _(sample: Sample) -> None:
    _check_instance(sample, RLE)


@check("encoding.htj2k", "8.7.3.5", "An instance in HTJ2K lossless has the same pixels, or is refused with 406")
def _(sample: Sample) -> None:
    _check_instance(sample, HTJ2K)


@check("encoding.given", "8.7.3.5", "At least one lossless compression is given when asked for", is_optional=True)
def _(sample: Sample) -> None:
    expect(any(_instance(sample, syntax).status == OK for syntax in (JPEG_LS, JPEG_2000, RLE)), "none is given")


@check("encoding.unknown", "8.7.5", "A transfer syntax that does not exist is refused with 406")
def _(sample: Sample) -> None:
    _instance(sample, _NO_SYNTAX).must_be(_REFUSED)


@check("encoding.first-possible", "8.7.5", "Of several wishes the first that can be met is met")
def _(sample: Sample) -> None:
    wishes: Sequence[str] = (
        f'multipart/related; type="application/dicom"; transfer-syntax={_NO_SYNTAX}',
        'multipart/related; type="application/dicom"; transfer-syntax=*; q=0.5',
    )
    sample.server.ask(sample.image.path, accept=", ".join(wishes)).must_be(OK, "multipart/related")


@check("encoding.frame-jpeg-ls", "8.7.3.3.2", "A frame in JPEG-LS decodes to the stored pixels, or 406")
def _(sample: Sample) -> None:
    need(sample.stored.file_meta.TransferSyntaxUID in NATIVE_SYNTAXES, "the image is compressed")
    _check_frame(sample, "image/jls", JPEG_LS)


@check("encoding.frame-jpeg-2000", "8.7.3.3.2", "A frame in JPEG 2000 lossless decodes to the stored pixels, or 406")
def _(sample: Sample) -> None:
    need(sample.stored.file_meta.TransferSyntaxUID in NATIVE_SYNTAXES, "the image is compressed")
    _check_frame(sample, "image/jp2", JPEG_2000)


@check("encoding.frame-rle", "8.7.3.3.2", "A frame in RLE decodes to the stored pixels, or is refused with 406")
def _(sample: Sample) -> None:
    need(sample.stored.file_meta.TransferSyntaxUID in NATIVE_SYNTAXES, "the image is compressed")
    _check_frame(sample, "image/dicom-rle", RLE)


@check("encoding.frame-htj2k", "8.7.3.3.2", "A frame in HTJ2K lossless decodes to the stored pixels, or 406")
def _(sample: Sample) -> None:
    need(sample.stored.file_meta.TransferSyntaxUID in NATIVE_SYNTAXES, "the image is compressed")
    _check_frame(sample, "image/jphc", HTJ2K)


@check("encoding.frame-unknown", "8.7.5", "A frame in a transfer syntax that does not exist is refused with 406")
def _(sample: Sample) -> None:
    _frame(sample, "application/octet-stream", _NO_SYNTAX).must_be(_REFUSED)
