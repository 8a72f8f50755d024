"""Checks of retrieving instances, metadata and bulk data (WADO-RS, PS3.18 10.4)."""

from radcommons.client.conformance.answers import DICOM_JSON, Answer, first_of, read_dataset
from radcommons.client.conformance.checks import check, expect, need
from radcommons.client.conformance.sample import INSTANCE, SERIES, STUDY, Sample

DICOM = "application/dicom"
ANY_DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_MPEG4 = "1.2.840.10008.1.2.4.102"
_NO_UID = "2.25.1234567890"
_PIXELS = "7FE00010"
_OCTET_PARTS = 'multipart/related; type="application/octet-stream"'
# Written as text in JSON and in files alike, so that they can be compared without rounding.
_TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})


def _whole_series(sample: Sample) -> Answer:
    return sample.server.ask(sample.place.series_path, accept=ANY_DICOM).must_be(200)


def _one(sample: Sample, accept: str | None = ANY_DICOM) -> Answer:
    return sample.server.ask(sample.image.path, accept=accept)


@check("metadata.series", "10.4.1.1.2", "The metadata of a series hold one object for each instance")
def _(sample: Sample) -> None:
    expect(
        len(sample.metadata) == int(first_of(sample.place.series, "00201209") or len(sample.metadata)), "more or fewer"
    )
    expect({first_of(each, SERIES) for each in sample.metadata} == {first_of(sample.place.series, SERIES)}, "of others")


@check("metadata.study", "10.4.1.1.2", "The metadata of a study hold all its instances")
def _(sample: Sample) -> None:
    values = sample.server.ask(f"{sample.place.study_path}/metadata").must_be(200, DICOM_JSON).array
    expect(len(values) == int(first_of(sample.place.study, "00201208") or len(values)), "more or fewer")


@check("metadata.instance", "10.4.1.1.2", "The metadata of an instance are an array of one object")
def _(sample: Sample) -> None:
    values = sample.server.ask(f"{sample.place.path}/metadata").must_be(200, DICOM_JSON).array
    expect(len(values) == 1, f"{len(values)} objects")
    expect(first_of(values[0], INSTANCE) == first_of(sample.place.instance, INSTANCE), "of another instance")


@check("metadata.no-pixels", "10.4.1.1.2", "Metadata do not carry pixel data")
def _(sample: Sample) -> None:
    for each in sample.metadata:
        expect("InlineBinary" not in each.get(_PIXELS, {}), "pixel data are inline")


@check("metadata.same-as-file", "F.2", "Metadata say what the file says")
def _(sample: Sample) -> None:
    (values,) = sample.server.ask(f"{sample.image.path}/metadata").must_be(200).array
    for element in sample.stored:
        tag = f"{element.tag:08X}"
        if element.VR in _TEXT_VRS and element.value and not element.tag.is_private:
            expect(tag in values, f"{tag} is missing")
            wanted = [str(each) for each in (element.value if element.VM > 1 else [element.value])]
            expect([str(each) for each in values[tag].get("Value", [])] == wanted, f"{tag} has another value")


@check("metadata.default", "8.7.3.2", "Without Accept metadata are DICOM JSON")
def _(sample: Sample) -> None:
    sample.server.ask(f"{sample.place.path}/metadata", accept=None).must_be(200, DICOM_JSON)


@check("metadata.refused", "8.7.5", "Metadata in a form that cannot be given are refused with 406")
def _(sample: Sample) -> None:
    sample.server.ask(f"{sample.place.path}/metadata", accept="image/png").must_be(406)


