"""Whether all that differs in a header is plain: numbers, times of day, UIDs; asked of many values at once.

Most headers of a series need nothing else, so that this is the way nearly every file goes.
"""

import re
from collections.abc import Iterable, Sequence
from operator import itemgetter

from radcommons.deid.direct import ANYTHING, STAYING

_BETWEEN = b"\n"
# What none of these forms matches is put between values, so that one look tells of all of them.
_IN_ROWS = {form: re.compile(rb"(?:(?>%b)\n)+" % form.pattern) for form in {STAYING[vr].form for vr in ("DS", "TM")}}


class Plain:
    """The forms that values at some places must have.

    Parameters
    ----------
    forms
        The places, and what a plain value matches there as a whole.
    """

    def __init__(self, forms: Iterable[tuple[int, re.Pattern[bytes]]]) -> None:
        rows: dict[re.Pattern[bytes], list[int]] = {}
        self._singles = []
        for place, form in forms:
            if form in _IN_ROWS:
                rows.setdefault(form, []).append(place)
            elif form is not ANYTHING:
                self._singles.append((place, form.fullmatch))
        # One place twice, so that there is always a row to get; a value that holds what is put between them is none.
        self._rows = [
            (itemgetter(*places, places[0]), len(places) + 1, _IN_ROWS[form].fullmatch) for form, places in rows.items()
        ]

    def holds(self, values: Sequence[bytes]) -> bool:
        """Whether every value has the form of its place."""
        for row, number, matches in self._rows:
            joined = _BETWEEN.join((*row(values), b""))
            if not matches(joined) or joined.count(_BETWEEN) != number:
                return False
        return all(matches(values[place]) for place, matches in self._singles)
