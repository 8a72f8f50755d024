"""What lies outside the calibrated regions of an ultrasound image (PS3.3 C.8.5.5): banners, settings, scales."""

from collections.abc import Iterator, Sequence

from radcommons.deid.pixels.boxes import Box
from radcommons.dicom.header import Header

_REGIONS = 0x00186011
_LEAST_SHARE = 0.25


def boxes_outside_regions(header: Header, rows: int, columns: int) -> Sequence[Box]:
    """Up to four boxes around the rectangle that encloses all regions; none when the regions cannot be meant seriously."""
    corners = []
    for item in header.items(_REGIONS):
        region = Header(item, header.encoding, header.encodings)
        numbers = [region.integer(tag) for tag in (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)]
        left, top, right, bottom = (-1 if number is None else number for number in numbers)
        if 0 <= left < right <= columns and 0 <= top < bottom <= rows:
            corners.append((left, top, min(right, columns - 1), min(bottom, rows - 1)))
    if not corners:
        return ()
    left, top = min(each[0] for each in corners), min(each[1] for each in corners)
    right, bottom = max(each[2] for each in corners) + 1, max(each[3] for each in corners) + 1
    if (right - left) * (bottom - top) < _LEAST_SHARE * rows * columns:
        return ()
    return tuple(_around(left, top, (right, bottom), (columns, rows)))


def _around(left: int, top: int, end: tuple[int, int], size: tuple[int, int]) -> Iterator[Box]:
    (right, bottom), (columns, rows) = end, size
    if top > 0:
        yield Box(0, 0, columns, top)
    if bottom < rows:
        yield Box(0, bottom, columns, rows - bottom)
    if left > 0:
        yield Box(0, top, left, bottom - top)
    if right < columns:
        yield Box(right, top, columns - right, bottom - top)
