import pytest

from radcommons.server.archive.conditional import is_unchanged, requested_range
from radcommons.server.archive.errors import RangeInvalidError


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"b", "a"', "*"])
def test_a_held_representation_is_recognised(header):
    assert is_unchanged(header, '"a"')
    assert is_unchanged(header, 'W/"a"')


@pytest.mark.parametrize("header", [None, "", '"b"', "a"])
def test_another_representation_is_not(header):
    assert not is_unchanged(header, '"a"')


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 10)),
        ("bytes=90-1000", (90, 10)),
        ("bytes=-5", (95, 5)),
        ("bytes=-500", (0, 100)),
        (None, None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes=9-1", None),
        ("bytes=a-b", None),
    ],
)
def test_ranges_are_cut_to_the_object_and_odd_ones_ignored(header, expected):
    assert requested_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_ranges_behind_the_end_are_refused(header):
    with pytest.raises(RangeInvalidError):
        requested_range(header, 100)


def test_a_range_of_another_version_gives_the_whole_object():
    assert requested_range("bytes=0-9", 100, if_range='"old"', etag='"new"') is None
    assert requested_range("bytes=0-9", 100, if_range='"new"', etag='"new"') == (0, 10)
