"""Checks of searching (QIDO-RS, PS3.18 8.3.4 and 10.6)."""

from radcommons.client.conformance.answers import DICOM_JSON, first_of
from radcommons.client.conformance.checks import check, expect, need
from radcommons.client.conformance.sample import STUDY, Attributes, Sample

STUDY_ATTRIBUTES = (
    "00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020", "00100030", "00100040",
    "0020000D", "00200010", "00201206", "00201208",
)  # fmt: skip
_NAME_VR = "PN"
_NUMBER_VRS = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"})
_NOBODY = "RADCOMMONS-CHECK-NOBODY"


def found(sample: Sample, query: str, level: str = "studies") -> list[Attributes]:
    """The results of a search."""
    return sample.server.ask(f"{level}?{query}").results


def uids(results: list[Attributes], tag: str = STUDY) -> list[str]:
    """The identifiers of results."""
    return [first_of(result, tag) for result in results]


def _finds(sample: Sample, query: str) -> None:
    """The sample's study is among the results of a search that names it too."""
    uid = first_of(sample.place.study, STUDY)
    expect(
        uid in uids(found(sample, f"{query}&StudyInstanceUID={uid}")),
        f"{query.split('=', maxsplit=1)[0]} does not find the study",
    )


def _misses(sample: Sample, query: str) -> None:
    uid = first_of(sample.place.study, STUDY)
    expect(uid not in uids(found(sample, f"{query}&StudyInstanceUID={uid}")), "a study is found that does not match")


def _value(sample: Sample, tag: str, name: str) -> str:
    value = first_of(sample.place.study, tag)
    need(value, f"the study has no {name}")
    return value


@check("search.studies", "10.6", "A search for studies answers 200 with a DICOM JSON array")
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies?limit=5").must_be(200, DICOM_JSON)
    expect(answer.array, "no study is found")


@check("search.studies.attributes", "10.6.3.3.1", "Study results hold the required attributes, empty ones too")
def _(sample: Sample) -> None:
    for study in sample.studies:
        missing = [tag for tag in STUDY_ATTRIBUTES if tag not in study]
        expect(not missing, f"missing: {', '.join(missing)}")


@check("search.studies.retrieve-url", "10.6.3.3.1", "Study results say where the study is retrieved", is_optional=True)
def _(sample: Sample) -> None:
    address = first_of(sample.place.study, "00081190")
    expect(address, "no RetrieveURL (0008,1190)")
    sample.server.ask(f"{address}/metadata").must_be(200)


@check(
    "search.json-model",
    "F.2",
    "Every attribute is an object with a value representation and Value, if any, a filled array",
)
def _(sample: Sample) -> None:
    for study in sample.studies:
        for tag, attribute in study.items():
            expect(len(tag) == 8 and tag == tag.upper(), f"{tag} is no tag of eight capital digits")  # noqa: PLR2004
            expect("vr" in attribute, f"{tag} has no vr")
            expect(attribute.get("Value", [None]) != [], f"{tag} has an empty Value")


@check("search.json-names", "F.2.2", "Persons' names are objects with their component groups")
def _(sample: Sample) -> None:
    names = [value for study in sample.studies for each in study.values() if each["vr"] == _NAME_VR
             for value in each.get("Value", []) if value is not None]  # fmt: skip
    need(names, "no study has a person's name")
    expect(all(isinstance(name, dict) for name in names), "a person's name is no object")


@check("search.json-numbers", "F.2.3", "Numbers are JSON numbers")
def _(sample: Sample) -> None:
    values = [value for study in sample.studies for each in study.values() if each["vr"] in _NUMBER_VRS
              for value in each.get("Value", []) if value is not None]  # fmt: skip
    need(values, "no study has a number")
    expect(all(isinstance(value, int | float) for value in values), "a number is text")


