"""The application over HTTP, in process: negotiation, conditions, ranges, refusals, streams."""

import asyncio
import gzip
import io
import re
from email import message_from_bytes

import httpx
import numpy as np
import pytest
from django.core.management import call_command
from imagecodecs import htj2k_decode
from lxml import etree
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless, RLELossless
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.server.archive.conftest import ACTOR, dicom_file

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.archive.captions import captions
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.models import Instance
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site

pytestmark = pytest.mark.django_db

STUDY = "/open/studies/2.25.10"
SERIES = f"{STUDY}/series/2.25.20"
FIRST = f"{SERIES}/instances/2.25.301"
DOCUMENT = bytes(range(256)) * 8
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
STORED = "multipart/related; type=application/octet-stream; transfer-syntax=*"


def resolve_scope(path: str, actor: Actor) -> Scope:
    match path:
        case "open":
            return Scope(path, Instance.objects.all())
        case "frozen":
            return Scope(path, Instance.objects.filter(series__modality="CT"), is_immutable=True)
        case "closed":
            raise ForbiddenError
    raise NotFoundError


def resolve_actor(request) -> Actor:
    if "authorization" in request.headers:
        raise UnauthenticatedError
    return Actor.anonymous()


@pytest.fixture(scope="module")
def app():
    return dicomweb_app(resolve_scope, resolve_actor)


@pytest.fixture
def ask(app):
    def run(method, path, **headers):
        async def once():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
                names = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, path, headers={"accept-encoding": "identity", **names})

        return asyncio.run(once())

    return run


@pytest.fixture
def get(ask):
    return lambda path, **headers: ask("GET", path, **headers)


@pytest.fixture(scope="module", autouse=True)
def filled(django_db_setup, django_db_blocker, tmp_path_factory):
    """Files by number, stored and committed once for all tests here, since the application reads in other threads."""
    folder = tmp_path_factory.mktemp("files")
    paths = {number: dicom_file(folder, number) for number in (1, 2, 3)}
    paths[4] = dicom_file(folder, 4, SeriesInstanceUID="2.25.21", Modality="CR", SeriesNumber=1, frames=3)
    for number, syntax in ((5, RLELossless), (6, JPEGLSLossless)):
        paths[number] = dicom_file(folder, number, StudyInstanceUID="2.25.12", SeriesInstanceUID="2.25.23")
        packed = dcmread(paths[number])
        packed.compress(syntax, generate_instance_uid=False)
        packed.save_as(paths[number])
    document = {"EncapsulatedDocument": DOCUMENT, "MIMETypeOfEncapsulatedDocument": "application/pdf"}
    paths[7] = dicom_file(folder, 7, StudyInstanceUID="2.25.13", SeriesInstanceUID="2.25.24", **document)
    paths[8] = dicom_file(folder, 8, StudyInstanceUID="2.25.13", SeriesInstanceUID="2.25.24")
    paths[9] = dicom_file(folder, 9, StudyInstanceUID="2.25.14", SeriesInstanceUID="2.25.25")
    undecodable = dcmread(paths[9])
    undecodable.compress(JPEGLSLossless, generate_instance_uid=False)
    undecodable.PixelData = encapsulate([b"no code stream"])
    undecodable.save_as(paths[9])
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
        site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
        offers = [services.Offer(describe_file(path)[0], path) for path in paths.values()]
        services.store_instances(offers, site=site, project="covid19", actor=ACTOR)
        yield paths
        call_command("flush", interactive=False, verbosity=0)


def parts_of(response):
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + response.content)
    return [(part["Content-Type"], part.get_payload(decode=True)) for part in message.get_payload()]


