"""One request and its answers: what every handler is given, and the answers all of them share."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.datastructures import QueryParams

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.archive.conditional import is_unchanged
from radcommons.server.archive.dicomweb.accept import MediaRange, choose_attributes_type, parse_accept
from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.dicomweb.holdings import Holdings
from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.problems import status_of

# PS3.18 names its own numbers for these (8.5.1, 8.7.5); everything else follows the table of the house.
_STATUS = {
    "archive.not-acceptable": 406,
    "archive.not-renderable": 406,
    "archive.range-invalid": 416,
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as a handler sees it.

    Parameters
    ----------
    scope
        What the actor may see here; already decided.
    holdings
        How its instances are reached.
    root
        The absolute address of the scope, without a final slash.
    headers
        By their names in lower case; lines of one name joined.
    """

    address: Address
    scope: Scope
    holdings: Holdings
    root: str
    query: QueryParams
    headers: Mapping[str, str]

    @property
    def accepted(self) -> tuple[MediaRange, ...]:
        """What the client accepts: the ``accept`` parameter (PS3.18 8.3.3.1) or the header."""
        lines = self.query.getlist("accept") or [self.headers.get("accept", "")]
        # In a query a plus sign means a space, and clients do not always encode it.
        return parse_accept(",".join(lines).replace("dicom json", "dicom+json") or None)

    @property
    def accepts_gzip(self) -> bool:
        """Whether the answer may be compressed."""
        return "gzip" in self.headers.get("accept-encoding", "").lower()

    @property
    def instance_url(self) -> str:
        """The absolute address of the instance the request names."""
        address = self.address
        return (
            f"{self.root}/studies/{address.study_instance_uid}/series/{address.series_instance_uid}"
            f"/instances/{address.sop_instance_uid}"
        )

    def cache_headers(self, etag: str) -> dict[str, str]:
        """What a client may keep: open released things for a day, restricted ones never, all else after asking again."""
        keep = "private, max-age=86400, immutable" if self.scope.is_immutable else "private, no-cache"
        if self.scope.is_restricted:
            keep = "private, no-store"
        return {
            "ETag": self._own(etag),
            "Cache-Control": keep,
            "Vary": "Accept, Accept-Encoding, Authorization, Cookie",
        }

    def unchanged(self, etag: str) -> Answer | None:
        """The answer 304 when the client holds this representation already."""
        if not is_unchanged(self.headers.get("if-none-match"), self._own(etag)):
            return None
        return Answer(status_code=304, headers=self.cache_headers(etag))

    def _own(self, etag: str) -> str:
        """Under a veil a tag of this root alone: the digest of a file would tell that two roots show the same one."""
        if self.scope.veil is None:
            return etag
        return f'W/"{hashlib.sha256(f"{self.scope.name} {etag}".encode()).hexdigest()[:32]}"'

    def attributes_type(self) -> str:
        """The media type in which attributes are sent: of DICOM JSON, or ``application/dicom+xml`` in parts.

        Raises
        ------
        NotAcceptableError
            When the client accepts neither.
        """
        return choose_attributes_type(self.accepted)


def problem(error: RadCommonsError) -> Answer:
    """An error as DICOMweb tells it. What is forbidden looks like what does not exist."""
    if error.kind is Kind.FORBIDDEN:
        error = NotFoundError()
    status = _STATUS.get(error.code, 400 if error.kind is Kind.INVALID else status_of(error))
    headers = {"Cache-Control": "no-store"}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    if "size_bytes" in error.facts and status == 416:  # noqa: PLR2004
        headers["Content-Range"] = f"bytes */{error.facts['size_bytes']}"
    return Answer(orjson.dumps(error.to_json()), status_code=status, media_type="application/json", headers=headers)
