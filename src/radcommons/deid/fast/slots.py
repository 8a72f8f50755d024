"""The elements in which the files of a series differ: what becomes of other values there than the known one."""

import re
from dataclasses import dataclass

from radcommons.deid.direct import STAYING, UID_FORM, Direct
from radcommons.deid.fast.context import Context
from radcommons.deid.fast.layout import META_END, is_long_form
from radcommons.deid.fast.memories import NOTHING, Decision, Notes
from radcommons.deid.identifiers import IDENTIFYING_TAGS
from radcommons.dicom.elements import vr_of_tag

SOP_INSTANCE_UID = 0x00080018
IDENTITY_TAGS = frozenset({0x00080016, SOP_INSTANCE_UID, 0x0020000D, 0x0020000E})
# Nothing that names anybody is written in them, unless the attribute is itself an identifier.
_WORDLESS_VRS = frozenset({*STAYING, "OB", "OB or OW", "UI"})


@dataclass(frozen=True, slots=True)
class Slot:
    """One element that differs from file to file.

    Parameters
    ----------
    tag, creator
        Which it is, and the owner of its private block.
    decision
        What was decided in the known file.
    length_at, value_at
        Where in its raw bytes its length and its value begin.
    staying
        What plain values match that stay as they are and identify nobody; ``None`` where there are none.
    direct
        What becomes of other plain values; the same is to be said of them as of the known one.
    may_identify
        Whether it may hold an identifier that the context does not know.
    """

    tag: int
    creator: str
    decision: Decision
    length_at: int
    value_at: int
    staying: re.Pattern[bytes] | None
    direct: Direct | None
    may_identify: bool

    def decided(self, raw: bytes, context: Context) -> tuple[bytes, Notes] | None:
        """What becomes of another element here, and what is to be said; ``None`` when its file must be walked."""
        if self.may_identify and not _is_known(self.tag, raw, context):
            return None
        direct = self.direct
        if direct is not None and direct.is_removed:
            return b"", self.decision.notes
        if direct is not None and direct.new_uid is not None and direct.form.fullmatch(raw, self.value_at):
            new = direct.new_uid(raw[self.value_at :].rstrip(b"\0").decode("ascii"))
            if new is not None:
                return raw[: self.length_at] + self.measured(new), self.decision.notes
        if self.tag in IDENTITY_TAGS and not UID_FORM.fullmatch(raw, self.value_at):
            return None
        decision = context.decide(self.tag, raw, self.creator)
        return (decision.raw, decision.notes) if bool(decision.raw) is bool(self.decision.raw) else None

    def measured(self, uid: str) -> bytes:
        """The length of a UID as the encoding lays it out, and the UID."""
        value = uid.encode("ascii")
        value += b"\0" * (len(value) & 1)
        return len(value).to_bytes(self.value_at - self.length_at, "little") + value


def slot_of(tag: int, raw: bytes, creator: str, *, decision: Decision, context: Context) -> Slot:
    """The slot of an element of a known file and what was decided about it."""
    is_without_vr = context.encoding.is_implicit and tag >= META_END
    vr = vr_of_tag(tag) if is_without_vr else raw[4:6].decode("ascii")
    is_long = not is_without_vr and is_long_form(raw)
    direct = context.direct(tag, vr, creator) if tag >= META_END else None
    if direct is not None and not direct.is_removed:
        # What was decided for this very element must be what would be said directly.
        is_unchanged = decision.raw == raw and decision.notes is NOTHING
        direct = direct if is_unchanged is (direct.new_uid is None) else None
    may_identify = tag >= META_END and (vr not in _WORDLESS_VRS or tag in IDENTIFYING_TAGS)
    is_staying = direct is not None and not direct.is_removed and direct.new_uid is None and not may_identify
    return Slot(
        tag,
        creator,
        decision,
        4 if is_without_vr else 8 if is_long else 6,
        12 if is_long else 8,
        direct.form if direct is not None and is_staying else None,
        direct,
        may_identify=may_identify,
    )


def _is_known(tag: int, raw: bytes, context: Context) -> bool:
    found = context.harvest.of(tag, raw)
    return found - {context.job.patient.subject_id} <= context.identifiers