def raw_parts(response):
    """The exact bytes of the parts; the standard library's parser is not safe for binary line ends."""
    boundary = response.headers["content-type"].split("boundary=")[1].encode()
    pieces = response.content.split(b"--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [piece.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for piece in pieces[1:-1]]


def test_search_answers_json_and_nothing_found_is_204(get):
    found = get("/open/studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060")
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/dicom+json"
    assert found.json()[0]["00081030"]["Value"] == ["CT Chest"]
    assert found.json()[0]["00081190"]["Value"] == ["http://host/open/studies/2.25.10"]
    nothing = get("/open/studies?PatientID=NOBODY")
    assert (nothing.status_code, nothing.content) == (204, b"")


def test_addresses_include_the_place_where_the_application_is_mounted(app):
    async def once():
        mounted = Starlette(routes=[Mount("/dicom-web", app=app)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=mounted), base_url="http://host") as client:
            return (await client.get(f"/dicom-web{FIRST}/metadata")).json()

    (values,) = asyncio.run(once())
    assert values["7FE00010"]["BulkDataURI"] == f"http://host/dicom-web{FIRST}/bulkdata/7FE00010"


def test_search_of_children_stays_below_their_parent(get):
    assert [item["0020000E"]["Value"][0] for item in get(f"{STUDY}/series").json()] == ["2.25.21", "2.25.20"]
    assert len(get(f"{SERIES}/instances").json()) == 3
    assert len(get(f"{STUDY}/instances").json()) == 4
    assert len(get("/open/series?Modality=CR").json()) == 1
    assert get("/open/studies/2.25.99/series").status_code == 204


def test_a_search_that_cannot_be_understood_is_400_with_an_explanation(get):
    answer = get("/open/studies?Modalty=CT")
    assert answer.status_code == 400
    assert answer.json()["code"] == "archive.query-invalid"
    assert "Modalty" in answer.json()["message"]


def test_unacceptable_forms_are_406(get):
    assert get("/open/studies", accept="application/dicom+xml").status_code == 406
    assert get(FIRST, accept="multipart/related; type=application/dicom; transfer-syntax=1.2.3").status_code == 406
    assert get(FIRST, accept="image/foo").status_code == 406
    assert get(f"{FIRST}/frames/1", accept="image/foo").status_code == 406
    assert get(f"{FIRST}/metadata", accept="text/html").status_code == 406


def test_fuzzy_matching_finds_parts_of_names_and_other_flags_are_answered_with_a_warning(get):
    found = get("/open/studies?PatientName=subj&fuzzymatching=true")
    assert len(found.json()) >= 1
    assert "warning" not in found.headers
    assert get("/open/studies?emptyvaluematching=true").headers["warning"].startswith("299 ")


XML = 'multipart/related; type="application/dicom+xml"'


def test_attributes_come_as_xml_that_says_what_the_json_says(get):
    """PS3.19 A.1: one document a part, each attribute with its values in order."""
    for path in (f"{SERIES}/metadata", f"{SERIES}/instances", "/open/studies", f"{STUDY}/series"):
        answer = get(path, accept=XML)
        objects = get(path).json()
        assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"')
        documents = [etree.fromstring(part) for part in raw_parts(answer)]
        assert len(documents) == len(objects)
        for document, values in zip(documents, objects, strict=True):
            told = {each.get("tag"): each for each in document.iter(f"{NATIVE}DicomAttribute")}
            assert set(values) == {each.get("tag") for each in document}
            for tag, attribute in values.items():
                assert told[tag].get("vr") == attribute["vr"]
                shown = [each.text or "" for each in told[tag].findall(f"{NATIVE}Value")]
                if attribute["vr"] not in {"PN", "SQ"}:
                    assert shown == [str(value) for value in attribute.get("Value", [])]
    assert get("/open/studies?PatientID=NOBODY", accept=XML).status_code == 204


def test_metadata_is_that_of_the_file_and_its_bulk_data_resolves(filled, get):
    (values,) = get(f"{FIRST}/metadata").json()
    dataset = dcmread(filled[1])
    assert values["0020000D"]["Value"] == [dataset.StudyInstanceUID]
    assert values["00281053"]["Value"] == [1]
    address = values["7FE00010"]["BulkDataURI"]
    assert address == f"http://host{FIRST}/bulkdata/7FE00010"
    assert get(address, accept="application/octet-stream").content == dataset.PixelData
    assert raw_parts(get(address)) == [dataset.PixelData]


def test_metadata_of_a_series_and_a_study_hold_all_instances_in_order(get):
    assert [item["00200013"]["Value"] for item in get(f"{SERIES}/metadata").json()] == [[1], [2], [3]]
    assert len(get(f"{STUDY}/metadata").json()) == 4


def test_metadata_is_compressed_when_the_client_takes_it(app):
    async def once():
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host")
        request = client.stream("GET", f"{SERIES}/metadata", headers={"accept-encoding": "gzip"})
        async with client, request as response:
            return response.headers, b"".join([chunk async for chunk in response.aiter_raw()])

    headers, body = asyncio.run(once())
    assert headers["content-encoding"] == "gzip"
    assert b"2.25.301" in gzip.decompress(body)


def test_a_held_representation_is_answered_with_304(get):
    for path in (f"{SERIES}/metadata", SERIES, f"{FIRST}/frames/1", "/open/studies", f"{FIRST}/bulkdata/7FE00010"):
        etag = get(path).headers["etag"]
        again = get(path, if_none_match=etag)
        assert (again.status_code, again.content) == (304, b"")


def test_only_frozen_scopes_may_be_kept_without_asking(get):
    assert "no-cache" in get(f"{SERIES}/metadata").headers["cache-control"]
    assert "immutable" in get(f"{SERIES}/metadata".replace("/open/", "/frozen/")).headers["cache-control"]


def test_instances_come_byte_for_byte_with_their_length(filled, get):
    answer = get(SERIES, accept='multipart/related; type="application/dicom"; transfer-syntax=*')
    assert raw_parts(answer) == [path.read_bytes() for path in list(filled.values())[:3]]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert len(raw_parts(get(STUDY))) == 4


def test_one_instance_may_come_alone_and_in_pieces(filled, get):
    whole = get(FIRST, accept="application/dicom")
    data = filled[1].read_bytes()
    assert whole.content == data
    assert whole.headers["content-type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    middle = get(FIRST, accept="application/dicom", range="bytes=128-131")
    assert (middle.status_code, middle.content) == (206, b"DICM")
    assert middle.headers["content-range"] == f"bytes 128-131/{len(data)}"
    rest = get(FIRST, accept="application/dicom", range="bytes=128-", if_range=whole.headers["etag"])
    assert rest.content == data[128:]
    behind = get(FIRST, accept="application/dicom", range=f"bytes={len(data)}-")
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{len(data)}")
    assert get(SERIES, accept="application/dicom").status_code == 406


def test_frames_are_cut_out_of_the_file(filled, get):
    dataset = dcmread(filled[4])
    size = len(dataset.PixelData) // 3
    path = f"{STUDY}/series/2.25.21/instances/2.25.304/frames"
    answer = get(f"{path}/3,1", accept=STORED)
    assert raw_parts(answer) == [dataset.PixelData[2 * size :], dataset.PixelData[:size]]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert parts_of(answer)[0][0] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    assert get(f"{path}/2", accept="application/octet-stream").content == dataset.PixelData[size : 2 * size]
    assert get(f"{path}/0").status_code == 404
    assert get(f"{path}/4").status_code == 404


@pytest.mark.parametrize(
    ("number", "syntax", "kind"), [(5, RLELossless, "image/dicom-rle"), (6, JPEGLSLossless, "image/jls")]
)
def test_compressed_frames_are_sent_as_stored_or_decoded_in_a_worker(filled, get, number, syntax, kind):
    instance = f"/open/studies/2.25.12/series/2.25.23/instances/2.25.30{number}"
    pixels = dcmread(filled[number]).pixel_array.tobytes()
    as_stored = get(f"{instance}/frames/1", accept='multipart/related; type="*/*"')
    assert parts_of(as_stored)[0][0] == f"{kind}; transfer-syntax={syntax}"
    assert raw_parts(as_stored)[0] in filled[number].read_bytes()
    decoded = get(f"{instance}/frames/1", accept='multipart/related; type="application/octet-stream"')
    assert raw_parts(decoded) == [pixels]
    assert get(f"{instance}/frames/1", accept="application/octet-stream").content == pixels
    assert raw_parts(get(f"{instance}/bulkdata/7FE00010")) == raw_parts(as_stored)


LITTLE, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"


def test_instances_are_transcoded_when_asked(filled, get):
    series = "/open/studies/2.25.12/series/2.25.23"
    answer = get(series, accept=f"multipart/related; type=application/dicom; transfer-syntax={LITTLE}")
    assert [kind for kind, _ in parts_of(answer)] == [f"application/dicom; transfer-syntax={LITTLE}"] * 2
    for number, body in zip((5, 6), raw_parts(answer), strict=True):
        made = dcmread(io.BytesIO(body))
        assert made.file_meta.TransferSyntaxUID == LITTLE
        assert np.array_equal(made.pixel_array, dcmread(filled[number]).pixel_array)
    wanted = f"multipart/related; type=application/dicom; transfer-syntax={RLE}"
    assert [kind.rpartition("=")[2] for kind, _ in parts_of(get(series, accept=wanted))] == [RLE, RLE]


def test_one_transcoded_instance_has_a_length_a_tag_of_its_own_and_ranges(get):
    path = "/open/studies/2.25.12/series/2.25.23/instances/2.25.305"
    whole = get(path, accept=f"application/dicom; transfer-syntax={LITTLE}")
    assert len(whole.content) == int(whole.headers["content-length"])
    assert whole.headers["etag"] != get(path, accept="application/dicom").headers["etag"]
    part = get(path, accept=f"application/dicom; transfer-syntax={LITTLE}", range="bytes=100-199")
    assert (part.status_code, part.content) == (206, whole.content[100:200])


def test_frames_are_encoded_anew_when_asked(filled, get):
    path = f"{FIRST}/frames/1"
    ((kind, _),) = parts_of(get(path, accept='multipart/related; type="image/jls"'))
    assert kind == "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"
    encoded = get(path, accept="image/jls").content
    dataset = dcmread(filled[1])
    dataset.file_meta.TransferSyntaxUID, dataset.PixelData = JPEGLSLossless, encapsulate([encoded])
    dataset["PixelData"].is_undefined_length = True
    assert np.array_equal(dataset.pixel_array, dcmread(filled[1]).pixel_array)
    high_throughput = get(path, accept="image/jphc")
    assert high_throughput.headers["content-type"] == "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201"
    assert np.array_equal(htj2k_decode(high_throughput.content), dcmread(filled[1]).pixel_array)
    assert get(path, accept="image/jxl").status_code == 406


def test_values_besides_pixels_are_read_in_a_worker(get):
    instance = "/open/studies/2.25.13/series/2.25.24/instances/2.25.307"
    (values,) = get(f"{instance}/metadata").json()
    address = values["00420011"]["BulkDataURI"]
    assert raw_parts(get(address)) == [DOCUMENT]
    shown = get(f"{address}?accept=application/pdf")
    assert (shown.headers["content-type"], shown.content) == ("application/pdf", DOCUMENT)
    assert get(f"{instance}/bulkdata/00420012", accept="application/pdf").status_code == 406
    assert get(f"{instance}/bulkdata/00991234").status_code == 404


def locations_of(response):
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    return [part["Content-Location"] for part in message_from_bytes(head + response.content).get_payload()]


@pytest.mark.parametrize("kind", ["pixeldata", "bulkdata"])
def test_pixel_data_of_many_instances_come_in_one_message_with_the_address_of_each(get, filled, kind):
    answer = get(f"{SERIES}/{kind}")
    assert raw_parts(answer) == [dcmread(filled[number]).PixelData for number in (1, 2, 3)]
    places = locations_of(answer)
    assert places == [f"http://host{SERIES}/instances/2.25.30{number}/bulkdata/7FE00010" for number in (1, 2, 3)]
    assert [raw_parts(get(place.removeprefix("http://host")))[0] for place in places] == raw_parts(answer)
    assert len(raw_parts(get(f"{STUDY}/{kind}"))) == 4
    assert raw_parts(get(f"{FIRST}/{kind}")) == raw_parts(answer)[:1]
    assert get(f"{SERIES}/{kind}", if_none_match=answer.headers["etag"]).status_code == 304


def test_compressed_pixel_data_of_many_come_as_stored_or_decoded_as_asked(get, filled):
    path = "/open/studies/2.25.12/pixeldata"
    decoded = [dcmread(filled[number]).pixel_array.tobytes() for number in (5, 6)]
    plain = 'multipart/related; type="application/octet-stream"'
    assert raw_parts(get(path, accept=f"{plain}; transfer-syntax=1.2.840.10008.1.2.1")) == decoded
    stored = get(path, accept=f'{plain}; transfer-syntax="*"')
    assert [kind for kind, _ in parts_of(stored)] == [
        f"application/octet-stream; transfer-syntax={syntax}" for syntax in (RLELossless, JPEGLSLossless)
    ]
    packed = get(path, accept='multipart/related; type="image/jls"')
    assert {kind for kind, _ in parts_of(packed)} == {f"image/jls; transfer-syntax={JPEGLSLossless}"}
    assert get(path, accept="application/pdf").status_code == 406


def test_all_values_of_a_study_are_those_that_its_metadata_point_at(get):
    answer = get("/open/studies/2.25.13/bulkdata")
    pointed = re.findall(r'"BulkDataURI":"([^"]+)"', get("/open/studies/2.25.13/metadata").text)
    assert sorted(locations_of(answer)) == sorted(pointed)
    assert len(pointed) > 2
    assert DOCUMENT in [body[: len(DOCUMENT)] for body in raw_parts(answer)]
    assert get("/open/studies/2.25.999/bulkdata").status_code == 404
    assert get("/open/studies/2.25.14/pixeldata", accept="multipart/related; type=image/jp2").status_code == 406


def test_a_study_is_rendered_by_the_picture_that_stands_for_it(get):
    assert get(f"{STUDY}/rendered").content == get(f"{STUDY}/series/2.25.21/rendered").content


def test_pictures_follow_window_viewport_and_quality(get):
    whole = get(f"{FIRST}/rendered")
    assert whole.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(whole.content)).size == (16, 12)
    small = get(f"{FIRST}/rendered?viewport=8,8&window=500,1000,linear&quality=50", accept="image/png")
    assert Image.open(io.BytesIO(small.content)).size == (8, 6)
    part = get(f"{FIRST}/frames/1/rendered?viewport=4,4,2,2,4,4")
    assert Image.open(io.BytesIO(part.content)).size == (4, 4)
    dark = get(f"{FIRST}/rendered?window=50000,10,linear", accept="image/png")
    assert Image.open(io.BytesIO(dark.content)).getextrema() == (0, 0)
    bent = get(f"{FIRST}/rendered?viewport=8,8&window=500,1000,sigmoid&quality=50", accept="image/png")
    assert bent.content != small.content
    assert get(f"{FIRST}/rendered?window=wide").status_code == 400
    assert get(f"{FIRST}/rendered?viewport=4,4,16,0,4,4").status_code == 400


@pytest.mark.parametrize("path", [STUDY, SERIES, FIRST, f"{FIRST}/frames/1"])
def test_every_level_has_a_thumbnail_that_is_made_once(get, path):
    first = get(f"{path}/thumbnail")
    assert first.headers["content-type"] == "image/jpeg"
    assert get(f"{path}/thumbnail").content == first.content


def test_a_thumbnail_is_as_large_as_is_asked_for(get):
    usual = get(f"{FIRST}/thumbnail")
    small = get(f"{FIRST}/thumbnail?viewport=8,6")
    assert max(Image.open(io.BytesIO(small.content)).size) <= 8
    assert small.headers["etag"] != usual.headers["etag"]
    for wrong in ("8", "0,8", "8,8,0,0,4,4"):
        assert get(f"{FIRST}/thumbnail?viewport={wrong}").status_code == 400


def test_thumbnails_are_kept_among_the_objects(get):
    get(f"{FIRST}/thumbnail")
    sha256 = Instance.objects.get(sop_instance_uid="2.25.301").sha256
    assert object_store().exists(f"renditions/{sha256[:2]}/{sha256}-0-256.jpg")


def test_an_object_without_decodable_pixels_is_406_and_the_next_picture_still_comes(get):
    assert get("/open/studies/2.25.14/series/2.25.25/instances/2.25.309/rendered").status_code == 406
    assert get(f"{SERIES}/instances/2.25.302/rendered").status_code == 200


def test_what_is_outside_the_scope_does_not_exist(get):
    outside = f"{STUDY}/series/2.25.21".replace("/open/", "/frozen/")
    nowhere = f"{STUDY}/series/2.25.99".replace("/open/", "/frozen/")
    for tail in ("", "/metadata", "/instances/2.25.304", "/instances/2.25.304/frames/1", "/thumbnail"):
        answers = [get(outside + tail), get(nowhere + tail)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
    assert len(get("/frozen/studies/2.25.10/series").json()) == 1
    assert get("/frozen/studies?ModalitiesInStudy=CR").status_code == 204


def test_an_instance_below_another_parent_does_not_exist(get):
    assert get(f"{SERIES}/instances/2.25.304").status_code == 404
    assert get("/open/studies/2.25.99/series/2.25.20/instances/2.25.301/frames/1").status_code == 404


def test_a_closed_scope_looks_like_no_scope(get):
    assert get("/closed/studies").json() == get("/nowhere/studies").json()
    assert get("/closed/studies").status_code == get("/nowhere/studies").status_code == 404


def test_a_bad_token_is_told_so(get):
    answer = get("/open/studies", authorization="Bearer wrong")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_writing_is_refused_with_the_way_in(ask, method):
    answer = ask(method, "/open/studies")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert "edge send" in answer.json()["message"]


def test_heads_and_options_are_answered(ask):
    for path in ("/open/studies", f"{SERIES}/metadata", SERIES, FIRST, f"{FIRST}/frames/1"):
        head = ask("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"]
    whole = ask("GET", SERIES)
    assert ask("HEAD", SERIES).headers["content-length"] == str(len(whole.content))
    options = ask("OPTIONS", STUDY)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_no_answer_may_be_taken_for_another_type_or_do_anything_as_a_page(get):
    for path in ("/open/studies", FIRST, f"{FIRST}/rendered", "/open/nowhere"):
        headers = get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_paths_that_are_no_resources_are_404(get):
    assert get("/open/studies/../../etc/passwd").status_code == 404
    assert get("/open/patients").status_code == 404


def test_pictures_are_annotated_with_what_the_header_says_and_nothing_else(get):
    attributes = get(f"{FIRST}/metadata").json()[0]
    assert captions(attributes, ("patient", "technique")) == (
        "SUBJECT-1  SUBJECT-1",
        "F  045Y",
        "CT  20200315",
        "Axial 1.0",
        "1.25",
    )
    written = get(f"{FIRST}/rendered?annotation=patient", accept="image/png")
    assert written.content != get(f"{FIRST}/rendered", accept="image/png").content
    assert get(f"{FIRST}/rendered?annotation=weather").status_code == 400
