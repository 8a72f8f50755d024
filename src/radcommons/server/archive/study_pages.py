"""Pages of studies of a scope, newest first, at a cost that does not depend on how much the archive holds (PS3.18 8.3.4.4).

Whether a scope holds a study is asked of its instances. One statement that says so leaves it to the planner whether studies are walked
in their order or those of all instances are gathered first; it goes by estimates of how many studies have what is asked for, which err,
and what takes milliseconds one way takes seconds the other. So it is not left to it: studies are walked in their order, some at a
time, each probed for one instance by indexes, until the page is full. Where the walk shows that few of many studies are held, only those
that have a series of the wanted modality are walked; and where few of these are held too (a small scope in a large archive), what is
held is gathered.

A jump deep into the list walks all that lies before: some 20 microseconds a study, once. Refusing it would be against the standard, which
lets a server bound how many results an answer has, not where it begins. But clients come to a page by the one before it: where that
ended is remembered for a minute, and the next begins behind it. So each costs the same, and a study that arrives meanwhile neither
shifts nor repeats what follows. A long walk is remembered at some places on its way too, so that whoever asks for several pages at once,
in any order, has the way walked once.
"""

import time
from dataclasses import dataclass, field
from datetime import date

from django.core.exceptions import EmptyResultSet
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import OrderBy

from radcommons.server.archive.models import Instance, Series, Study
from radcommons.server.archive.recently_used import RecentlyUsed

STUDY_ORDER: tuple[OrderBy, ...] = (F("study_date").desc(nulls_last=True), F("study_instance_uid").asc())
_REMEMBERED_S = 60.0
_ENDS_BYTES = 2 << 20
_END_BYTES = 400
# How many studies are walked first, how many times as many at most after that, and how many tell whether few are held.
_WALKED_FIRST, _GROWTH, _TELLING = 200, 16, 3200
# How many remembered places are looked for: an offset can be any number.
_LOOKS = 1000

# What is asked, as the statements and their values say it (a scope's own conditions are among them), and how many studies lie before.
Place = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class End:
    """The last study before a place, by what orders them; ``until`` (monotonic seconds) it is believed."""

    day: date | None
    study_instance_uid: str
    until: float


@dataclass(frozen=True, slots=True)
class StudyPages:
    """Where pages ended lately, in one process; whoever asks the same again is shown only what the scope holds then.

    Parameters
    ----------
    stride
        After how many studies a walk is remembered on its way.
    """

    stride: int = 1000
    ends: RecentlyUsed[Place, End] = field(default_factory=lambda: RecentlyUsed(_ENDS_BYTES))

    def page(
        self,
        studies: QuerySet[Study],
        held: QuerySet[Instance],
        having: QuerySet[Series] | None = None,
        *,
        offset: int,
        limit: int,
    ) -> list[Study]:
        """A page of those studies that have one of the held instances, newest first, with their subjects.

        ``having`` are series of which a held instance must be one, whoever may see them: where few studies have any, only those
        are walked.
        """
        try:
            statements = [rows.query.sql_with_params() for rows in (studies, held)]
        except EmptyResultSet:
            return []
        question = (" ".join(text for text, _ in statements), repr([values for _, values in statements]))
        begun, last = self._nearest(question, offset)
        wanted = offset + limit - begun
        keys = _behind(studies, held, having, last, wanted) if last else _first(studies, held, having, wanted)
        page = keys[offset - begun :]
        marks = {offset, offset + limit, *range(self.stride, begun + len(keys) + 1, self.stride)}
        places = {mark: keys[mark - begun - 1] for mark in marks if begun < mark <= begun + len(keys)}
        # Those that were deleted meanwhile are left out.
        known = Study.objects.select_related("subject").in_bulk([*page, *places.values()])
        self._remember(question, {mark: known[key] for mark, key in places.items() if key in known})
        return [known[key] for key in page if key in known]

    def _nearest(self, question: tuple[str, str], offset: int) -> tuple[int, End | None]:
        """The last place before an offset that is remembered, and what lies before it; otherwise the beginning."""
        now = time.monotonic()
        for place in dict.fromkeys((offset, *range(offset - offset % self.stride, 0, -self.stride)[:_LOOKS])):
            end = self.ends.get((*question, place))
            if end is not None and now < end.until:
                return place, end
        return 0, None

    def _remember(self, question: tuple[str, str], lasts: dict[int, Study]) -> None:
        until = time.monotonic() + _REMEMBERED_S
        for place, last in lasts.items():
            end = End(last.study_date, last.study_instance_uid, until)
            self.ends.put((*question, place), end, size_bytes=_END_BYTES + sum(map(len, question)))


def _behind(
    studies: QuerySet[Study], held: QuerySet[Instance], having: QuerySet[Series] | None, end: End, limit: int
) -> list[int]:
    """The keys behind a study: of its day, of the days before, of no day; each is a range of the index of their order."""
    same = Q(study_date=end.day) if end.day else Q(study_date__isnull=True)
    ranges = [same & Q(study_instance_uid__gt=end.study_instance_uid)]
    ranges += [Q(study_date__lt=end.day), Q(study_date__isnull=True)] if end.day else []
    found: list[int] = []
    for each in ranges:
        if len(found) < limit:
            found += _first(studies.filter(each), held, having, limit - len(found))
    return found


def _first(
    studies: QuerySet[Study], held: QuerySet[Instance], having: QuerySet[Series] | None, wanted: int
) -> list[int]:
    """The keys of the first studies that are held.

    A probe is an expression of the answer, not a condition, and stops at one instance: so it is made for the studies that are
    walked and for no others, which no estimate can change. It names the series, for that alone is in an index.
    """
    ordered = studies.order_by(*STUDY_ORDER)
    probe = held.filter(series__study=OuterRef("pk")).order_by().values("series_id")[:1]
    walk = ordered.annotate(probe=Subquery(probe)).values_list("pk", "probe")
    window = _WALKED_FIRST
    while True:
        rows = list(walk[:window])
        found = [key for key, series in rows if series is not None]
        if len(found) >= wanted or len(rows) < window:
            return found[:wanted]
        if window >= _TELLING and len(found) * _GROWTH < wanted:
            break
        promising = 5 * wanted * window // (4 * max(len(found), 1))
        window = min(window * _GROWTH, max(2 * window, promising))
    if having is not None:
        # One range of an index tells which studies have such a series; what of it is held is asked of the few first ones.
        return _first(studies.filter(pk__in=having.order_by().values("study").distinct()), held, None, wanted)
    # Made distinct, they are gathered once; without that, the planner may ask every study of the archive for them again.
    gathered = held.order_by().values("series__study").distinct()
    return list(ordered.filter(pk__in=gathered).values_list("pk", flat=True)[:wanted])