@check("metadata.gzip", "RFC 9110 8.4", "Metadata are compressed when asked for", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask(f"{sample.place.series_path}/metadata", headers={"Accept-Encoding": "gzip"}).must_be(200)
    expect(answer.headers.get("content-encoding") == "gzip", "not compressed")


@check("metadata.conditional", "RFC 9110 13.1.2", "Metadata that did not change are not sent again", is_optional=True)
def _(sample: Sample) -> None:
    path = f"{sample.place.series_path}/metadata"
    etag = sample.server.ask(path).must_be(200).headers.get("etag")
    expect(etag, "no ETag")
    sample.server.ask(path, headers={"If-None-Match": str(etag)}).must_be(304)


@check("bulkdata.resolves", "10.4.1.1.5", "Every BulkDataURI of an instance leads to its value")
def _(sample: Sample) -> None:
    (values,) = sample.server.ask(f"{sample.image.path}/metadata").must_be(200).array
    addresses = [each["BulkDataURI"] for each in values.values() if "BulkDataURI" in each]
    need(addresses, "the instance has no bulk data")
    for address in addresses[:5]:
        answer = sample.server.ask(_absolute(sample, address), accept='multipart/related; type="*/*"').must_be(200)
        expect(answer.parts, "no part")


def _absolute(sample: Sample, address: str) -> str:
    if address.startswith(("http://", "https://")):
        return address
    return f"{sample.image.path}/{address}".replace("/./", "/")


@check("bulkdata.single", "8.7.3", "Bulk data are sent as one body when asked for", is_optional=True)
def _(sample: Sample) -> None:
    (values,) = sample.server.ask(f"{sample.image.path}/metadata").must_be(200).array
    addresses = [each["BulkDataURI"] for each in values.values() if "BulkDataURI" in each]
    need(addresses, "the instance has no bulk data")
    sample.server.ask(_absolute(sample, addresses[0]), accept="application/octet-stream").must_be(200)


@check("bulkdata.pixels", "10.4.1.1.5", "Pixel data as bulk data are the bytes of the file")
def _(sample: Sample) -> None:
    (values,) = sample.server.ask(f"{sample.image.path}/metadata").must_be(200).array
    address = values.get(_PIXELS, {}).get("BulkDataURI")
    need(address, "the metadata do not point at pixel data")
    (part, *_) = sample.server.ask(_absolute(sample, address), accept=_OCTET_PARTS).must_be(200).parts
    expect(part.body.startswith(_pixels(sample)), "other bytes")


def _pixels(sample: Sample) -> bytes:
    need(not sample.stored.file_meta.TransferSyntaxUID.is_compressed, "the image is compressed")
    return bytes(sample.stored.PixelData)


@check("pixeldata.instance", "10.4.1.1.6", "The pixel data of an instance are those of the file", is_optional=True)
def _(sample: Sample) -> None:
    parts = sample.server.ask(f"{sample.image.path}/pixeldata", accept=_OCTET_PARTS).must_be(200).parts
    expect(b"".join(part.body for part in parts).startswith(_pixels(sample)), "other bytes")


@check("pixeldata.series", "10.4.1.1.6", "The pixel data of a series come in one message", is_optional=True)
def _(sample: Sample) -> None:
    parts = sample.server.ask(f"{sample.image.series_path}/pixeldata", accept=_OCTET_PARTS).must_be(200).parts
    expect(any(part.body.startswith(_pixels(sample)) for part in parts), "the pixels of an instance are missing")


@check("bulkdata.series", "10.4.1.1.5", "All bulk data of a series come in one message", is_optional=True)
def _(sample: Sample) -> None:
    objects = sample.server.ask(f"{sample.image.series_path}/metadata").must_be(200).array
    addresses = [each["BulkDataURI"] for values in objects for each in values.values() if "BulkDataURI" in each]
    need(addresses, "the series has no bulk data")
    parts = sample.server.ask(f"{sample.image.series_path}/bulkdata", accept=_OCTET_PARTS).must_be(200).parts
    expect(len(parts) >= len(addresses), f"{len(parts)} parts for {len(addresses)} values")


@check("instance.parts", "10.4.1.1.1", "An instance is sent as one part of a message")
def _(sample: Sample) -> None:
    answer = _one(sample).must_be(200, "multipart/related")
    expect(len(answer.parts) == 1, f"{len(answer.parts)} parts")
    expect(answer.parts[0].headers.get("content-type", "").startswith(DICOM), "a part of another type")


@check("instance.is-it", "10.4.1.1.1", "The instance sent is the one asked for")
def _(sample: Sample) -> None:
    wanted = tuple(first_of(level, tag) for level, tag in (
        (sample.image.instance, INSTANCE), (sample.image.series, SERIES), (sample.image.study, STUDY)))  # fmt: skip
    dataset = sample.stored
    expect((dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID) == wanted, "another")


@check("instance.same-twice", "10.4.1.1.1", "The same bytes come twice")
def _(sample: Sample) -> None:
    expect(_one(sample).parts[0].body == _one(sample).parts[0].body, "other bytes")


@check("instance.stored-syntax", "8.7.3.5.2", "transfer-syntax=* gives what is stored, and the part says which")
def _(sample: Sample) -> None:
    (part,) = _one(sample).must_be(200).parts
    syntax = read_dataset(part.body).file_meta.TransferSyntaxUID
    named = part.headers.get("content-type", "")
    expect("transfer-syntax" not in named or syntax in named, "the part names another transfer syntax")


@check("instance.unquoted", "8.7.3", "Parameters of Accept may stand without quotation marks")
def _(sample: Sample) -> None:
    _one(sample, "multipart/related; type=application/dicom; transfer-syntax=*").must_be(200, "multipart/related")


@check("instance.default", "8.7.3.2", "Without Accept an instance comes as a part of application/dicom")
def _(sample: Sample) -> None:
    answer = _one(sample, None).must_be(200, "multipart/related")
    expect(answer.parts[0].headers.get("content-type", "").startswith(DICOM), "a part of another type")


@check("instance.anything", "8.7.3.2", "*/* is answered with an instance")
def _(sample: Sample) -> None:
    answer = _one(sample, "*/*").must_be(200)
    expect(answer.media_type in {"multipart/related", DICOM}, f"got {answer.media_type}")


@check("instance.single", "8.7.3", "An instance is sent as one file when asked for", is_optional=True)
def _(sample: Sample) -> None:
    answer = _one(sample, "application/dicom; transfer-syntax=*").must_be(200, DICOM)
    expect(answer.dataset.SOPInstanceUID == first_of(sample.image.instance, INSTANCE), "another instance")


@check("instance.explicit-little-endian", "8.7.3.5.2", "Explicit VR Little Endian is given when asked for by name")
def _(sample: Sample) -> None:
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT_LITTLE_ENDIAN}'
    (part,) = _one(sample, accept).must_be(200).parts
    expect(read_dataset(part.body).file_meta.TransferSyntaxUID == EXPLICIT_LITTLE_ENDIAN, "another transfer syntax")


