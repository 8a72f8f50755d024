"""The URI service speaks of the same objects as the paths do."""

import pytest
from starlette.datastructures import QueryParams

from radcommons.server.archive.dicomweb.address import Resource
from radcommons.server.archive.dicomweb.uri_service import uri_request
from radcommons.server.archive.errors import QueryInvalidError

NAMED = "requestType=WADO&studyUID=2.25.1&seriesUID=2.25.2&objectUID=2.25.3"


def test_a_file_is_asked_for_as_it_is_stored():
    address, query = uri_request("/releases/x/1.0.0/", QueryParams(f"{NAMED}&contentType=application%2Fdicom"))

    assert (address.scope, address.resource) == ("releases/x/1.0.0", Resource.RETRIEVE)
    assert (address.study_instance_uid, address.series_instance_uid, address.sop_instance_uid) == (
        "2.25.1",
        "2.25.2",
        "2.25.3",
    )
    assert query["accept"] == "application/dicom; transfer-syntax=*"


def test_a_transfer_syntax_that_is_named_is_asked_for():
    text = f"{NAMED}&contentType=application/dicom&transferSyntax=1.2.840.10008.1.2.1"

    _, query = uri_request("releases/x/1.0.0", QueryParams(text))

    assert query["accept"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"


def test_pictures_take_the_parameters_of_rendered_resources():
    text = f"{NAMED}&frameNumber=2&rows=100&windowCenter=40&windowWidth=400&imageQuality=50"

    address, query = uri_request("releases/x/1.0.0", QueryParams(text))

    assert (address.resource, address.frame_numbers) == (Resource.RENDERED, (2,))
    assert dict(query) == {"accept": "image/jpeg", "window": "40,400,linear", "viewport": "100,100", "quality": "50"}


@pytest.mark.parametrize("text", ["", "requestType=OTHER&studyUID=2.25.1", "studyUID=2.25.1&objectUID=2.25.3"])
def test_what_does_not_ask_for_the_service_is_left_to_the_paths(text):
    assert uri_request("releases/x/1.0.0", QueryParams(text)) is None


@pytest.mark.parametrize(
    "text",
    ["requestType=WADO", NAMED.replace("2.25.3", "../../etc"), f"{NAMED}&frameNumber=0", f"{NAMED}&frameNumber=x"],
)
def test_a_request_that_names_no_instance_is_refused(text):
    with pytest.raises(QueryInvalidError):
        uri_request("releases/x/1.0.0", QueryParams(text))
