"""Which image stands for a list of them; slides never by what may be their label."""

import pytest

from radcommons.server.archive.rules import SLIDE_CLASS, standing_for

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("images", "position"),
    [
        ([], None),
        ([(CT, 1)], 0),
        ([(CT, 1)] * 5, 2),
        ([(SLIDE_CLASS, 1), (SLIDE_CLASS, 400), (SLIDE_CLASS, 25), (SLIDE_CLASS, 1)], 2),
        ([(SLIDE_CLASS, 1), (SLIDE_CLASS, 1)], None),
        ([(SLIDE_CLASS, 1), (CT, 1)], 1),
    ],
)
def test_the_middle_image_stands_for_a_series_and_a_tile_for_a_slide(
    images: list[tuple[str, int]], position: int | None
) -> None:
    assert standing_for(images) == position
