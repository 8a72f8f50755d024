"""dicomweb-client, the strict Python client, against a release root over real HTTP (PS3.18)."""

import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import uvicorn
from dicomweb_client.api import DICOMwebClient
from django.core.management import call_command
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRBigEndian, generate_uid
from requests import HTTPError

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.models import Instance
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site

pytestmark = pytest.mark.django_db

ROOT = "releases/covid/1.0"


def resolve_scope(path: str, actor: Actor) -> Scope:
    if path != ROOT:
        raise NotFoundError
    return Scope(path, Instance.objects.all(), is_immutable=True)


def anybody(request) -> Actor:
    return Actor.anonymous()


def no_bytes(uri: str) -> bytes:
    return b""


def serve(application) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


def renamed(path, folder):
    """A copy with an identifier of its own; all transfer syntaxes of one slice share theirs."""
    dataset = dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    dataset.save_as(folder / path.name)
    return folder / path.name


@pytest.fixture(scope="module")
def files(shared_data, tmp_path_factory):
    """Real objects: CT slices, one of them in 13 transfer syntaxes, radiographs, SR, RTDOSE, SEG, ECG."""
    folder = tmp_path_factory.mktemp("syntaxes")
    paths = [
        *sorted((shared_data / "ct" / "covid-19-ny-sbu").rglob("*.dcm"))[:6],
        *sorted((shared_data / "ct" / "cip-64" / "dicom").iterdir())[:12],
        *(renamed(path, folder) for path in sorted((shared_data / "zoo" / "ct-chest-all-syntaxes").glob("*.dcm"))),
        *sorted((shared_data / "cxr" / "nema-wg04").glob("*.dcm")),
        *sorted((shared_data / "annotations").glob("*.dcm")),
        *sorted((shared_data / "zoo" / "objects").glob("*.dcm")),
    ]
    assert len(paths) > 30
    return paths


@pytest.fixture(scope="module")
def stored(files, django_db_setup, django_db_blocker):
    """Each file's path by SOP Instance UID, stored and committed."""
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
        site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
        kept = {}
        for path in files:
            description, _ = describe_file(path)
            if description is None or path.read_bytes()[128:132] != b"DICM":
                continue  # the hospital's box writes a preamble; what has none never comes here
            result = services.store_instance(
                description, path, site=site, project="covid19", actor=Actor.system("tests")
            )
            if result.outcome.value == "stored":
                kept[description.sop_instance_uid] = path
        assert len(kept) > 30
        yield kept
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def base_url(stored):
    yield from serve(dicomweb_app(resolve_scope, anybody))


@pytest.fixture
def client(base_url):
    return DICOMwebClient(f"{base_url}/{ROOT}")


def identifiers(dataset):
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def header_of(path):
    return dcmread(path, stop_before_pixels=True)


def test_every_study_series_and_instance_is_found(client, stored):
    headers = [header_of(path) for path in stored.values()]
    studies = client.search_for_studies(get_remaining=True)
    assert {item["0020000D"]["Value"][0] for item in studies} == {header.StudyInstanceUID for header in headers}
    series = client.search_for_series(get_remaining=True)
    assert {item["0020000E"]["Value"][0] for item in series} == {header.SeriesInstanceUID for header in headers}
    instances = client.search_for_instances(get_remaining=True)
    assert {item["00080018"]["Value"][0] for item in instances} == set(stored)
    for found in (*studies, *series, *instances):
        Dataset.from_json(found)


def test_searches_are_narrowed_by_attributes_fields_and_pages(client, stored):
    header = header_of(next(iter(stored.values())))
    by_patient = client.search_for_studies(
        search_filters={"PatientID": header.PatientID}, fields=["StudyDescription", "00080060"], limit=5
    )
    assert header.StudyInstanceUID in {item["0020000D"]["Value"][0] for item in by_patient}
    assert "00081030" in by_patient[0]
    pages = [client.search_for_studies(limit=1, offset=offset)[0]["0020000D"]["Value"][0] for offset in range(3)]
    assert len(set(pages)) == 3
    assert client.search_for_studies(search_filters={"PatientID": "nobody-has-this"}) == []
    modality = client.search_for_series(study_instance_uid=header.StudyInstanceUID, search_filters={"Modality": "CT"})
    assert {item["00080060"]["Value"][0] for item in modality} == {"CT"}


def test_instances_come_back_byte_for_byte(client, stored):
    for path in stored.values():
        study, series, instance = identifiers(header_of(path))
        dataset = client.retrieve_instance(study, series, instance)
        original = dcmread(path)
        assert dataset.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
        assert dataset == original


