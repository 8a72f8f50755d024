"""The last look on the short way: every element of a new header has to be vouched for, and then be found on the disk.

It knows nothing of how the header was made. An element counts as seen when exactly these bytes went through the second
look (:mod:`radcommons.deid.element_look`) in this context before, or when its value is a plain number, a time of day or a
new UID where such a value was allowed. Whatever it cannot vouch for goes the long way, whose look then speaks.
"""

from radcommons.deid.fast.context import Context
from radcommons.deid.fast.layout import NotOrdinaryError, layout_of
from radcommons.deid.fast.shelf import Habits, Shelf
from radcommons.deid.fast.sight import Seen, Sight
from radcommons.deid.writing import PREAMBLE

_LARGEST_EXAMPLE_BYTES = 2**16


class Eye:
    """The last look of one context, with what it saw before.

    Parameters
    ----------
    context
        What files should have been through.
    habits
        Where files of a kind differ.
    """

    def __init__(self, context: Context, habits: Habits) -> None:
        self._context = context
        self._sights: Shelf[Sight] = Shelf(habits)

    def look(self, data: bytes, size: int, originals: tuple[bytes, ...]) -> Seen:
        """Look at a new file.

        Parameters
        ----------
        data
            Its bytes up to the pixel value, which will have to be found on the disk.
        size
            The size of the whole.
        originals
            UIDs that must not be found in it.

        Raises
        ------
        NotOrdinaryError
            When it cannot be vouched for.
        """
        if not data.startswith(PREAMBLE):
            raise NotOrdinaryError
        for original in originals:
            if original in data:
                raise NotOrdinaryError
        for sight in self._sights:
            seen = sight.compared(data, size)
            if seen is not None:
                self._sights.bring_forward(sight)
                return seen
        layout = layout_of(data, size)
        if layout.value_at != len(data):
            raise NotOrdinaryError
        sight = Sight(layout, self._context, tail=data[layout.pixels_at :], pixel_length=size - layout.value_at)
        seen = sight.seen(size)
        if len(data) <= _LARGEST_EXAMPLE_BYTES:
            self._sights.put(sight)
        return seen
