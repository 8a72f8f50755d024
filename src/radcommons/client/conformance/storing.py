"""Checks of storing (STOW-RS, PS3.18 10.5). They write: made only when files for it are given."""

import io
import secrets
from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset, dcmread

from radcommons.client.conformance.answers import DICOM_JSON, Answer, values_of
from radcommons.client.conformance.checks import check, expect, need
from radcommons.client.conformance.sample import Sample

_FAILED, _REFERENCED = "00081198", "00081199"
_NO_UID = "2.25.1234567890"


def _files(sample: Sample) -> tuple[Path, ...]:
    need(sample.files, "no files were given to be stored (--store)")
    return sample.files


def message(bodies: Sequence[bytes], boundary: str, part_type: str = "application/dicom") -> bytes:
    """A multipart message of some files."""
    head = f"--{boundary}\r\nContent-Type: {part_type}\r\n\r\n".encode()
    return b"".join(head + body + b"\r\n" for body in bodies) + f"--{boundary}--\r\n".encode()


def store(sample: Sample, bodies: Sequence[bytes], path: str = "studies", accept: str = DICOM_JSON) -> Answer:
    """Send files."""
    boundary = secrets.token_hex(12)
    headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'}
    return sample.server.ask(path, method="POST", accept=accept, headers=headers, content=message(bodies, boundary))


def _body(dataset: Dataset) -> bytes:
    sink = io.BytesIO()
    dataset.save_as(sink, enforce_file_format=True)
    return sink.getvalue()


def _response(answer: Answer) -> dict[str, object]:
    found = answer.array if answer.body.lstrip().startswith(b"[") else None
    if found is None:
        return dict(_object(answer))
    expect(len(found) == 1, "the response is no single object")
    return found[0]


def _object(answer: Answer) -> dict[str, object]:
    wrapped = Answer(answer.status, answer.headers, b"[" + answer.body + b"]")
    return wrapped.array[0]


@check("store.one", "10.5.3", "An instance is stored, and the answer says where it is")
def _(sample: Sample) -> None:
    answer = store(sample, [_files(sample)[0].read_bytes()])
    expect(answer.status in {200, 202}, f"status {answer.status}")
    references = values_of(_response(answer), _REFERENCED)
    expect(references and values_of(references[0], "00081155"), "no ReferencedSOPSequence with the instance")


@check("store.again", "10.5.3", "The same instance again is no failure")
def _(sample: Sample) -> None:
    body = _files(sample)[0].read_bytes()
    store(sample, [body])
    answer = store(sample, [body])
    expect(answer.status in {200, 202}, f"status {answer.status}")


@check("store.partly", "10.5.3", "One good and one bad part answer 202 and name both")
def _(sample: Sample) -> None:
    answer = store(sample, [_files(sample)[0].read_bytes(), b"this is no DICOM file"])
    answer.must_be(202)
    response = _response(answer)
    expect(values_of(response, _REFERENCED), "the good part is not named")


@check("store.all-bad", "10.5.3", "Only bad parts answer 409 (or 400)")
def _(sample: Sample) -> None:
    _files(sample)
    expect(store(sample, [b"this is no DICOM file"]).status in {400, 409}, "accepted")


@check("store.other-study", "10.5.1", "An instance of another study than the address names is refused with a reason")
def _(sample: Sample) -> None:
    answer = store(sample, [_files(sample)[0].read_bytes()], path=f"studies/{_NO_UID}")
    answer.must_be(409)
    failed = values_of(_response(answer), _FAILED)
    expect(failed and values_of(failed[0], "00081197"), "no FailedSOPSequence with a FailureReason")


@check("store.conflict", "10.5.3", "Other bytes under a known SOP Instance UID do not replace what is stored")
def _(sample: Sample) -> None:
    body = _files(sample)[0].read_bytes()
    store(sample, [body])
    changed = dcmread(io.BytesIO(body))
    changed.SeriesDescription = "CHECKED TWICE"
    answer = store(sample, [_body(changed)])
    expect(answer.status in {200, 202, 409}, f"status {answer.status}")


@check("store.media-type", "8.7.5", "A body that is no message of DICOM files is refused with 415 (or 400)")
def _(sample: Sample) -> None:
    _files(sample)
    answer = sample.server.ask("studies", method="POST", headers={"Content-Type": "text/plain"}, content=b"hello")
    expect(answer.status in {400, 415}, f"status {answer.status}")


@check("store.empty", "10.5.1", "An empty body is refused")
def _(sample: Sample) -> None:
    _files(sample)
    expect(store(sample, []).status in {400, 409, 204}, "accepted")


@check("store.accept-refused", "8.7.5", "An answer in a form that cannot be given is refused with 406")
def _(sample: Sample) -> None:
    store(sample, [_files(sample)[0].read_bytes()], accept="image/png").must_be(406)
