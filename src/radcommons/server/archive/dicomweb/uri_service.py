"""The URI service (WADO-URI, PS3.18 9): one instance named by parameters, answered by the handlers of the paths. Pure."""

import re
from collections.abc import Mapping

from starlette.datastructures import QueryParams

from radcommons.server.archive.dicomweb.address import Address, Resource
from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.errors import QueryInvalidError

_UID = re.compile(r"[0-9.]{1,64}")
_FRAME = re.compile(r"[1-9]\d{0,8}")
_DICOM = "application/dicom"
_PICTURES = "image/jpeg"


def uri_request(path: str, parameters: Mapping[str, str]) -> tuple[Address, QueryParams] | None:
    """A request of the URI service as the same request by path; None when it is none.

    Parameters
    ----------
    path
        What stands below the mount point: the scope, nothing else.

    Raises
    ------
    QueryInvalidError
        When a required parameter is missing or malformed.
    """
    if parameters.get("requestType", "").upper() != "WADO":
        return None
    uids = [_uid(parameters, name) for name in ("studyUID", "seriesUID", "objectUID")]
    wanted = parameters.get("contentType", _PICTURES)
    is_file = wanted.strip().lower().startswith(_DICOM)
    frame = parameters.get("frameNumber")
    if frame is not None and not _FRAME.fullmatch(frame):
        raise QueryInvalidError("frameNumber must be a whole number from 1.")
    address = Address(
        scope=path.strip("/"),
        resource=Resource.RETRIEVE if is_file else Resource.RENDERED,
        level=Level.INSTANCE,
        study_instance_uid=uids[0],
        series_instance_uid=uids[1],
        sop_instance_uid=uids[2],
        frame_numbers=() if frame is None or is_file else (int(frame),),
    )
    return address, QueryParams([("accept", _accept(wanted, parameters)), *([] if is_file else _rendered(parameters))])


def _uid(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name, "")
    if not _UID.fullmatch(value):
        raise QueryInvalidError(f"The URI service needs the parameter {name}, a UID (PS3.18 9.1.2).")
    return value


def _accept(wanted: str, parameters: Mapping[str, str]) -> str:
    if wanted.strip().lower() != _DICOM:
        return wanted
    # Nobody who names no transfer syntax should get other bytes than those whose digest was published.
    return f"{_DICOM}; transfer-syntax={parameters.get('transferSyntax', '*')}"


def _rendered(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """The parameters of pictures by their names in the other service (PS3.18 9.5.1)."""
    found = []
    if {"windowCenter", "windowWidth"} <= parameters.keys():
        found.append(("window", f"{parameters['windowCenter']},{parameters['windowWidth']},linear"))
    if {"rows", "columns"} & parameters.keys():
        either = parameters.get("rows") or parameters.get("columns", "")
        found.append(("viewport", f"{parameters.get('columns', either)},{parameters.get('rows', either)}"))
    if "annotation" in parameters:
        found.append(("annotation", parameters["annotation"]))
    if "imageQuality" in parameters:
        found.append(("quality", parameters["imageQuality"]))
    return found
