"""Objects without pixels: structured reports, key objects, presentation states, waveforms, encapsulated documents, private ones."""

import zlib

import numpy as np
from pydicom.dataset import Dataset

from radcommons.apps.deid_benchmark.generator.draft import Draft, Spot
from radcommons.apps.deid_benchmark.generator.glyphs import plain
from radcommons.apps.deid_benchmark.generator.kinds.kind import Kind, code_item

COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
ECG_WAVEFORM = "1.2.840.10008.5.1.4.1.1.9.1.1"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
PRIVATE_CLASS = "1.3.12.2.1107.5.9.1"
_SLOT = "report"


def _content(spot: Spot, value_type: str, concept: tuple[str, str, str], relationship: str = "CONTAINS") -> Spot:
    item = spot.item("ContentSequence")
    item.dataset.RelationshipType, item.dataset.ValueType = relationship, value_type
    item.dataset.ConceptNameCodeSequence = [code_item(*concept)]
    return item


def _title(draft: Draft, concept: tuple[str, str, str]) -> None:
    dataset = draft.dataset
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [code_item(*concept)]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2000"
    dataset.ContentTemplateSequence = [template]


def _report(draft: Draft) -> None:
    """Findings that stay come before observers that go, so that nothing moves its place."""
    person, top = draft.person, draft.top
    _title(draft, ("126000", "DCM", "Imaging Measurement Report"))
    draft.dataset.CompletionFlag, draft.dataset.VerificationFlag = "COMPLETE", "VERIFIED"
    _finding(draft)
    for target in draft.siblings:
        if target.picture is not None:
            draft.reference(
                _content(top, "IMAGE", ("121080", "DCM", "Best illustration of finding")).item("ReferencedSOPSequence"),
                target,
            )
            break
    observer = _content(top, "PNAME", ("121008", "DCM", "Person Observer Name"), "HAS OBS CONTEXT")
    draft.name(observer, "PersonName", person.physician, slot=_SLOT)
    subject = _content(top, "TEXT", ("121030", "DCM", "Subject ID"), "HAS OBS CONTEXT")
    draft.identifier(subject, "TextValue", person.patient_id, kind="patient_id", slot=_SLOT)
    subject = _content(top, "PNAME", ("121029", "DCM", "Subject Name"), "HAS OBS CONTEXT")
    draft.name(subject, "PersonName", person.person_name, slot=_SLOT)
    place = _content(top, "TEXT", ("121009", "DCM", "Person Observer's Organization Name"), "HAS OBS CONTEXT")
    draft.identifier(place, "TextValue", person.hospital, kind="institution", slot=_SLOT)
    verifier = draft.top.item("VerifyingObserverSequence")
    draft.name(verifier, "VerifyingObserverName", person.second_physician, slot=_SLOT)
    draft.date(verifier, "VerificationDateTime", f"{draft.day:%Y%m%d}170000", slot=_SLOT)
    draft.identifier(verifier, "VerifyingOrganization", person.hospital, kind="institution", slot=_SLOT)


def _finding(draft: Draft) -> None:
    person = draft.person
    box = _content(draft.top, "CONTAINER", ("121070", "DCM", "Findings"))
    box.dataset.ContinuityOfContent = "SEPARATE"
    text = _content(box, "TEXT", ("121071", "DCM", "Finding"))
    value = (
        f"{person.family}: bilateral peripheral opacities. Compared with {draft.day:%d.%m.%Y}. "
        f"Dictated by Dr. {person.physician.partition('^')[0]}."
    )
    text.dataset.TextValue = value
    path = text.prefix + "TextValue"
    secrets = [(person.family, "name"), (f"{draft.day:%d.%m.%Y}", "date"), (person.physician.partition("^")[0], "name")]
    draft.must_go(path, value, secrets, slot=_SLOT)
    draft.must_stay(path, value, "bilateral peripheral opacities", slot=_SLOT)
    measure = _content(box, "NUM", ("410668003", "SCT", "Length"))
    measured = measure.item("MeasuredValueSequence")
    draft.kept(measured, "NumericValue", "12.5")
    measured.dataset.MeasurementUnitsCodeSequence = [code_item("mm", "UCUM", "millimeter")]
    tracking = _content(measure, "UIDREF", ("112040", "DCM", "Tracking Unique Identifier"), "HAS OBS CONTEXT")
    draft.uid(tracking, "UID", f"{draft.sop_instance_uid}.3", slot=_SLOT)
    day = _content(box, "DATETIME", ("111526", "DCM", "DateTime Started"), "HAS OBS CONTEXT")
    draft.date(day, "DateTime", f"{draft.day:%Y%m%d}101500", slot=_SLOT)


def _key_objects(draft: Draft) -> None:
    _title(draft, ("113000", "DCM", "Of Interest"))
    evidence = draft.top.item("CurrentRequestedProcedureEvidenceSequence")
    draft.uid(evidence, "StudyInstanceUID", draft.study_instance_uid, slot="reference")
    for target in draft.siblings:
        if target.picture is not None:
            series = evidence.item("ReferencedSeriesSequence")
            draft.uid(series, "SeriesInstanceUID", target.series_instance_uid, slot="reference")
            draft.reference(series.item("ReferencedSOPSequence"), target)
            image = _content(draft.top, "IMAGE", ("121080", "DCM", "Best illustration of finding"))
            draft.reference(image.item("ReferencedSOPSequence"), target)
    text = _content(draft.top, "TEXT", ("113012", "DCM", "Key Object Description"))
    value = f"Nodule for the tumor board, {draft.person.given} {draft.person.family}"
    text.dataset.TextValue = value
    path = text.prefix + "TextValue"
    draft.must_go(path, value, [(draft.person.given, "name"), (draft.person.family, "name")], slot=_SLOT)
    draft.must_stay(path, value, "Nodule for the tumor board", slot=_SLOT)


