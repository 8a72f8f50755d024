import pytest

from radcommons.server.archive.errors import QueryInvalidError
from radcommons.server.archive.rendered_query import RenderedQuery, parse_rendered


def test_nothing_asked_for_gives_the_objects_own_window_and_size():
    assert parse_rendered({}) == RenderedQuery()


def test_window_viewport_and_quality_are_read():
    query = parse_rendered(
        {"window": "-600,1500,linear", "viewport": "512,256", "quality": "70", "annotation": "patient"}
    )
    assert query == RenderedQuery(
        window=(-600.0, 1500.0), function="LINEAR", size=(512, 256), quality=70, annotations=("patient",)
    )


def test_annotations_come_in_one_order_and_once():
    assert parse_rendered({"annotation": "technique, patient,technique"}).annotations == ("patient", "technique")


def test_a_negative_size_of_the_part_mirrors_the_picture():
    query = parse_rendered({"viewport": "64,64,0,0,-30,40.4"})
    assert (query.crop, query.flip) == ((0, 0, 30, 40), (True, False))
    assert parse_rendered({"viewport": "64,64,0,0,30,-40"}).flip == (False, True)


def test_a_part_of_the_image_may_be_shown():
    assert parse_rendered({"viewport": "100,100,10,20,30,40"}).crop == (10, 20, 30, 40)
    assert parse_rendered({"viewport": "100,100,,,30,40"}).crop == (0, 0, 30, 40)


def test_huge_viewports_are_limited():
    assert parse_rendered({"viewport": "999999,999999"}).size == (4096, 4096)


@pytest.mark.parametrize(
    "parameters",
    [
        {"window": "40"},
        {"window": "40,0,linear"},
        {"window": "nan,400"},
        {"window": "40,400,cubic"},
        {"viewport": "100"},
        {"viewport": "0,100"},
        {"viewport": "100,100,0,0,0,0"},
        {"viewport": "-1,100"},
        {"viewport": "100,100,-1,0,5,5"},
        {"annotation": "patient,weather"},
        {"quality": "0"},
        {"quality": "101"},
        {"quality": "good"},
    ],
)
def test_what_cannot_be_understood_is_refused(parameters):
    with pytest.raises(QueryInvalidError):
        parse_rendered(parameters)