@check("instance.syntax-refused", "8.7.5", "A transfer syntax that cannot be given is refused with 406")
def _(sample: Sample) -> None:
    _one(sample, f'multipart/related; type="application/dicom"; transfer-syntax={_MPEG4}').must_be(406)


@check("instance.refused", "8.7.5", "A media type that cannot be given is refused with 406")
def _(sample: Sample) -> None:
    _one(sample, "image/foo").must_be(406)


@check("instance.range", "RFC 9110 14", "Part of a file is sent when asked for", is_optional=True)
def _(sample: Sample) -> None:
    headers = {"Range": "bytes=128-131"}
    answer = sample.server.ask(sample.image.path, accept="application/dicom; transfer-syntax=*", headers=headers)
    answer.must_be(206)
    expect(answer.body == b"DICM", "other bytes")


@check("instance.etag", "RFC 9110 13.1.2", "An instance that did not change is not sent again", is_optional=True)
def _(sample: Sample) -> None:
    etag = _one(sample).must_be(200).headers.get("etag")
    expect(etag, "no ETag")
    sample.server.ask(sample.image.path, accept=ANY_DICOM, headers={"If-None-Match": str(etag)}).must_be(304)


@check("instance.length", "RFC 9112 6", "The length that is announced is the length that comes")
def _(sample: Sample) -> None:
    answer = _one(sample).must_be(200)
    length = answer.headers.get("content-length")
    expect(length is None or int(length) == len(answer.body), "another length")


@check("instance.unknown", "10.4.3.1", "An instance that is not there answers 404")
def _(sample: Sample) -> None:
    sample.server.ask(f"{sample.place.series_path}/instances/{_NO_UID}", accept=ANY_DICOM).must_be(404)


@check("instance.other-study", "10.4.3.1", "An instance under another study answers 404")
def _(sample: Sample) -> None:
    path = sample.image.path.replace(first_of(sample.image.study, STUDY), _NO_UID)
    sample.server.ask(path, accept=ANY_DICOM).must_be(404)


@check("instance.other-series", "10.4.3.1", "An instance under another series answers 404")
def _(sample: Sample) -> None:
    path = sample.image.path.replace(f"series/{first_of(sample.image.series, SERIES)}", f"series/{_NO_UID}")
    sample.server.ask(path, accept=ANY_DICOM).must_be(404)


@check("instance.malformed", "10.1", "A UID that is none answers 400 or 404")
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies/not-a-uid/metadata")
    expect(answer.status in {400, 404}, f"status {answer.status}")


@check("series.parts", "10.4.1.1.1", "A series is sent with one part for each instance")
def _(sample: Sample) -> None:
    answer = _whole_series(sample)
    expect(len(answer.parts) == int(first_of(sample.place.series, "00201209") or 0), f"{len(answer.parts)} parts")
    uids = {read_dataset(part.body).SOPInstanceUID for part in answer.parts}
    expect(len(uids) == len(answer.parts), "an instance comes twice")


@check("series.length", "RFC 9110 8.6", "The length of a series is announced", is_optional=True)
def _(sample: Sample) -> None:
    expect("content-length" in _whole_series(sample).headers, "no Content-Length")


@check("series.unknown", "10.4.3.1", "A series that is not there answers 404")
def _(sample: Sample) -> None:
    sample.server.ask(f"{sample.place.study_path}/series/{_NO_UID}", accept=ANY_DICOM).must_be(404)


@check("study.parts", "10.4.1.1.1", "A study is sent with one part for each instance")
def _(sample: Sample) -> None:
    count = int(first_of(sample.place.study, "00201208") or 0)
    need(0 < count <= 300, "the study is too large to be fetched whole")  # noqa: PLR2004
    answer = sample.server.ask(sample.place.study_path, accept=ANY_DICOM).must_be(200)
    expect(len(answer.parts) == count, f"{len(answer.parts)} parts")


@check("study.unknown", "10.4.3.1", "A study that is not there answers 404")
def _(sample: Sample) -> None:
    sample.server.ask(f"studies/{_NO_UID}", accept=ANY_DICOM).must_be(404)