@check("search.limit", "8.3.4.4", "limit bounds the number of results")
def _(sample: Sample) -> None:
    need(len(sample.studies) > 1, "there is one study only")
    expect(len(found(sample, "limit=1")) == 1, "limit=1 does not give one result")


@check("search.offset", "8.3.4.4", "offset leaves out the first results, in an order that stays")
def _(sample: Sample) -> None:
    need(len(sample.studies) > 1, "there is one study only")
    whole = uids(found(sample, "limit=4"))
    paged = uids([*found(sample, "limit=2"), *found(sample, "limit=2&offset=2")])
    expect(whole == paged, "two pages of two are not one page of four")


@check("search.offset-beyond", "8.3.4.4", "An offset beyond the end gives no results, not an error")
def _(sample: Sample) -> None:
    expect(not found(sample, "limit=1&offset=99999999"), "results come from beyond the end")


@check("search.limit-invalid", "8.3.4.4", "A limit that is no number is refused")
def _(sample: Sample) -> None:
    sample.server.ask("studies?limit=many").must_be(400)


@check("search.patient-id", "8.3.4.1.1", "PatientID matches exactly")
def _(sample: Sample) -> None:
    wanted = _value(sample, "00100020", "PatientID")
    results = found(sample, f"PatientID={wanted}")
    expect(results and all(first_of(each, "00100020") == wanted for each in results), "others are found, or none")


@check("search.nothing", "10.6.3.1", "A search without hits answers 204, or 200 with an empty array")
def _(sample: Sample) -> None:
    expect(not found(sample, f"PatientID={_NOBODY}"), "somebody is found who is not there")


@check("search.by-tag", "8.3.4.1", "An attribute may be named by its tag")
def _(sample: Sample) -> None:
    wanted = _value(sample, "00100020", "PatientID")
    expect(uids(found(sample, f"00100020={wanted}")) == uids(found(sample, f"PatientID={wanted}")), "other results")


@check("search.uid", "8.3.4.1.2", "StudyInstanceUID matches one study")
def _(sample: Sample) -> None:
    uid = first_of(sample.place.study, STUDY)
    expect(uids(found(sample, f"StudyInstanceUID={uid}")) == [uid], "not exactly that study")


@check("search.uid-list", "8.3.4.1.2", "A list of UIDs with commas matches each of them")
def _(sample: Sample) -> None:
    need(len(sample.studies) > 1, "there is one study only")
    wanted = uids(sample.studies[:2])
    expect(sorted(uids(found(sample, f"StudyInstanceUID={','.join(wanted)}"))) == sorted(wanted), "not both studies")


@check("search.uid-list-backslash", "8.3.4.1.2", "A list of UIDs with backslashes matches each of them")
def _(sample: Sample) -> None:
    need(len(sample.studies) > 1, "there is one study only")
    wanted = uids(sample.studies[:2])
    expect(sorted(uids(found(sample, f"StudyInstanceUID={'%5C'.join(wanted)}"))) == sorted(wanted), "not both studies")


@check("search.wildcard-star", "8.3.4.1.3", "An asterisk stands for any text")
def _(sample: Sample) -> None:
    value = _value(sample, "00100020", "PatientID")
    _finds(sample, f"PatientID={value[: max(1, len(value) // 2)]}*")
    _finds(sample, f"PatientID=*{value[-1]}")
    _misses(sample, f"PatientID={_NOBODY}*")


@check("search.wildcard-question", "8.3.4.1.3", "A question mark stands for one character")
def _(sample: Sample) -> None:
    value = _value(sample, "00100020", "PatientID")
    _finds(sample, f"PatientID={value[:-1]}%3F")
    _misses(sample, f"PatientID={value}%3F")


@check("search.wildcard-literal", "8.3.4.1.3", "Signs that mean something to a database are taken literally")
def _(sample: Sample) -> None:
    _misses(sample, "PatientID=%25")
    _misses(sample, f"PatientID={'_' * len(_value(sample, '00100020', 'PatientID'))}")