def test_series_and_studies_are_streamed(client, stored):
    header = header_of(next(path for path in stored.values() if "cip-64" in str(path)))
    members = [uid for uid, path in stored.items() if header_of(path).SeriesInstanceUID == header.SeriesInstanceUID]
    series = list(client.iter_series(header.StudyInstanceUID, header.SeriesInstanceUID))
    assert {dataset.SOPInstanceUID for dataset in series} == set(members)
    assert len(client.retrieve_study(header.StudyInstanceUID)) >= len(members)


def test_metadata_of_every_level_describes_the_files(client, stored):
    for path in stored.values():
        header = header_of(path)
        study, series, instance = identifiers(header)
        values = client.retrieve_instance_metadata(study, series, instance)
        described = Dataset.from_json(values, bulk_data_uri_handler=no_bytes)
        assert described.SOPInstanceUID == instance
        assert described.get("Modality") == header.get("Modality")
        assert described.get("Rows") == header.get("Rows")
    assert len(client.retrieve_series_metadata(study, series)) >= 1
    assert len(client.retrieve_study_metadata(study)) >= 1


def test_frames_are_the_bytes_of_the_file(client, stored):
    checked = 0
    for instance in Instance.objects.filter(is_image=True).select_related("series__study"):
        path = stored[instance.sop_instance_uid]
        if not instance.frames or instance.transfer_syntax_uid == ExplicitVRBigEndian:
            continue
        study, series = instance.series.study.study_instance_uid, instance.series.series_instance_uid
        numbers = sorted({1, instance.number_of_frames})
        frames = client.retrieve_instance_frames(study, series, instance.sop_instance_uid, numbers)
        assert len(frames) == len(numbers)
        data = path.read_bytes()
        assert all(frame and frame in data for frame in frames) or is_fragmented(instance)
        checked += 1
    assert checked > 25


def is_fragmented(instance):
    return isinstance(instance.frames, list) and any(len(numbers) > 2 for numbers in instance.frames)


def test_compressed_frames_are_decoded_on_request(client, stored):
    checked = 0
    for path in stored.values():
        dataset = dcmread(path)
        syntax = dataset.file_meta.TransferSyntaxUID
        if "syntaxes" not in str(path) or not syntax.is_encapsulated:
            continue
        try:
            expected = dataset.pixel_array
        except (RuntimeError, NotImplementedError, AttributeError, ValueError):
            continue
        (frame,) = client.retrieve_instance_frames(
            *identifiers(dataset), frame_numbers=[1], media_types=("application/octet-stream",)
        )
        assert np.array_equal(np.frombuffer(frame, expected.dtype).reshape(expected.shape), expected)
        checked += 1
    assert checked >= 8


def test_pixel_data_can_be_retrieved_as_bulk_data(client, stored):
    path = next(path for path in stored.values() if "cip-64" in str(path))
    dataset = dcmread(path)
    values = client.retrieve_instance_metadata(*identifiers(dataset))
    (value,) = client.retrieve_bulkdata(values["7FE00010"]["BulkDataURI"])
    assert value == dataset.PixelData


def test_pictures_are_rendered(client, stored):
    path = next(path for path in stored.values() if "covid-19-ny-sbu" in str(path))
    study, series, instance = identifiers(header_of(path))
    jpeg = client.retrieve_instance_rendered(study, series, instance, media_types=("image/jpeg",))
    png = client.retrieve_instance_frames_rendered(study, series, instance, [1], media_types=("image/png",))
    narrow = client.retrieve_instance_rendered(
        study, series, instance, media_types=("image/jpeg",), params={"window": "40,80,linear", "quality": 60}
    )
    assert jpeg[:3] == b"\xff\xd8\xff"
    assert png[:4] == b"\x89PNG"
    assert narrow[:3] == b"\xff\xd8\xff"
    assert narrow != jpeg


def test_what_is_not_in_the_scope_is_not_found(base_url, client, stored):
    with pytest.raises(HTTPError) as missing:
        client.retrieve_instance("1.2.3", "1.2.4", "1.2.5")
    assert missing.value.response.status_code == 404
    with pytest.raises(HTTPError) as closed:
        DICOMwebClient(f"{base_url}/releases/other/1.0").search_for_studies()
    assert closed.value.response.status_code == 404


def test_storing_is_refused_with_an_explanation(client, stored):
    with pytest.raises(HTTPError) as refused:
        client.store_instances([dcmread(next(iter(stored.values())))])
    assert refused.value.response.status_code == 405
    assert "edge send" in refused.value.response.json()["message"]
