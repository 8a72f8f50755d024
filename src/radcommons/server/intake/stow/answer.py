"""The Store Instances Response, as JSON or XML (PS3.18 10.5.3 and I.2). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus
from xml.sax.saxutils import escape, quoteattr

import orjson
from pydicom.datadict import keyword_for_tag

Attribute = dict[str, object]
DataSet = dict[str, Attribute]

DICOM_JSON, JSON, DICOM_XML = "application/dicom+json", "application/json", "application/dicom+xml"
_HEXADECIMAL = 16


class FailureReason(IntEnum):
    """Why an instance was not stored (PS3.18 I.2.2); those of C3xx are this server's own and stand in CONFORMANCE."""

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NOT_AUTHORISED = 0x0124
    DOES_NOT_MATCH = 0xA900
    NOT_THIS_STUDY = 0xA901
    CANNOT_UNDERSTAND = 0xC000
    TRANSFER_SYNTAX = 0xC122
    NOT_DEIDENTIFIED = 0xC300
    WAITS_FOR_PERSON = 0xC301
    DISCARDED = 0xC302


# The data set did not match the constraints of its SOP class (PS3.18 Table I.2-3).
WARNING_DOES_NOT_MATCH = 0xB007


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one part.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid, study_instance_uid, series_instance_uid
        Empty when they could not be read.
    failure
        None when the instance is in the archive.
    has_warning
        Whether something about a stored instance was odd.
    """

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    failure: FailureReason | None = None
    has_warning: bool = False

    @property
    def path(self) -> str:
        """The instance's address below a root."""
        return f"studies/{self.study_instance_uid}/series/{self.series_instance_uid}/instances/{self.sop_instance_uid}"


def status_of(answers: Sequence[Answered]) -> HTTPStatus:
    """200 when all were stored, 202 when some were or something was odd, 409 when none was (PS3.18 Table 10.5.3-1)."""
    failed = sum(answer.failure is not None for answer in answers)
    if failed == len(answers):
        return HTTPStatus.CONFLICT
    return HTTPStatus.ACCEPTED if failed or any(answer.has_warning for answer in answers) else HTTPStatus.OK


def response(answers: Sequence[Answered], root: str) -> DataSet:
    """The response module in the DICOM JSON model.

    Parameters
    ----------
    root
        The absolute address below which stored instances are found, without a final slash.
    """
    stored = [answer for answer in answers if answer.failure is None]
    failed = [answer for answer in answers if answer.failure is not None and answer.sop_instance_uid]
    others = [answer for answer in answers if answer.failure is not None and not answer.sop_instance_uid]
    found: DataSet = {}
    studies = {answer.study_instance_uid for answer in stored}
    if len(studies) == 1:
        found["00081190"] = _one("UR", f"{root}/studies/{studies.pop()}")
    if failed:
        found["00081198"] = _sequence(_failed(answer) for answer in failed)
    if stored:
        found["00081199"] = _sequence(_stored(answer, root) for answer in stored)
    if others:
        found["0008119A"] = _sequence({"00081197": _one("US", int(answer.failure or 0))} for answer in others)
    return found


def _stored(answer: Answered, root: str) -> DataSet:
    item = _reference(answer) | {"00081190": _one("UR", f"{root}/{answer.path}")}
    if answer.has_warning:
        item["00081196"] = _one("US", WARNING_DOES_NOT_MATCH)
    return item


def _failed(answer: Answered) -> DataSet:
    return _reference(answer) | {"00081197": _one("US", int(answer.failure or 0))}


def _reference(answer: Answered) -> DataSet:
    return {"00081150": _one("UI", answer.sop_class_uid), "00081155": _one("UI", answer.sop_instance_uid)}


def _one(vr: str, value: str | int) -> Attribute:
    return {"vr": vr, "Value": [value]} if value != "" else {"vr": vr}


def _sequence(items: Iterable[DataSet]) -> Attribute:
    return {"vr": "SQ", "Value": [dict(sorted(item.items())) for item in items]}


def as_json(found: Mapping[str, Attribute]) -> bytes:
    """The response as DICOM JSON."""
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)


def as_xml(found: Mapping[str, Attribute]) -> bytes:
    """The response in the Native DICOM Model (PS3.19 A.1)."""
    body = _xml_attributes(found)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel>{body}</NativeDicomModel>'.encode()


def _xml_attributes(found: Mapping[str, Attribute]) -> str:
    return "".join(_xml_attribute(tag, found[tag]) for tag in sorted(found))


def _xml_attribute(tag: str, attribute: Attribute) -> str:
    values = attribute.get("Value")
    inner = "".join(
        f'<Item number="{number}">{_xml_attributes(value)}</Item>'
        if isinstance(value, Mapping)
        else f'<Value number="{number}">{escape(str(value))}</Value>'
        for number, value in enumerate(values if isinstance(values, list) else [], start=1)
    )
    keyword = quoteattr(keyword_for_tag(int(tag, _HEXADECIMAL)))
    return f'<DicomAttribute tag="{tag}" vr="{attribute["vr"]}" keyword={keyword}>{inner}</DicomAttribute>'
