"""Checks of attributes as XML, the Native DICOM Model (PS3.18 8.7.3, PS3.19 A.1)."""

from xml.etree import ElementTree as ET

from radcommons.client.conformance.answers import OK, Answer
from radcommons.client.conformance.checks import CheckFailedError, check, expect, need
from radcommons.client.conformance.sample import Attributes, Sample

NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
XML = 'multipart/related; type="application/dicom+xml"'
_REFUSED = 406
_WITHOUT_TEXT = frozenset({"PN", "SQ"})


def _asked(sample: Sample, path: str) -> Answer:
    answer = sample.server.ask(path, accept=XML)
    expect(answer.status in {OK, _REFUSED}, f"status {answer.status}")
    need(answer.status == OK, "the server gives no XML")
    return answer


def _documents(answer: Answer) -> list[ET.Element]:
    try:
        # Expat bounds the expansion of entities; the answer's size is bounded before.
        return [ET.fromstring(part.body) for part in answer.parts]  # noqa: S314
    except ET.ParseError as error:
        raise CheckFailedError("a part is no XML") from error


def _by_tag(document: ET.Element) -> dict[str, ET.Element]:
    return {each.get("tag", ""): each for each in document}


@check("xml.metadata", "10.4.1.1.2", "Metadata are given as XML in parts, or refused with 406")
def _(sample: Sample) -> None:
    answer = sample.server.ask(f"{sample.place.path}/metadata", accept=XML)
    expect(answer.status in {OK, _REFUSED}, f"status {answer.status}")
    expect(answer.status == _REFUSED or answer.media_type == "multipart/related", f"got {answer.media_type}")


@check("xml.part-for-each", "8.7.3", "There is one part of XML for each instance", is_optional=True)
def _(sample: Sample) -> None:
    documents = _documents(_asked(sample, f"{sample.place.series_path}/metadata"))
    expect(len(documents) == len(sample.metadata), f"{len(documents)} parts for {len(sample.metadata)} instances")


@check("xml.root", "PS3.19 A.1.5", "The root is NativeDicomModel and keeps white space", is_optional=True)
def _(sample: Sample) -> None:
    for document in _documents(_asked(sample, f"{sample.place.path}/metadata")):
        expect(document.tag in {f"{NAMESPACE}NativeDicomModel", "NativeDicomModel"}, f"the root is {document.tag}")
        space = document.get("{http://www.w3.org/XML/1998/namespace}space") or document.get("xml-space") or ""
        expect(space.startswith("preserve"), "no xml:space")


@check("xml.same", "PS3.19 A.1.5", "XML and JSON say the same of a study", is_optional=True)
def _(sample: Sample) -> None:
    (document,) = _documents(_asked(sample, f"{sample.place.path}/metadata"))
    (values,) = sample.server.ask(f"{sample.place.path}/metadata").must_be(OK).array
    told = _by_tag(document)
    public = [tag for tag in values if int(tag[3], 16) % 2 == 0]
    missing = [tag for tag in public if tag not in told]
    expect(not missing, f"missing: {', '.join(missing[:5])}")
    for tag in public:
        attribute: Attributes = values[tag]
        expect(told[tag].get("vr") == attribute["vr"], f"{tag} has another vr")
        if attribute["vr"] not in _WITHOUT_TEXT:
            numbers = [each.get("number") for each in told[tag] if each.tag.endswith("Value")]
            expect(len(numbers) == len(attribute.get("Value", [])), f"{tag} has other values")
            expect(numbers == [str(place) for place in range(1, len(numbers) + 1)], f"{tag}: values are not numbered")


@check("xml.keywords", "PS3.19 A.1.5", "Attributes of the standard have their keyword", is_optional=True)
def _(sample: Sample) -> None:
    (document,) = _documents(_asked(sample, f"{sample.place.path}/metadata"))
    expect(_by_tag(document)["00080018"].get("keyword") == "SOPInstanceUID", "SOPInstanceUID has no keyword")


@check("xml.search", "10.6.4", "Results of a search are given as XML, one part each", is_optional=True)
def _(sample: Sample) -> None:
    documents = _documents(_asked(sample, "studies?limit=3"))
    results = sample.server.ask("studies?limit=3").results
    expect(len(documents) == len(results), f"{len(documents)} parts for {len(results)} studies")
