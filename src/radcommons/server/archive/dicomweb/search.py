"""Searching a scope: a frozen query becomes indexed statements; rows become DICOM JSON (PS3.18 10.6)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db.models import Count, Q, QuerySet

from radcommons.server.archive import metadata
from radcommons.server.archive.dicomweb.keys import MODALITIES_IN_STUDY, RETURNED, Key, Level, levels_down_to
from radcommons.server.archive.dicomweb.query import Between, Fuzzy, Match, OneOf, Pattern, SearchQuery
from radcommons.server.archive.models import Instance, InstanceState, Series, Study
from radcommons.server.archive.patterns import fuzzy_regex, text_condition
from radcommons.server.archive.queries import INSTANCE_ORDER, SERIES_ORDER
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.archive.shelving import ROOT
from radcommons.server.archive.study_pages import StudyPages

Attributes = dict[str, Any]
# What a kept answer takes beside its bytes.
_PIECE_BYTES = 200
# From the table of the results up to the table of a key.
_UP = {
    (Level.STUDY, Level.STUDY): "",
    (Level.SERIES, Level.STUDY): "study__",
    (Level.SERIES, Level.SERIES): "",
    (Level.INSTANCE, Level.STUDY): "series__study__",
    (Level.INSTANCE, Level.SERIES): "series__",
    (Level.INSTANCE, Level.INSTANCE): "",
}


def search(instances: QuerySet[Instance], query: SearchQuery, *, root: str, pages: StudyPages) -> list[Attributes]:
    """The results of a search among some instances, in a stable order.

    Parameters
    ----------
    root
        The absolute address of the scope, for RetrieveURL.
    pages
        Where pages of studies ended that were asked for before.

    Notes
    -----
    Studies by date, newest first; series and instances by number; ties by identifier.
    """
    visible = instances.filter(state=InstanceState.STORED).order_by()
    match query.level:
        case Level.STUDY:
            return _studies(visible, query, root, pages)
        case Level.SERIES:
            return _series(visible, query, root)
        case Level.INSTANCE:
            return _instances(visible, query, root)


def _conditions(visible: QuerySet[Instance], query: SearchQuery) -> Q:
    condition = Q()
    for match in query.matches:
        condition &= _condition(visible, query.level, match)
    return condition


def _condition(visible: QuerySet[Instance], level: Level, match: Match) -> Q:
    key = match.key
    if key.column is None:
        return Q(pk__in=[])
    if key.tag == MODALITIES_IN_STUDY:
        with_modality = visible.filter(_compare("series__modality", key, match)).values("series__study_id")
        return Q(**{f"{_UP[level, Level.STUDY]}pk__in": with_modality})
    return _compare(_UP[level, key.level] + key.column, key, match)


def _compare(column: str, key: Key, match: Match) -> Q:
    match match.condition:
        case OneOf(values=(value,)):
            return Q(**{column: value})
        case OneOf(values=values):
            return Q(**{f"{column}__in": values})
        case Pattern(text=text):
            return text_condition(column, text, is_case_sensitive=key.vr != "PN")
        case Fuzzy(words=words):
            fuzzy = Q()
            for word in words:
                fuzzy &= Q(**{f"{column}__iregex": fuzzy_regex(word)})
            return fuzzy
        case Between(low=low, high=high):
            lower = Q() if low is None else Q(**{f"{column}__gte": low})
            upper = Q() if high is None else Q(**{f"{column}__lte": high})
            # A range with an open lower end must not catch rows that have no time at all, which are kept as "".
            return lower & upper & (~Q(**{column: ""}) if key.vr == "TM" else Q())


def _page(rows: QuerySet[Any], query: SearchQuery) -> QuerySet[Any]:
    return rows[query.offset : query.offset + query.limit]


def _found_by_keys(rows: QuerySet[Any], query: SearchQuery) -> QuerySet[Any]:
    """A page, its keys found first in the same statement: what lies before a far page is passed over, not read and joined."""
    found: QuerySet[Any] = rows.model.objects.filter(pk__in=_page(rows, query).values("pk"))
    return found.order_by(*rows.query.order_by)


def _studies(visible: QuerySet[Instance], query: SearchQuery, root: str, pages: StudyPages) -> list[Attributes]:
    condition, held, having = Q(), visible, None
    for match in query.matches:
        # A visible series of a wanted modality is a visible series: one condition says both.
        if match.key.tag == MODALITIES_IN_STUDY:
            held = held.filter(_compare("series__modality", match.key, match))
            having = Series.objects.filter(_compare("modality", match.key, match))
        else:
            condition &= _condition(visible, Level.STUDY, match)
    page = pages.page(Study.objects.filter(condition), held, having, offset=query.offset, limit=query.limit)
    counts = _counts(visible.filter(series__study__in=[study.pk for study in page]))
    return [chosen(query, study_attributes(study, counts[study.pk], root)) for study in page]


def _series(visible: QuerySet[Instance], query: SearchQuery, root: str) -> list[Attributes]:
    rows = Series.objects.filter(_conditions(visible, query), pk__in=visible.values("series_id"))
    page = list(_found_by_keys(rows.order_by("study_id", *SERIES_ORDER), query).select_related("study__subject"))
    held = visible.filter(series__in=[series.pk for series in page])
    sizes = dict(held.values_list("series_id").annotate(Count("pk")))
    # Of one that was purged meanwhile there is nothing to tell.
    left = [(series.study, series, sizes[series.pk]) for series in page if series.pk in sizes]
    return [chosen(query, study_attributes(of, (), root) | series_attributes(it, size, root)) for of, it, size in left]


def needs_header(query: SearchQuery) -> bool:
    """Whether attributes are asked for that the columns, or a ready answer, do not hold."""
    return query.is_include_all or bool(query.include - usual(query))


def listing(visible: QuerySet[Instance], query: SearchQuery, kept: RecentlyUsed[int, bytes]) -> list[bytes]:
    """The results of a search for instances as JSON with relative addresses (see :mod:`.shelving`).

    Only for what their columns say (:func:`needs_header`). A stored instance never changes, so what was made once for
    its primary key is kept.
    """
    rows = visible.filter(_conditions(visible, query)).order_by("series_id", *INSTANCE_ORDER)
    keys = list(_page(rows, query).values_list("pk", flat=True))
    found = {key: kept.get(key) for key in keys}
    missing = [key for key, piece in found.items() if piece is None]
    instances = Instance.objects.filter(pk__in=missing).select_related("series__study").defer("frames", "dicom_json")
    for instance in instances if missing else ():
        piece = orjson.dumps(chosen(SearchQuery(Level.INSTANCE), instance_attributes(instance, ROOT)))
        found[instance.pk] = piece
        kept.put(instance.pk, piece, size_bytes=len(piece) + _PIECE_BYTES)
    return [made for key in keys if (made := found[key]) is not None]


def _instances(visible: QuerySet[Instance], query: SearchQuery, root: str) -> list[Attributes]:
    rows = visible.filter(_conditions(visible, query)).order_by("series_id", *INSTANCE_ORDER)
    # The whole header is fetched only when an attribute is asked for that the columns do not hold.
    needs_json = needs_header(query)
    page = _found_by_keys(rows, query).select_related("series__study__subject")
    page = page.defer("frames", *([] if needs_json else ["dicom_json"]))
    return [_instance_result(query, instance, root, needs_json=needs_json) for instance in page]


def _instance_result(query: SearchQuery, instance: Instance, root: str, *, needs_json: bool) -> Attributes:
    values: Attributes = {}
    if query.is_relational or needs_json:
        values |= study_attributes(instance.series.study, (), root) | series_attributes(instance.series, None, root)
    if needs_json:
        values |= _without_bulk(metadata.attributes_of(instance.dicom_json))
    return chosen(query, values | instance_attributes(instance, root))


def _counts(visible: QuerySet[Instance]) -> Mapping[int, Sequence[tuple[str, int]]]:
    """For each study, modality and number of visible instances of each of its series."""
    counts: dict[int, list[tuple[str, int]]] = defaultdict(list)
    rows = visible.values_list("series__study_id", "series_id", "series__modality").annotate(Count("pk"))
    for study_id, _, modality, count in rows:
        counts[study_id].append((modality, count))
    return counts


def study_attributes(study: Study, counts: Sequence[tuple[str, int]], root: str) -> Attributes:
    """What is returned of a study; counts concern the scope, not the archive."""
    values = metadata.attributes_of(study.study_json)
    values["00080005"] = _value("CS", "ISO_IR 192")
    values["00080056"] = _value("CS", "ONLINE")
    values["00081190"] = _value("UR", f"{root}/studies/{study.study_instance_uid}")
    values["00100020"] = _value("LO", study.subject.subject_id)
    values["0020000D"] = _value("UI", study.study_instance_uid)
    if counts:
        values[MODALITIES_IN_STUDY] = _value("CS", *sorted({modality for modality, _ in counts if modality}))
        values["00201206"] = _value("IS", len(counts))
        values["00201208"] = _value("IS", sum(count for _, count in counts))
    return values


def series_attributes(series: Series, size: int | None, root: str) -> Attributes:
    """What is returned of a series."""
    values = metadata.attributes_of(series.series_json)
    address = f"{root}/studies/{series.study.study_instance_uid}/series/{series.series_instance_uid}"
    values["00080005"] = _value("CS", "ISO_IR 192")
    values["00080056"] = _value("CS", "ONLINE")
    values["00081190"] = _value("UR", address)
    values["0020000D"] = _value("UI", series.study.study_instance_uid)
    values["0020000E"] = _value("UI", series.series_instance_uid)
    if size is not None:
        values["00201209"] = _value("IS", size)
    return values


def instance_attributes(instance: Instance, root: str) -> Attributes:
    """What is returned of an instance from its columns alone."""
    series = instance.series
    study_uid = series.study.study_instance_uid
    address = f"{root}/studies/{study_uid}/series/{series.series_instance_uid}/instances/{instance.sop_instance_uid}"
    values = {
        "00080005": _value("CS", "ISO_IR 192"),
        "00080016": _value("UI", instance.sop_class_uid),
        "00080018": _value("UI", instance.sop_instance_uid),
        "00080056": _value("CS", "ONLINE"),
        "00081190": _value("UR", address),
        "00083002": _value("UI", instance.transfer_syntax_uid),
        "0020000D": _value("UI", study_uid),
        "0020000E": _value("UI", series.series_instance_uid),
        "00200013": _value("IS", instance.instance_number),
    }
    if instance.is_image:
        values["00280008"] = _value("IS", instance.number_of_frames)
        values["00280010"] = _value("US", instance.rows)
        values["00280011"] = _value("US", instance.columns)
        values["00280100"] = _value("US", instance.bits_allocated)
    return values


def usual(query: SearchQuery) -> frozenset[str]:
    """The attributes that are returned whether asked for or not."""
    levels = levels_down_to(query.level) if query.is_relational else (query.level,)
    returned = {tag for each in levels for tag in RETURNED[each]}
    return frozenset({"00080005", "00080056", "00080201", "00081190", *returned})


def chosen(query: SearchQuery, values: Attributes) -> Attributes:
    """The attributes to return; usual ones without a value are returned empty, as the standard asks."""
    if query.level is not Level.INSTANCE:
        values = {tag: {"vr": vr} for tag, vr in RETURNED[query.level].items()} | values
    wanted = values.keys() if query.is_include_all else usual(query) | query.include
    return {tag: values[tag] for tag in sorted(wanted) if tag in values}


def _without_bulk(values: Attributes) -> Attributes:
    return {tag: value for tag, value in values.items() if "BulkDataURI" not in value}


def _value(vr: str, *values: object) -> Attributes:
    present = [value for value in values if value not in {None, ""}]
    return {"vr": vr, "Value": present} if present else {"vr": vr}


def encode(results: Iterable[Attributes]) -> bytes:
    """Results as a DICOM JSON array."""
    return orjson.dumps(list(results))
