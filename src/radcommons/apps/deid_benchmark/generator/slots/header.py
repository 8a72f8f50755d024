"""The modules every object has: patient, study, series, equipment; what of them must go, move or stay."""

from radcommons.apps.deid_benchmark.generator.draft import Draft, made_uid
from radcommons.apps.deid_benchmark.key import Action, Check

SLOT = "header"
# What "older than 89" is commonly written as; a person of that very age tells nothing by it.
_CATEGORY = "090Y"
_PRESENT = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
_FILLED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "PatientID")


def plant_header(draft: Draft) -> None:
    """Fill the modules of patient, study, series and equipment."""
    draft.dataset.SpecificCharacterSet = draft.person.charset
    draft.dataset.SOPClassUID = draft.sop_class_uid
    _patient(draft)
    _study(draft)
    _series(draft)
    _equipment(draft)
    for keyword in _PRESENT:
        draft.checks.append(Check(Action.TAG_RETAINED, "kept", "", keyword, ""))
    for keyword in _FILLED:
        draft.checks.append(Check(Action.TEXT_NOTNULL, "kept", "", keyword, ""))


def _patient(draft: Draft) -> None:
    person, top = draft.person, draft.top
    draft.name(top, "PatientName", person.person_name, slot=SLOT)
    draft.identifier(top, "PatientID", person.patient_id, kind="patient_id", slot=SLOT)
    draft.checks.append(Check(Action.PATID_CONSISTENT, SLOT, "", "PatientID", person.patient_id, person.patient_id))
    draft.identifier(top, "PatientBirthDate", f"{person.birth_date:%Y%m%d}", kind="date", slot=SLOT)
    draft.identifier(top, "PatientTelephoneNumbers", person.phone, kind="phone", slot=SLOT)
    draft.identifier(
        top, "PatientAddress", f"{person.street}, {person.city} {person.postcode}", kind="address", slot=SLOT
    )
    draft.kept(top, "PatientSex", person.sex)
    if person.age < _CATEGORY:
        draft.kept(top, "PatientAge", person.age)
    elif person.age > _CATEGORY:
        # The age itself says too much; how it is capped is a matter of the profile.
        draft.identifier(top, "PatientAge", person.age, kind="number", slot="age-over-89")
    draft.kept(top, "PatientSize", "1.71")
    draft.kept(top, "PatientWeight", "68.5")
    other = top.item("OtherPatientIDsSequence")
    draft.identifier(other, "PatientID", person.other_id, kind="patient_id", slot=SLOT)


def _study(draft: Draft) -> None:
    person, top = draft.person, draft.top
    draft.uid(top, "StudyInstanceUID", draft.study_instance_uid, slot=SLOT)
    draft.identifier(top, "AccessionNumber", draft.accession, kind="accession", slot=SLOT)
    draft.identifier(top, "StudyID", f"S{person.ordinal:02d}{draft.seed % 1000:03d}{draft.visit}", kind="id", slot=SLOT)
    draft.date(top, "StudyDate", f"{draft.day:%Y%m%d}", slot=SLOT)
    draft.dataset.StudyTime = f"{8 + draft.number % 9:02d}3015"
    draft.name(top, "ReferringPhysicianName", person.physician, slot=SLOT)
    draft.name(top, "PerformingPhysicianName", person.second_physician, slot=SLOT)


def _series(draft: Draft) -> None:
    person, top, dataset = draft.person, draft.top, draft.dataset
    draft.kept(top, "Modality", draft.modality)
    draft.uid(top, "SeriesInstanceUID", draft.series_instance_uid, slot=SLOT)
    draft.uid(top, "SOPInstanceUID", draft.sop_instance_uid, slot=SLOT, target=draft.sop_instance_uid)
    draft.uid(top, "FrameOfReferenceUID", made_uid(draft.seed, "frame", person.ordinal, draft.visit), slot=SLOT)
    draft.kept(top, "SeriesNumber", str(1 + draft.number % 7))
    draft.kept(top, "InstanceNumber", str(1000 + draft.number))
    draft.date(top, "SeriesDate", f"{draft.day:%Y%m%d}", slot=SLOT)
    draft.date(top, "ContentDate", f"{draft.day:%Y%m%d}", slot=SLOT)
    draft.date(top, "AcquisitionDateTime", f"{draft.day:%Y%m%d}093015.25", slot=SLOT)
    dataset.SeriesTime = dataset.ContentTime = "093020"
    draft.name(top, "OperatorsName", person.operator, slot=SLOT)


def _equipment(draft: Draft) -> None:
    person, top = draft.person, draft.top
    draft.kept(top, "Manufacturer", "Acme Imaging Devices")
    draft.kept(top, "ManufacturerModelName", f"Model {draft.modality} 500")
    draft.kept(top, "SoftwareVersions", "4.2.1")
    draft.identifier(top, "InstitutionName", person.hospital, kind="institution", slot=SLOT)
    draft.identifier(top, "InstitutionAddress", person.hospital_address, kind="address", slot=SLOT)
    draft.identifier(
        top, "InstitutionalDepartmentName", f"Radiology {person.hospital_code}", kind="institution", slot=SLOT
    )
