"""All rows of PS3.15 Table E.1-1, in shares: every object carries some, a dozen objects carry all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from radcommons.apps.deid_benchmark.attribute_path import name_of
from radcommons.apps.deid_benchmark.generator.draft import Draft, Spot, made_uid
from radcommons.apps.deid_benchmark.generator.slots.texts import LONGEST, plant_text
from radcommons.apps.deid_benchmark.key import Action, Check
from radcommons.deid.tables import attribute_rows, code_of

SHARES = 12
# The options of TCIA and MIDI-B; what one of them keeps is no planted identifier.
OPTIONS = (
    "clean_descriptors",
    "clean_structured_content",
    "retain_device_identity",
    "retain_longitudinal_modified_dates",
    "retain_patient_characteristics",
)
# Newer than the dictionary of pydicom: sequences and dates are told by their names, these are long text.
_LONG_WHEN_UNKNOWN = ("Comment",)
# Planted by other slots or decided by the kind of the object.
_ELSEWHERE = frozenset(
    {
        "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientName", "PatientID", "PatientBirthDate",
        "PatientAge", "PatientSex", "PatientSize", "PatientWeight", "PatientAddress", "PatientTelephoneNumbers", "AccessionNumber", "StudyID",
        "StudyDate", "SeriesDate", "ContentDate", "AcquisitionDateTime", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
        "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StudyDescription", "SeriesDescription", "ProtocolName",
        "ImageComments", "AdditionalPatientHistory", "AcquisitionProtocolDescription", "PatientComments", "OtherPatientIDsSequence",
        "RequestAttributesSequence", "ContentSequence", "GraphicAnnotationSequence", "AcquisitionContextSequence", "IconImageSequence",
        "EncapsulatedDocument", "DigitalSignaturesSequence", "DataSetTrailingPadding", "WaveformAnnotationSequence", "Allergies",
        "BurnedInAnnotation", "PatientIdentityRemoved", "DeidentificationMethod", "LongitudinalTemporalInformationModified",
        "SpecimenPreparationSequence", "ReferencedImageSequence", "SourceImageSequence", "ReferencedStudySequence", "MAC",
        "OriginalAttributesSequence", "ModifiedAttributesSequence", "DerivationDescription", "DocumentTitle",
    }
)  # fmt: skip
_OUTER_GROUPS = frozenset({0x0000, 0x0002, 0x0004})
_TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute of the table, under the options of MIDI-B.

    Parameters
    ----------
    name
        Its step in a path.
    code
        ``C`` clean, ``K`` keep, otherwise the basic code.
    """

    tag: int
    name: str
    title: str
    vr: str
    code: str


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """The rows that are planted, in the order of the table."""
    return tuple(row for row in _all_rows() if row.code != "K" and row.vr in _PLANTERS)


def _all_rows() -> Iterator[Row]:
    for tag, entry in attribute_rows().items():
        name = name_of(Tag(tag))
        if tag >> 16 in _OUTER_GROUPS or name in _ELSEWHERE or tag >> 24 in {0x50, 0x60}:
            continue
        title = str(entry["name"])
        yield Row(tag, name, title, _vr(tag, title), code_of(entry, OPTIONS))


def _vr(tag: int, title: str) -> str:
    if keyword_for_tag(tag):
        return str(dictionary_VR(tag)).partition(" ")[0]
    if title.endswith("Sequence"):
        return "SQ"
    if title.endswith("DateTime"):
        return "DT"
    return "UT" if title.endswith(_LONG_WHEN_UNKNOWN) else "LO"


def plant_table_rows(draft: Draft) -> None:
    """Plant this object's share of the rows that it does not have yet."""
    for index, row in enumerate(rows()):
        if (index + draft.number) % SHARES == 0 and row.tag not in draft.dataset:
            _PLANTERS[row.vr](draft, draft.top, row)


def _put(draft: Draft, spot: Spot, row: Row, value: object, *, secrets: list[tuple[str, str]]) -> None:
    spot.dataset.add_new(row.tag, row.vr, value)
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    draft.must_go(spot.prefix + row.name, text, secrets, slot="table")


