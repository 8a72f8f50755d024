"""Identifiers one to three sequences deep, and the old values that a change of attributes leaves behind."""

from radcommons.apps.deid_benchmark.generator.draft import Draft, made_uid
from radcommons.apps.deid_benchmark.generator.slots.texts import plant_text

SLOT = "nested"


def plant_nested(draft: Draft) -> None:
    """Plant items below the order of the examination, and for every other object below its history."""
    _order(draft)
    if draft.number % 2:
        _history(draft)
    else:
        _source(draft)


def _order(draft: Draft) -> None:
    order = draft.top.item("RequestAttributesSequence")
    plant_text(draft, order, "RequestedProcedureDescription", "LO", slot=SLOT)
    plant_text(draft, order, "ScheduledProcedureStepDescription", "LO", slot=SLOT)
    draft.identifier(order, "RequestedProcedureID", draft.code(), kind="id", slot=SLOT)
    protocol = order.item("ScheduledProtocolCodeSequence")
    protocol.dataset.CodeValue, protocol.dataset.CodingSchemeDesignator = "P1", "99LOCAL"
    draft.kept(protocol, "CodeMeaning", "Thorax routine protocol")
    context = protocol.item("ProtocolContextSequence")
    context.dataset.ValueType = "PNAME"
    draft.name(context, "PersonName", draft.person.second_physician, slot=SLOT)
    draft.name(context, "EvaluatorName", draft.person.operator, slot=SLOT)
    draft.date(context, "SecondaryReviewDate", f"{draft.day:%Y%m%d}", slot=SLOT)


def _history(draft: Draft) -> None:
    person = draft.person
    original = draft.top.item("OriginalAttributesSequence")
    original.dataset.ModifyingSystem, original.dataset.ReasonForTheAttributeModification = "ARCHIVE", "CORRECT"
    original.dataset.AttributeModificationDateTime = f"{draft.day:%Y%m%d}120000"
    old = original.item("ModifiedAttributesSequence")
    draft.name(old, "PatientName", person.person_name, slot=SLOT)
    draft.identifier(old, "PatientID", person.other_id, kind="patient_id", slot=SLOT)
    draft.identifier(old, "AccessionNumber", draft.accession, kind="accession", slot=SLOT)


def _source(draft: Draft) -> None:
    """A reference to an object outside the set: the UID has to change, and leads nowhere before and after."""
    source = draft.top.item("SourceImageSequence")
    source.dataset.ReferencedSOPClassUID = draft.sop_class_uid
    draft.uid(source, "ReferencedSOPInstanceUID", made_uid(draft.seed, "elsewhere", draft.number), slot=SLOT)
    purpose = source.item("PurposeOfReferenceCodeSequence")
    purpose.dataset.CodeValue, purpose.dataset.CodingSchemeDesignator = "X7", "99LOCAL"
    value = f"Prior wanted by Dr. {draft.person.physician.partition('^')[0]}"
    purpose.dataset.CodeMeaning = value
    name = draft.person.physician.partition("^")[0]
    draft.must_go(purpose.prefix + "CodeMeaning", value, [(name, "name")], slot=SLOT)