@check("search.universal", "8.3.4.1.4", "An empty value matches everything")
def _(sample: Sample) -> None:
    _finds(sample, "PatientID=")


@check("search.date", "8.3.4.1.1", "StudyDate matches exactly")
def _(sample: Sample) -> None:
    day = _value(sample, "00080020", "StudyDate")
    _finds(sample, f"StudyDate={day}")
    _misses(sample, "StudyDate=18900101")


@check("search.date-range", "8.3.4.1.5", "A range of dates is closed on both sides")
def _(sample: Sample) -> None:
    day = _value(sample, "00080020", "StudyDate")
    _finds(sample, f"StudyDate={day}-{day}")
    _misses(sample, "StudyDate=18900101-18911231")


@check("search.date-range-open-start", "8.3.4.1.5", "A range of dates may have no beginning")
def _(sample: Sample) -> None:
    day = _value(sample, "00080020", "StudyDate")
    _finds(sample, f"StudyDate=-{day}")
    _misses(sample, "StudyDate=-18900101")


@check("search.date-range-open-end", "8.3.4.1.5", "A range of dates may have no end")
def _(sample: Sample) -> None:
    day = _value(sample, "00080020", "StudyDate")
    _finds(sample, f"StudyDate={day}-")
    _misses(sample, "StudyDate=99990101-")


@check("search.date-invalid", "8.3.4", "A date that is none is refused")
def _(sample: Sample) -> None:
    sample.server.ask("studies?StudyDate=yesterday").must_be(400)


@check("search.time-range", "8.3.4.1.5", "StudyTime matches a range")
def _(sample: Sample) -> None:
    time = _value(sample, "00080030", "StudyTime")
    need(len(time) >= 6, "the study's time has no seconds")  # noqa: PLR2004
    _finds(sample, f"StudyTime={time[:6]}-{time[:6]}")


@check("search.modalities", "10.6.1.2.3", "ModalitiesInStudy matches studies with that modality")
def _(sample: Sample) -> None:
    modality = first_of(sample.place.series, "00080060")
    need(modality, "the series has no modality")
    _finds(sample, f"ModalitiesInStudy={modality}")
    _misses(sample, "ModalitiesInStudy=NONE")


@check("search.keys", "10.6.1.2.3", "All required keys of the study level are understood")
def _(sample: Sample) -> None:
    for key in ("AccessionNumber", "ReferringPhysicianName", "PatientName", "StudyID", "StudyTime", "StudyDate"):
        answer = sample.server.ask(f"studies?{key}=&limit=1")
        expect(answer.status in {200, 204}, f"{key}: status {answer.status}")


@check("search.patient-name", "8.3.4.1.3", "PatientName matches with a wildcard")
def _(sample: Sample) -> None:
    name = _value(sample, "00100010", "PatientName")
    _finds(sample, f"PatientName={name[:2]}*")


@check("search.fuzzy", "8.3.4.2", "fuzzymatching=true is done, or a Warning says that it was not")
def _(sample: Sample) -> None:
    name = first_of(sample.place.study, "00100010") or first_of(sample.place.study, "00100020")
    answer = sample.server.ask(f"studies?PatientName={name}&fuzzymatching=true")
    expect(answer.status in {200, 204}, f"status {answer.status}")
    is_done = bool(answer.results) if first_of(sample.place.study, "00100010") else True
    expect("warning" in answer.headers or is_done, "neither results nor a Warning")


@check(
    "search.fuzzy-words", "8.3.4.2", "Fuzzy matching finds a name by the beginning of a part of it", is_optional=True
)
def _(sample: Sample) -> None:
    parts = first_of(sample.place.study, "00100010").replace("^", " ").split()
    need(parts and len(parts[-1]) > 2, "the study has no person's name")  # noqa: PLR2004
    begin = parts[-1][: max(2, len(parts[-1]) - 1)]
    answer = sample.server.ask(f"studies?PatientName={begin.upper()}&fuzzymatching=true")
    need("warning" not in answer.headers, "the server does no fuzzy matching")
    expect(first_of(sample.place.study, STUDY) in uids(answer.results), "the study is not found")