def _text(draft: Draft, spot: Spot, row: Row) -> None:
    if row.code == "C" and keyword_for_tag(row.tag):
        plant_text(draft, spot, row.name, row.vr, slot="table-text")
        return
    code = draft.code()
    family = draft.person.hospital_code if "nstitution" in row.title else draft.person.operator.partition("^")[0]
    value = code if row.vr == "SH" or len(code) + len(family) > LONGEST[row.vr] else f"{family} {code}"
    secrets = [(code, "id")] if value == code else [(family, "name"), (code, "id")]
    _put(draft, spot, row, value, secrets=secrets)


def _name(draft: Draft, spot: Spot, row: Row) -> None:
    value = f"Nightingale{draft.number:03d}^{row.name[:12]}"
    _put(draft, spot, row, value, secrets=[(value.partition("^")[0], "name")])


def _coded(draft: Draft, spot: Spot, row: Row) -> None:
    code = draft.code()
    _put(draft, spot, row, code, secrets=[(code, "id")])


def _number(draft: Draft, spot: Spot, row: Row) -> None:
    value = str(draft.rng.randrange(10000, 99999)) if row.vr == "IS" else f"{draft.rng.uniform(10, 80):.6f}"
    _put(draft, spot, row, value, secrets=[(value, "number")])


def _address(draft: Draft, spot: Spot, row: Row) -> None:
    value = f"http://srv-{draft.code().lower()}.example/{draft.person.patient_id}"
    _put(draft, spot, row, value, secrets=[(value, "url"), (draft.person.patient_id, "patient_id")])


def _binary(draft: Draft, spot: Spot, row: Row) -> None:
    code = draft.code()
    value = f"\1\2{draft.person.patient_id}\0{code}\3".encode("ascii")
    value += b"\0" * (len(value) & 1)
    _put(draft, spot, row, value, secrets=[(code, "id"), (draft.person.patient_id, "patient_id")])


def _date(draft: Draft, spot: Spot, row: Row) -> None:
    day = draft.day - timedelta(days=draft.rng.randrange(0, 300))
    value = f"{day:%Y%m%d}" if row.vr == "DA" else f"{day:%Y%m%d}{draft.rng.randrange(8, 18):02d}1500"
    if row.code != "C":
        _put(draft, spot, row, value, secrets=[(value, "date")])
        return
    spot.dataset.add_new(row.tag, row.vr, value)
    draft.checks.append(Check(Action.DATE_SHIFTED, "table", "date", spot.prefix + row.name, value, value))


def _uid(draft: Draft, spot: Spot, row: Row) -> None:
    if row.code == "U":
        value = made_uid(draft.seed, row.name, draft.person.ordinal)
        spot.dataset.add_new(row.tag, "UI", value)
        path = spot.prefix + row.name
        draft.checks.append(Check(Action.UID_CHANGED, "table", "uid", path, value, value, is_searchable=True))
        draft.checks.append(Check(Action.UID_CONSISTENT, "table", "", path, value, value))
        return
    value = made_uid(draft.seed, row.name, draft.number)
    _put(draft, spot, row, value, secrets=[(value, "uid")])


def _sequence(draft: Draft, spot: Spot, row: Row) -> None:
    """An item as a code of a local scheme, whose meaning names somebody; in every other one also a reference."""
    code, operator = draft.code(), draft.person.operator.partition("^")[0]
    item = Dataset()
    spot.dataset.add_new(row.tag, "SQ", Sequence([item]))
    spot.dataset[row.tag].is_undefined_length = draft.is_implicit
    inner = Spot(item, f"{spot.prefix}{row.name}[0].")
    item.CodeValue, item.CodingSchemeDesignator = f"L{draft.number}", "99LOCAL"
    value = f"Room of {operator} {code}"
    item.CodeMeaning = value
    draft.must_go(inner.prefix + "CodeMeaning", value, [(code, "id"), (operator, "name")], slot="table-sequence")
    if row.code == "X":
        draft.identifier(inner, "InstitutionName", draft.person.hospital, kind="institution", slot="table-sequence")


_PLANTERS = {
    **dict.fromkeys(_TEXT_VRS, _text),
    "PN": _name,
    "CS": _coded,
    "AE": _coded,
    "IS": _number,
    "DS": _number,
    "UR": _address,
    "OB": _binary,
    "DA": _date,
    "DT": _date,
    "UI": _uid,
    "SQ": _sequence,
}
