"""Writing a draft as a file: pixel module, transfer syntax, file meta information, preamble; and what its bytes are."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRBigEndian, JPEGBaseline8Bit, RLELossless

from radcommons.apps.deid_benchmark.attribute_path import PIXELS
from radcommons.apps.deid_benchmark.generator.draft import Draft, Picture
from radcommons.apps.deid_benchmark.generator.slots.outside import file_path, plant_meta, preamble
from radcommons.apps.deid_benchmark.key import Action, Check, PlantedObject
from radcommons.apps.deid_benchmark.pictures import blocks_of, decoded

_JPEG_QUALITY = 92
# Pictures of real files in which devices write; what is written there nobody has put into the key.
_WRITTEN_ON = frozenset({"ES", "OT", "RF", "SC", "US", "XC"})
_RIGHT_CHARSET, _WRONG_CHARSET = b"ISO_IR 192", b"ISO_IR 100"


def write_draft(draft: Draft, folder: Path) -> PlantedObject:
    """Write the file below a folder and describe it for the key."""
    dataset = draft.dataset
    if draft.picture is not None and not draft.found_pixels:
        _describe_pixels(draft, draft.picture)
        _encode(draft, draft.picture)
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = UID(draft.sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(draft.sop_instance_uid)
    meta.TransferSyntaxUID = UID(draft.transfer_syntax_uid)
    plant_meta(draft, meta)
    dataset.file_meta = meta
    dataset.preamble = preamble(draft)
    name = file_path(draft)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    _declare_wrong_charset(draft, path)
    return _described(draft, path, name)


def _describe_pixels(draft: Draft, picture: Picture) -> None:
    dataset, samples = draft.dataset, picture.samples
    dataset.SamplesPerPixel = 3 if samples.ndim > 3 else 1  # noqa: PLR2004  a colour axis behind the columns
    if dataset.SamplesPerPixel > 1:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = picture.photometric
    dataset.Rows, dataset.Columns = samples.shape[1:3]
    if len(samples) > 1 or "FrameIncrementPointer" in dataset or "PerFrameFunctionalGroupsSequence" in dataset:
        dataset.NumberOfFrames = len(samples)
    allocated = 1 if picture.bits_stored == 1 else samples.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored = allocated, picture.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = picture.bits_stored - 1, 0


def _encode(draft: Draft, picture: Picture) -> None:
    dataset, samples, syntax = draft.dataset, picture.samples, UID(draft.transfer_syntax_uid)
    if picture.bits_stored == 1:
        raw = np.packbits(samples.ravel(), bitorder="little").tobytes()
    else:
        raw = (samples.byteswap() if syntax == ExplicitVRBigEndian else samples).tobytes()
    raw += b"\0" * (len(raw) & 1)
    if syntax == JPEGBaseline8Bit:
        _encode_jpeg(draft, samples)
        return
    dataset.add_new(0x7FE00010, "OW" if samples.itemsize > 1 or picture.bits_stored == 1 else "OB", raw)
    if syntax.is_compressed and syntax.is_encapsulated:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        plugin = "pydicom" if syntax == RLELossless else ""
        dataset.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)


def _encode_jpeg(draft: Draft, samples: NDArray[np.generic]) -> None:
    frames = []
    for frame in samples:
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=1)
        frames.append(stream.getvalue())
    if samples.ndim > 3:  # noqa: PLR2004  a colour axis behind the columns
        draft.dataset.PhotometricInterpretation = "YBR_FULL_422"
    draft.dataset.add_new(0x7FE00010, "OB", encapsulate(frames))
    draft.dataset["PixelData"].is_undefined_length = True


def _declare_wrong_charset(draft: Draft, path: Path) -> None:
    """One object of six in UTF-8 says that it is Latin-1: the same length, other letters."""
    content = path.read_bytes()
    if draft.number % 6 == 0 and content.count(_RIGHT_CHARSET) == 1:
        path.write_bytes(content.replace(_RIGHT_CHARSET, _WRONG_CHARSET))


def _described(draft: Draft, path: Path, name: str) -> PlantedObject:
    written = pydicom.dcmread(path)
    pixels = written.get("PixelData")
    frames = decoded(written) if pixels is not None else None
    checks = list(draft.checks)
    if pixels is not None:
        md5 = hashlib.md5(pixels, usedforsecurity=False).hexdigest()
        hidden = [line for line in draft.burned_in if line.place == "pixels" and line.kind != "marker"]
        checks += [Check(Action.PIXELS_HIDDEN, "burned-in", line.kind, PIXELS, line.text, line.text) for line in hidden]
        if not hidden and not (draft.found_pixels and draft.modality in _WRITTEN_ON):
            checks.append(Check(Action.PIXELS_RETAINED, "kept", "", PIXELS, "", md5))
    return PlantedObject(
        path=name,
        kind=draft.kind,
        patient=draft.person.ordinal,
        patient_id=draft.person.patient_id,
        modality=draft.modality,
        sop_class_uid=draft.sop_class_uid,
        transfer_syntax_uid=draft.transfer_syntax_uid,
        study_instance_uid=draft.study_instance_uid,
        series_instance_uid=draft.series_instance_uid,
        sop_instance_uid=draft.sop_instance_uid,
        instance_number=str(1000 + draft.number),
        shape=() if frames is None else frames.shape,
        pixels_md5="" if pixels is None else hashlib.md5(pixels, usedforsecurity=False).hexdigest(),
        pixel_blocks="" if frames is None else blocks_of(frames),
        may_be_refused=draft.may_be_refused,
        checks=checks,
        burned_in=list(draft.burned_in),
    )
