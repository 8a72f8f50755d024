"""Private attributes: those the standard calls safe, those known to be unsafe, and those of nobody known."""

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radcommons.apps.deid_benchmark.generator.draft import Draft, Spot
from radcommons.apps.deid_benchmark.generator.slots.texts import words


@dataclass(frozen=True, slots=True)
class PrivateSlot:
    """One private attribute.

    Parameters
    ----------
    value
        A number that is kept, or a sentence with names of :func:`texts.words`.
    secrets
        Names in the sentence, with their kinds; empty for what identifies nobody.
    slot
        ``private-safe`` must stay, ``private-harmless`` may do what it likes, all others must go.
    """

    group: int
    creator: str
    element: int
    vr: str
    value: str
    secrets: tuple[tuple[str, str], ...]
    slot: str


_NAME = (("family", "name"), ("given", "name"))
_ID = (("mrn", "patient_id"),)
# Safe ones as Table E.3.10-1 lists them; unsafe ones as the vendors' conformance statements do.
SLOTS = (
    PrivateSlot(0x7053, "Philips PET Private Group", 0x00, "DS", "1.2345", (), "private-safe"),
    PrivateSlot(0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "1000", (), "private-safe"),
    PrivateSlot(0x2001, "Philips Imaging DD 001", 0x03, "FL", "700.0", (), "private-safe"),
    PrivateSlot(0x7053, "Philips PET Private Group", 0x09, "LO", "scale of {family}", _NAME[:1], "private-false-safe"),
    PrivateSlot(0x0029, "SIEMENS CSA HEADER", 0x10, "OB", "SV10 tPatientName {family}^{given} {mrn}", (*_NAME, *_ID), "private-binary"),
    PrivateSlot(0x0009, "GEMS_IDEN_01", 0x02, "SH", "{mrn}", _ID, "private-unsafe"),
    PrivateSlot(0x0009, "GEMS_IDEN_01", 0x30, "PN", "{family}^{given}", _NAME, "private-unsafe"),
    PrivateSlot(0x0011, "ACME BENCH 1.1", 0x01, "LO", "{family}, {given}", _NAME, "private-unknown"),
    PrivateSlot(0x0011, "ACME BENCH 1.1", 0x02, "UN", "id={mrn};name={family}", (*_NAME[:1], *_ID), "private-binary"),
    PrivateSlot(0x0011, "ACME BENCH 1.1", 0x03, "LT", "Notes for {family}: call {phone}", (*_NAME[:1], ("phone", "phone")), "private-unknown"),
    PrivateSlot(0x0011, "ACME BENCH 1.1", 0x04, "LO", "mode fast", (), "private-harmless"),
    PrivateSlot(0x0013, "ACME TRACE", 0x10, "ST", "acquired {day_dash} for {accession}", (("accession", "accession"),), "private-unknown"),
)  # fmt: skip


def plant_private(draft: Draft) -> None:
    """Plant a third of the private attributes, by turns, and a private sequence with a name deep inside."""
    for index, slot in enumerate(SLOTS):
        if (index + draft.number) % 3 != 0:
            plant_private_slot(draft, draft.top, slot)
    _private_sequence(draft)


def plant_private_slot(draft: Draft, spot: Spot, slot: PrivateSlot) -> None:
    """Plant one private attribute in a block of its creator."""
    known = words(draft)
    text = slot.value.format(**known)
    value: object = text
    if slot.vr in {"OB", "UN"}:
        raw = b"\0\1" + text.encode("utf-8")
        value = raw + b"\0" * (len(raw) & 1)
    elif slot.vr == "FL":
        value = float(text)
    block = spot.dataset.private_block(slot.group, slot.creator, create=True)
    block.add_new(slot.element, slot.vr, value)
    path = f'{spot.prefix}({slot.group:04x},"{slot.creator}",{slot.element:02x})'
    if slot.slot == "private-safe":
        draft.must_stay(path, text, slot=slot.slot)
    draft.must_go(path, text, [(known[name], kind) for name, kind in slot.secrets], slot=slot.slot)


def _private_sequence(draft: Draft) -> None:
    creator, item = "ACME BENCH SQ", Dataset()
    block = draft.dataset.private_block(0x0015, creator, create=True)
    block.add_new(0x20, "SQ", Sequence([item]))
    block[0x20].is_undefined_length = draft.is_implicit
    spot = Spot(item, f'(0015,"{creator}",20)[0].')
    draft.name(spot, "PatientName", draft.person.person_name, slot="private-sequence")
    draft.identifier(spot, "StudyDate", f"{draft.day:%Y%m%d}", kind="date", slot="private-sequence")
    plant_private_slot(
        draft,
        spot,
        PrivateSlot(0x0017, "ACME DEEP", 0x01, "LO", "{mrn} {family}", (*_NAME[:1], *_ID), "private-sequence"),
    )