def _presentation(draft: Draft) -> None:
    dataset = draft.dataset
    draft.kept(draft.top, "ContentLabel", "ARROWS")
    draft.name(draft.top, "ContentCreatorName", draft.person.physician, slot="table")
    draft.date(draft.top, "PresentationCreationDate", f"{draft.day:%Y%m%d}", slot="table")
    dataset.PresentationCreationTime = "120000"
    images = [sibling for sibling in draft.siblings if sibling.picture is not None]
    if images:
        series = draft.top.item("ReferencedSeriesSequence")
        draft.uid(series, "SeriesInstanceUID", images[0].series_instance_uid, slot="reference")
        draft.reference(series.item("ReferencedImageSequence"), images[0])
    annotation = draft.top.item("GraphicAnnotationSequence")
    annotation.dataset.GraphicLayer = "LAYER1"
    written = annotation.item("TextObjectSequence")
    value = f"{draft.person.family} {draft.person.patient_id}"
    written.dataset.UnformattedTextValue, written.dataset.AnchorPoint = value, [10.0, 10.0]
    secrets = [(draft.person.family, "name"), (draft.person.patient_id, "patient_id")]
    draft.must_go(written.prefix + "UnformattedTextValue", value, secrets, slot="graphics")
    layer = draft.top.item("GraphicLayerSequence")
    layer.dataset.GraphicLayer, layer.dataset.GraphicLayerOrder = "LAYER1", 1


def _ecg(draft: Draft) -> None:
    top, person = draft.top, draft.person
    wave = top.item("WaveformSequence")
    draft.kept(wave, "NumberOfWaveformChannels", 1)
    draft.kept(wave, "SamplingFrequency", "500")
    wave.dataset.WaveformOriginality, wave.dataset.NumberOfWaveformSamples = "ORIGINAL", 200
    wave.dataset.WaveformBitsAllocated, wave.dataset.WaveformSampleInterpretation = 16, "SS"
    samples = (800 * np.sin(np.arange(200) / 6 + draft.number)).astype("<i2")
    wave.dataset.add_new(0x54001010, "OW", samples.tobytes())
    channel = wave.item("ChannelDefinitionSequence")
    channel.dataset.ChannelSourceSequence = [code_item("2:1", "MDC", "Lead I")]
    draft.kept(channel, "WaveformBitsStored", 16)
    note = top.item("WaveformAnnotationSequence")
    value = f"Sinus rhythm, read by Dr. {person.physician.partition('^')[0]} for {person.family}"
    note.dataset.UnformattedTextValue = value
    secrets = [(person.physician.partition("^")[0], "name"), (person.family, "name")]
    draft.must_go(note.prefix + "UnformattedTextValue", value, secrets, slot="nested")


def _pdf(draft: Draft) -> None:
    """A page that names the patient in a plain and in a compressed stream."""
    person = draft.person
    line = f"Patient {plain(person.family)} {person.patient_id}"
    streams = (
        f"BT /F1 12 Tf 50 700 Td ({line}) Tj ET".encode("ascii"),
        zlib.compress(f"BT 50 650 Td (Report for {person.patient_id}) Tj ET".encode("ascii")),
    )
    pieces = [
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    ]
    pieces.append(b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents[4 0 R 5 0 R]>>endobj\n")
    for number, (stream, extra) in enumerate(zip(streams, (b"", b"/Filter/FlateDecode"), strict=True), start=4):
        head = f"{number} 0 obj<</Length {len(stream)}".encode("ascii") + extra + b">>stream\n"
        pieces.append(head + stream + b"\nendstream endobj\n")
    pieces.append(b"trailer<</Root 1 0 R>>\n%%EOF\n")
    document = b"".join(pieces)
    draft.dataset.EncapsulatedDocument = document + b"\n" * (len(document) & 1)
    draft.dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    draft.dataset.BurnedInAnnotation = "YES"
    secrets = [(person.patient_id, "patient_id"), (plain(person.family), "name")]
    draft.must_go("EncapsulatedDocument", line, secrets, slot="document")
    value = f"Letter on {person.given} {person.family}"
    draft.dataset.DocumentTitle = value
    draft.must_go("DocumentTitle", value, [(person.given, "name"), (person.family, "name")], slot="document")


def _private(draft: Draft) -> None:
    """An object of a class that only its maker knows."""
    block = draft.dataset.private_block(0x0029, "ACME BENCH RAW", create=True)
    text = f"{draft.person.patient_id}".encode("ascii")
    block.add_new(0x10, "OB", text + b"\0" * (len(text) & 1))
    path = '(0029,"ACME BENCH RAW",10)'
    draft.must_go(path, draft.person.patient_id, [(draft.person.patient_id, "patient_id")], slot="private-binary")


DOCUMENTS = {
    "sr": Kind(_report, "SR", COMPREHENSIVE_SR),
    "ko": Kind(_key_objects, "KO", KEY_OBJECTS),
    "pr": Kind(_presentation, "PR", PRESENTATION_STATE),
    "ecg": Kind(_ecg, "ECG", ECG_WAVEFORM),
    "pdf": Kind(_pdf, "DOC", ENCAPSULATED_PDF, may_be_refused=True),
    "private-class": Kind(_private, "OT", PRIVATE_CLASS, may_be_refused=True),
}