@check("search.fuzzy-false", "8.3.4.2", "fuzzymatching=false is understood")
def _(sample: Sample) -> None:
    expect(found(sample, "fuzzymatching=false&limit=1"), "no results")


@check("search.unknown-attribute", "8.3.4", "A name that is no attribute is refused")
def _(sample: Sample) -> None:
    sample.server.ask("studies?NoSuchAttribute=1").must_be(400)


@check("search.includefield-keyword", "8.3.4.3", "includefield adds an attribute by its keyword")
def _(sample: Sample) -> None:
    modality = found(sample, "includefield=StudyDescription&limit=40")
    need(any("00081030" in each for each in sample_with_descriptions(sample)), "no study has a description")
    expect(any("00081030" in each for each in modality), "StudyDescription is not returned")


@check("search.includefield-tag", "8.3.4.3", "includefield adds an attribute by its tag")
def _(sample: Sample) -> None:
    need(any("00081030" in each for each in sample_with_descriptions(sample)), "no study has a description")
    expect(any("00081030" in each for each in found(sample, "includefield=00081030&limit=40")), "not returned")


@check("search.includefield-list", "8.3.4.3", "includefield takes a list")
def _(sample: Sample) -> None:
    need(any("00081030" in each for each in sample_with_descriptions(sample)), "no study has a description")
    results = found(sample, "includefield=00080060,StudyDescription&limit=40")
    expect(any("00081030" in each for each in results), "the second of the list is not returned")


@check("search.includefield-twice", "8.3.4.3", "includefield may be given more than once")
def _(sample: Sample) -> None:
    need(any("00081030" in each for each in sample_with_descriptions(sample)), "no study has a description")
    results = found(sample, "includefield=00101010&includefield=00081030&limit=40")
    expect(any("00081030" in each for each in results), "the second is not returned")


@check("search.includefield-all", "8.3.4.3", "includefield=all returns all attributes of the level")
def _(sample: Sample) -> None:
    results = found(sample, "includefield=all&limit=40")
    expect(results and all(set(STUDY_ATTRIBUTES) - set(each) <= set(STUDY_ATTRIBUTES) for each in results), "none")
    expect(len(results[0]) >= len(found(sample, "limit=1")[0]), "fewer attributes than without it")


def sample_with_descriptions(sample: Sample) -> list[Attributes]:
    """The first studies with everything that is known of them."""
    return found(sample, "includefield=all&limit=40")


@check("search.accept-json", "8.7.3", "application/json is answered too")
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies?limit=1", accept="application/json").must_be(200)
    expect(answer.media_type in {"application/json", DICOM_JSON}, f"got {answer.media_type}")


@check("search.accept-default", "8.7.3.2", "Without Accept a search answers DICOM JSON")
def _(sample: Sample) -> None:
    sample.server.ask("studies?limit=1", accept=None).must_be(200, DICOM_JSON)


@check("search.accept-xml", "8.7.3", "DICOM XML is answered in parts, or refused with 406")
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies?limit=1", accept='multipart/related; type="application/dicom+xml"')
    expect(answer.status in {200, 406}, f"status {answer.status}")
    expect(answer.status == 406 or answer.media_type == "multipart/related", f"got {answer.media_type}")  # noqa: PLR2004


@check("search.accept-refused", "8.7.5", "What cannot be given is refused with 406")
def _(sample: Sample) -> None:
    sample.server.ask("studies?limit=1", accept="image/png").must_be(406)


@check("search.accept-parameter", "8.3.3.1", "The media type may be asked for in the address", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies?limit=1&accept=application/dicom%2Bjson", accept="*/*").must_be(200)
    expect(answer.media_type == DICOM_JSON, f"got {answer.media_type}")
