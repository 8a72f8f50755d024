"""Checks of searching below the study: series, instances, and what is counted (QIDO-RS, PS3.18 10.6)."""

from radcommons.client.conformance.answers import DICOM_JSON, first_of, values_of
from radcommons.client.conformance.checks import check, expect, need
from radcommons.client.conformance.sample import INSTANCE, SERIES, STUDY, Sample
from radcommons.client.conformance.searching import uids

SERIES_ATTRIBUTES = ("00080060", "0020000E", "00200011", "00201209")
INSTANCE_ATTRIBUTES = ("00080016", "00080018", "00200013")
_IMAGE_ATTRIBUTES = ("00280010", "00280011", "00280100")
_NO_UID = "2.25.1234567890"


@check("search.series", "10.6", "The series of a study are found")
def _(sample: Sample) -> None:
    results = sample.server.ask(f"{sample.place.study_path}/series").must_be(200, DICOM_JSON).array
    expect(first_of(sample.place.series, SERIES) in uids(results, SERIES), "the series is not among them")


@check("search.series.attributes", "10.6.3.3.2", "Series results hold the required attributes")
def _(sample: Sample) -> None:
    missing = [tag for tag in SERIES_ATTRIBUTES if tag not in sample.place.series]
    expect(not missing, f"missing: {', '.join(missing)}")


@check("search.series.modality", "10.6.1.2.3", "Modality matches series")
def _(sample: Sample) -> None:
    modality = first_of(sample.place.series, "00080060")
    need(modality, "the series has no modality")
    results = sample.server.ask(f"{sample.place.study_path}/series?Modality={modality}").results
    expect(results and {first_of(each, "00080060") for each in results} == {modality}, "others are found, or none")
    expect(not sample.server.ask(f"{sample.place.study_path}/series?Modality=NONE").results, "series without match")


@check("search.series.uid", "10.6.1.2.3", "SeriesInstanceUID matches one series")
def _(sample: Sample) -> None:
    uid = first_of(sample.place.series, SERIES)
    results = sample.server.ask(f"{sample.place.study_path}/series?SeriesInstanceUID={uid}").results
    expect(uids(results, SERIES) == [uid], "not exactly that series")


@check("search.series.number", "10.6.1.2.3", "SeriesNumber matches series")
def _(sample: Sample) -> None:
    number = first_of(sample.place.series, "00200011")
    need(number, "the series has no number")
    results = sample.server.ask(f"{sample.place.study_path}/series?SeriesNumber={number}").results
    expect(first_of(sample.place.series, SERIES) in uids(results, SERIES), "the series is not found")


@check("search.series.requests", "10.6.1.2.3", "Attributes inside RequestAttributesSequence are understood as keys")
def _(sample: Sample) -> None:
    for key in ("RequestAttributesSequence.RequestedProcedureID", "00400275.00400009"):
        answer = sample.server.ask(f"{sample.place.study_path}/series?{key}=RADCOMMONS-NOBODY")
        expect(answer.status in {200, 204} and not answer.results, f"{key}: status {answer.status}, or results")


@check("search.series.everywhere", "10.6.1.1", "Series are found without naming a study")
def _(sample: Sample) -> None:
    uid = first_of(sample.place.series, SERIES)
    results = sample.server.ask(f"series?SeriesInstanceUID={uid}").results
    expect(uids(results, SERIES) == [uid], "not exactly that series")
    expect(first_of(results[0], STUDY) == first_of(sample.place.study, STUDY), "the result does not name its study")


@check("search.series.unknown-study", "10.6.3.1", "The series of a study that is not there are none")
def _(sample: Sample) -> None:
    answer = sample.server.ask(f"studies/{_NO_UID}/series")
    expect(answer.status in {204, 404} or (answer.status == 200 and not answer.array), f"status {answer.status}")  # noqa: PLR2004


@check("search.instances", "10.6", "The instances of a series are found")
def _(sample: Sample) -> None:
    results = sample.server.ask(f"{sample.place.series_path}/instances").must_be(200, DICOM_JSON).array
    expect(first_of(sample.place.instance, INSTANCE) in uids(results, INSTANCE), "the instance is not among them")


