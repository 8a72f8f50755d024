import pytest

from radcommons.server.archive.dicomweb.address import Address, Resource, parse_address
from radcommons.server.archive.dicomweb.keys import Level

R = "releases/covid/1.0"
STUDY = f"{R}/studies/1.2.3"
SERIES = f"{STUDY}/series/1.2.4"
INSTANCE = f"{SERIES}/instances/1.2.5"


@pytest.mark.parametrize(
    ("path", "resource", "level"),
    [
        (f"{R}/studies", Resource.SEARCH, Level.STUDY),
        (f"{R}/series", Resource.SEARCH, Level.SERIES),
        (f"{R}/instances", Resource.SEARCH, Level.INSTANCE),
        (f"{STUDY}/series", Resource.SEARCH, Level.SERIES),
        (f"{STUDY}/instances", Resource.SEARCH, Level.INSTANCE),
        (f"{SERIES}/instances", Resource.SEARCH, Level.INSTANCE),
        (STUDY, Resource.RETRIEVE, Level.STUDY),
        (f"/{STUDY}/", Resource.RETRIEVE, Level.STUDY),
        (SERIES, Resource.RETRIEVE, Level.SERIES),
        (INSTANCE, Resource.RETRIEVE, Level.INSTANCE),
        (f"{STUDY}/metadata", Resource.METADATA, Level.STUDY),
        (f"{SERIES}/metadata", Resource.METADATA, Level.SERIES),
        (f"{INSTANCE}/metadata", Resource.METADATA, Level.INSTANCE),
        (f"{INSTANCE}/frames/1", Resource.FRAMES, Level.INSTANCE),
        (f"{INSTANCE}/frames/1/rendered", Resource.RENDERED, Level.INSTANCE),
        (f"{INSTANCE}/rendered", Resource.RENDERED, Level.INSTANCE),
        (f"{INSTANCE}/thumbnail", Resource.THUMBNAIL, Level.INSTANCE),
        (f"{INSTANCE}/frames/2/thumbnail", Resource.THUMBNAIL, Level.INSTANCE),
        (f"{SERIES}/thumbnail", Resource.THUMBNAIL, Level.SERIES),
        (f"{STUDY}/thumbnail", Resource.THUMBNAIL, Level.STUDY),
        (f"{INSTANCE}/bulkdata/00420011", Resource.BULKDATA, Level.INSTANCE),
        (f"{INSTANCE}/bulkdata", Resource.ALL_BULKDATA, Level.INSTANCE),
        (f"{SERIES}/bulkdata", Resource.ALL_BULKDATA, Level.SERIES),
        (f"{STUDY}/bulkdata", Resource.ALL_BULKDATA, Level.STUDY),
        (f"{INSTANCE}/pixeldata", Resource.PIXEL_DATA, Level.INSTANCE),
        (f"{SERIES}/pixeldata", Resource.PIXEL_DATA, Level.SERIES),
        (f"{STUDY}/pixeldata", Resource.PIXEL_DATA, Level.STUDY),
        (f"{STUDY}/rendered", Resource.RENDERED, Level.STUDY),
    ],
)
def test_every_resource_has_its_address_in_every_scope(path, resource, level):
    address = parse_address(path)
    assert (address.scope, address.resource, address.level) == (R, resource, level)


def test_identifiers_frames_and_tag_paths_are_read():
    assert parse_address(f"{INSTANCE}/frames/1,3%2C2") == Address(
        R, Resource.FRAMES, Level.INSTANCE, "1.2.3", "1.2.4", "1.2.5", frame_numbers=(1, 3, 2)
    )
    assert parse_address(f"{INSTANCE}/bulkdata/00081140/0/7fe00010").tag_path == "00081140/0/7FE00010"


@pytest.mark.parametrize("slug", ["series", "instances", "metadata", "curation"])
def test_a_release_may_be_called_like_a_resource(slug):
    assert parse_address(f"releases/{slug}/1.0/studies").scope == f"releases/{slug}/1.0"
    assert parse_address(f"releases/{slug}/1.0/studies/1.2/series").scope == f"releases/{slug}/1.0"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "studies",
        R,
        f"{R}/studies/abc",
        f"{R}/studies/1.2/frames/1",
        f"{STUDY}/../../../etc/passwd",
        f"{INSTANCE}/frames/",
        f"{INSTANCE}/frames/one",
        f"{INSTANCE}/bulkdata/../x",
        f"{R}/studies/{'1' * 65}",
        f"{INSTANCE}/frames/{'1,' * 20000}1",
    ],
)
def test_other_paths_are_no_resources(path):
    assert parse_address(path) is None
