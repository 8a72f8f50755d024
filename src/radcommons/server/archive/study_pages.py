"""Pages of studies, deep in a long list too (PS3.18 8.3.4.4).

To reach the thousandth page a database must find all studies of those before it, and whether a scope holds a study is asked of its
instances. But clients come to a page by the one before it: where that ended is remembered for a minute, and the next begins behind
it. So each costs the same, and a study that arrives meanwhile neither shifts nor repeats what follows.
"""

import time
from dataclasses import dataclass, field
from datetime import date

from django.core.exceptions import EmptyResultSet
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy

from radcommons.server.archive.models import Study
from radcommons.server.archive.recently_used import RecentlyUsed

STUDY_ORDER: tuple[OrderBy, ...] = (F("study_date").desc(nulls_last=True), F("study_instance_uid").asc())
_REMEMBERED_S = 60.0
_ENDS_BYTES = 2 << 20
_END_BYTES = 400

# What is asked, as the statement and its values say it (a scope's own conditions are among them), and how many studies lie before.
Place = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class End:
    """The last study before a place, by what orders them; ``until`` (monotonic seconds) it is believed."""

    day: date | None
    study_instance_uid: str
    until: float


@dataclass(frozen=True, slots=True)
class StudyPages:
    """Where pages ended lately, in one process; whoever asks the same again is shown only what the scope holds then."""

    ends: RecentlyUsed[Place, End] = field(default_factory=lambda: RecentlyUsed(_ENDS_BYTES))

    def page(self, rows: QuerySet[Study], *, offset: int, limit: int) -> list[Study]:
        """A page of some studies, newest first, with their subjects."""
        try:
            text, values = rows.query.sql_with_params()
        except EmptyResultSet:
            return []
        question = (text, repr(values))
        ordered = rows.order_by(*STUDY_ORDER).select_related("subject")
        end = self.ends.get((*question, offset)) if offset else None
        if not offset:
            found = list(ordered[:limit])
        elif end is not None and time.monotonic() < end.until:
            found = _behind(ordered, end, limit)
        else:
            before, found = _counted(rows, offset, limit)
            self._remember((*question, offset), before)
        if len(found) == limit:
            self._remember((*question, offset + limit), found[-1] if found else None)
        return found

    def _remember(self, place: Place, last: Study | None) -> None:
        if last is not None:
            end = End(last.study_date, last.study_instance_uid, time.monotonic() + _REMEMBERED_S)
            self.ends.put(place, end, size_bytes=_END_BYTES + len(place[0]) + len(place[1]))


def _behind(ordered: QuerySet[Study], end: End, limit: int) -> list[Study]:
    """The studies behind one: of its day, of the days before, of no day; each is a range of the index of their order."""
    same = Q(study_date=end.day) if end.day else Q(study_date__isnull=True)
    ranges = [same & Q(study_instance_uid__gt=end.study_instance_uid)]
    ranges += [Q(study_date__lt=end.day), Q(study_date__isnull=True)] if end.day else []
    found: list[Study] = []
    for each in ranges:
        if len(found) < limit:
            found += ordered.filter(each)[: limit - len(found)]
    return found


def _counted(rows: QuerySet[Study], offset: int, limit: int) -> tuple[Study | None, list[Study]]:
    """The study before a page and the page; rows are read when it is known which, since what is sorted should be narrow."""
    keys = list(rows.order_by(*STUDY_ORDER).values_list("pk", flat=True)[offset - 1 : offset + limit])
    known = Study.objects.select_related("subject").in_bulk(keys)
    return known.get(keys[0]) if keys else None, [known[key] for key in keys[1:] if key in known]