@check("search.instances.attributes", "10.6.3.3.3", "Instance results hold the required attributes")
def _(sample: Sample) -> None:
    wanted = (*INSTANCE_ATTRIBUTES, *(_IMAGE_ATTRIBUTES if first_of(sample.place.instance, "00280010") else ()))
    missing = [tag for tag in wanted if tag not in sample.place.instance]
    expect(not missing, f"missing: {', '.join(missing)}")


@check("search.instances.order", "10.6.3", "Instances come in the order of their numbers", is_optional=True)
def _(sample: Sample) -> None:
    results = sample.server.ask(f"{sample.place.series_path}/instances").results
    numbers = [int(first_of(each, "00200013")) for each in results if first_of(each, "00200013")]
    need(len(numbers) > 1, "the series has one numbered instance")
    expect(numbers == sorted(numbers), "they do not")


@check("search.instances.uid", "10.6.1.2.3", "SOPInstanceUID matches one instance")
def _(sample: Sample) -> None:
    uid = first_of(sample.place.instance, INSTANCE)
    results = sample.server.ask(f"{sample.place.series_path}/instances?SOPInstanceUID={uid}").results
    expect(uids(results, INSTANCE) == [uid], "not exactly that instance")


@check("search.instances.class", "10.6.1.2.3", "SOPClassUID matches instances")
def _(sample: Sample) -> None:
    uid = first_of(sample.place.instance, "00080016")
    results = sample.server.ask(f"{sample.place.series_path}/instances?SOPClassUID={uid}").results
    expect(results, "none is found")
    expect(not sample.server.ask(f"{sample.place.series_path}/instances?SOPClassUID={_NO_UID}").results, "too many")


@check("search.instances.number", "10.6.1.2.3", "InstanceNumber matches instances")
def _(sample: Sample) -> None:
    number = first_of(sample.place.instance, "00200013")
    need(number, "the instance has no number")
    results = sample.server.ask(f"{sample.place.series_path}/instances?InstanceNumber={number}").results
    expect(results and {first_of(each, "00200013") for each in results} == {number}, "others are found, or none")


@check("search.instances.of-study", "10.6.1.1", "The instances of a study are found")
def _(sample: Sample) -> None:
    results = sample.server.ask(f"{sample.place.study_path}/instances?limit=2").results
    expect(
        results and all(first_of(each, SERIES) for each in results), "none, or results that do not name their series"
    )


@check("search.instances.everywhere", "10.6.1.1", "Instances are found without naming a study")
def _(sample: Sample) -> None:
    uid = first_of(sample.place.instance, INSTANCE)
    results = sample.server.ask(f"instances?SOPInstanceUID={uid}").results
    expect(uids(results, INSTANCE) == [uid], "not exactly that instance")
    expect(first_of(results[0], SERIES) == first_of(sample.place.series, SERIES), "the result does not name its series")


@check("search.counts.series", "10.6.3.3.1", "NumberOfStudyRelatedSeries is the number of series found")
def _(sample: Sample) -> None:
    results = sample.server.ask(f"{sample.place.study_path}/series").results
    expect(int(first_of(sample.place.study, "00201206") or -1) == len(results), "another number")


@check("search.counts.instances-of-study", "10.6.3.3.1", "NumberOfStudyRelatedInstances is the sum over the series")
def _(sample: Sample) -> None:
    series = sample.server.ask(f"{sample.place.study_path}/series").results
    total = sum(int(first_of(each, "00201209") or 0) for each in series)
    expect(int(first_of(sample.place.study, "00201208") or -1) == total, "another number")


@check(
    "search.counts.instances-of-series", "10.6.3.3.2", "NumberOfSeriesRelatedInstances is the number of instances found"
)
def _(sample: Sample) -> None:
    results = sample.server.ask(f"{sample.place.series_path}/instances").results
    expect(int(first_of(sample.place.series, "00201209") or -1) == len(results), "another number")


@check("search.counts.modalities", "10.6.3.3.1", "ModalitiesInStudy are the modalities of the series")
def _(sample: Sample) -> None:
    series = sample.server.ask(f"{sample.place.study_path}/series").results
    modalities = {first_of(each, "00080060") for each in series}
    expect(set(values_of(sample.place.study, "00080061")) == modalities, "others")
