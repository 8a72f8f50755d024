"""Checks of ZIP archives of instances and of digests (PS3.18 8.6.1.3, RFC 9530)."""

import base64
import hashlib
import io
import zipfile
import zlib

from radcommons.client.conformance.answers import LARGEST_ANSWER_BYTES, OK, Answer, first_of, read_dataset
from radcommons.client.conformance.checks import CheckFailedError, check, expect, need
from radcommons.client.conformance.sample import INSTANCE, Sample

_ZIP = "application/zip"
_DICOM = "application/dicom"
_REFUSED = 406


def unpacked(answer: Answer) -> dict[str, bytes]:
    """The files of an archive that was given; skipped where it was refused."""
    expect(answer.status in {OK, _REFUSED}, f"status {answer.status}")
    need(answer.status == OK, "ZIP archives are not given")
    expect(answer.media_type == _ZIP, f"expected {_ZIP}, got {answer.media_type}")
    try:
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            size = sum(each.file_size for each in archive.infolist())
            expect(size <= LARGEST_ANSWER_BYTES, "the archive unpacks to more than 512 MiB")
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise CheckFailedError("the archive cannot be unpacked") from error


def _of_series(sample: Sample) -> dict[str, bytes]:
    return unpacked(sample.server.ask(sample.place.series_path, accept=_ZIP))


def _instances(files: dict[str, bytes]) -> list[bytes]:
    return [content for name, content in files.items() if name.lower().endswith(".dcm")]


@check("zip.given", "8.6.1.3", "A series is given as a ZIP archive when asked for", is_optional=True)
def _(sample: Sample) -> None:
    sample.server.ask(sample.place.series_path, accept=_ZIP).must_be(OK, _ZIP)


@check("zip.series", "8.6.1.3", "The archive of a series holds each of its instances once")
def _(sample: Sample) -> None:
    held = sorted(str(read_dataset(content).SOPInstanceUID) for content in _instances(_of_series(sample)))
    expect(held == sorted(str(first_of(each, INSTANCE)) for each in sample.metadata), "others, more or fewer")


@check("zip.study", "8.6.1.3", "The archive of a study holds all its instances")
def _(sample: Sample) -> None:
    files = unpacked(sample.server.ask(sample.place.study_path, accept=_ZIP))
    wanted = int(first_of(sample.place.study, "00201208") or len(_instances(files)))
    expect(len(_instances(files)) == wanted, f"{len(_instances(files))} files")


@check("zip.names", "8.6.1.3.1", "Instances in an archive are called by names that end in .dcm, and lead nowhere else")
def _(sample: Sample) -> None:
    files = _of_series(sample)
    expect(len(_instances(files)) == len(sample.metadata), "names without .dcm")
    expect(not any(name.startswith("/") or ".." in name.split("/") for name in files), "a name leaves the folder")


@check("zip.length", "RFC 9110 8.6", "An archive is as long as its Content-Length says")
def _(sample: Sample) -> None:
    answer = sample.server.ask(sample.place.series_path, accept=_ZIP)
    need(answer.status == OK and "content-length" in answer.headers, "no archive, or one of unknown length")
    expect(int(answer.headers["content-length"]) == len(answer.body), "another length")


@check("zip.no-such-series", "10.4.3.1", "The archive of what does not exist is refused")
def _(sample: Sample) -> None:
    answer = sample.server.ask(f"{sample.place.study_path}/series/2.25.1234567890", accept=_ZIP)
    expect(answer.status in {404, 410, _REFUSED}, f"status {answer.status}")


@check("digest.given", "RFC 9530 3", "A file comes with its digest", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask(sample.image.path, accept=f"{_DICOM}; transfer-syntax=*")
    need(answer.status == OK, "a single file is not given")
    expect("repr-digest" in answer.headers, "no Repr-Digest")


@check("digest.right", "RFC 9530 3", "A digest that comes with a file is that of its bytes")
def _(sample: Sample) -> None:
    answer = sample.server.ask(sample.image.path, accept=f"{_DICOM}; transfer-syntax=*")
    said = str(answer.headers.get("repr-digest", ""))
    need(answer.status == OK and "sha-256=:" in said, "no SHA-256 is given")
    found = base64.b64encode(hashlib.sha256(answer.body).digest()).decode()
    expect(f"sha-256=:{found}:" in said, "another digest")
