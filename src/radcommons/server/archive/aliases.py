"""Other identifiers for the same images, one set for each who may look, so that nobody finds or recognises a study by them."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

# What the standard itself names: classes, transfer syntaxes, well-known frames of reference (PS3.6 Annex A).
_STANDARD: Final = "1.2.840.10008."
_CLASSES: Final = frozenset({"00080016", "0008001A", "0008001B", "00081150", "00083002"})
_ADDRESS = re.compile(r"(?<=/)(studies|series|instances)/([0-9.]{1,64})")
# Well-formed and held by nothing.
NOBODY: Final = "2.25.0"


class Aliases:
    """A keyed mapping of identifiers that can be taken back for the images it was made for, and by nobody without them.

    Parameters
    ----------
    key
        The secret of this one view; another view of the same images has another key.
    held
        Study, Series and SOP Instance UIDs that may be asked for.
    """

    __slots__ = ("_alias", "_key", "_real")

    def __init__(self, key: bytes, held: Iterable[str]) -> None:
        self._key = key
        self._alias = {uid: self._made(uid) for uid in set(held)}
        self._real = {alias: uid for uid, alias in self._alias.items()}

    def _made(self, uid: str) -> str:
        """A UID of PS3.5 B.2: ``2.25.`` and 128 bits, here of an HMAC-SHA-256 over the identifier."""
        return f"2.25.{int.from_bytes(hmac.digest(self._key, uid.encode(), hashlib.sha256)[:16], 'big')}"

    def alias(self, uid: str) -> str:
        """What stands for an identifier in this view; what the standard names stays."""
        if not uid or uid.startswith(_STANDARD):
            return uid
        return self._alias.get(uid) or self._made(uid)

    def real(self, alias: str) -> str:
        """The identifier behind an alias; :data:`NOBODY` for everything else, the real identifiers among it."""
        return self._real.get(alias, NOBODY)

    def token(self, digest: str) -> str:
        """What stands for a digest in this view: the digest itself would let somebody try which content has it."""
        return hmac.digest(self._key, f"digest {digest}".encode(), hashlib.sha256).hex()

    def of_element(self, tag: str, element: Mapping[str, Any]) -> Mapping[str, Any]:
        """An attribute of DICOM JSON (PS3.18 F.2) with its identifiers and addresses replaced; not into sequences."""
        if "BulkDataURI" in element:
            return {**element, "BulkDataURI": self._address(element["BulkDataURI"])}
        vr = element.get("vr")
        if vr not in {"UI", "UR"} or tag in _CLASSES or "Value" not in element:
            return element
        change = self.alias if vr == "UI" else self._address
        return {**element, "Value": [change(value) for value in element["Value"]]}

    def _address(self, address: str) -> str:
        return _ADDRESS.sub(lambda match: f"{match[1]}/{self.alias(match[2])}", address)
