"""Putting a set of instances that never changes on a shelf, from which DICOMweb serves it without asking the tables."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields
from itertools import groupby
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from radcommons.server.archive import metadata, shelving
from radcommons.server.archive.dicomweb.holdings import HeldInstance
from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.dicomweb.query import SearchQuery
from radcommons.server.archive.dicomweb.search import chosen, instance_attributes, series_attributes, study_attributes
from radcommons.server.archive.dicomweb.shelf_index import ShelfIndex, ShelfRow
from radcommons.server.archive.models import (
    Instance,
    InstanceState,
    PackedSeries,
    Series,
    Shelf,
    ShelfSearch,
    ShelfSeries,
    ShelfStudy,
)
from radcommons.server.archive.queries import INSTANCE_ORDER, SERIES_ORDER
from radcommons.server.archive.shelving import LARGEST_SERIES, ROOT

_COLUMNS = tuple(field.name for field in fields(HeldInstance))
_TOGETHER = 200


@transaction.atomic
def shelve(name: str, instances: QuerySet[Instance]) -> Shelf:
    """Make a set of instances ready to be served; doing it again makes it anew.

    Parameters
    ----------
    name
        The name of the scope that shows exactly these instances.
    instances
        The set; it must never change afterwards.
    """
    Shelf.objects.filter(name=name).delete()
    shelf = Shelf.objects.create(name=name)
    visible = instances.filter(state=InstanceState.STORED)
    study = "series__study__"
    order = (F(f"{study}study_date").desc(nulls_last=True), f"{study}study_instance_uid", "series_id")
    columns = ("series__study_id", "series_id", f"{study}study_date", f"{study}study_instance_uid")
    pairs = visible.order_by(*order).values_list(*columns).distinct().iterator()
    searched = [
        _shelve_study(shelf, place, [row[1] for row in rows], visible)
        for place, (_, rows) in enumerate(groupby(pairs, key=lambda row: row[0]))
    ]
    ShelfSearch.objects.create(shelf=shelf, packed=ShelfIndex.of(searched).packed())
    return shelf


def unshelve(name: str) -> None:
    """Take a set off; series that no other shelf holds are forgotten."""
    Shelf.objects.filter(name=name).delete()
    PackedSeries.objects.exclude(Exists(ShelfSeries.objects.filter(packed=OuterRef("pk")))).delete()


def _shelve_study(shelf: Shelf, place: int, series_ids: list[int], visible: QuerySet[Instance]) -> ShelfRow:
    """Put the series of one study on a shelf; what the study is searched by."""
    rows = Series.objects.filter(pk__in=series_ids).order_by(*SERIES_ORDER).select_related("study__subject")
    shelved, counts = [], []
    for series in rows:
        members = visible.filter(series=series).order_by(*INSTANCE_ORDER)
        count = members.count()
        counts.append((series.modality, count))
        values = chosen(SearchQuery(Level.SERIES), series_attributes(series, count, ROOT))
        packed = _packed(series, members) if count <= LARGEST_SERIES else None
        shelved.append(ShelfSeries(shelf=shelf, series=series, packed=packed, answer=orjson.dumps(values)))
    study = rows[0].study
    values = chosen(SearchQuery(Level.STUDY), study_attributes(study, counts, ROOT))
    shelf_study = ShelfStudy.objects.create(shelf=shelf, study=study, place=place, answer=orjson.dumps(values))
    for each in shelved:
        each.shelf_study = shelf_study
    ShelfSeries.objects.bulk_create(shelved)
    modalities = tuple({modality for modality, _ in counts})
    return ShelfRow(study.study_date, modalities, study.subject.subject_id, study.study_description, study.patient_sex)


def _packed(series: Series, members: QuerySet[Instance]) -> PackedSeries:
    rows = list(members.values_list(*_COLUMNS))
    digest = hashlib.sha256()
    for row in rows:
        digest.update(orjson.dumps(row))
    digest.update(f"{series.study.study_instance_uid}/{series.series_instance_uid}".encode())
    known = PackedSeries.objects.filter(digest=digest.hexdigest()).first()
    if known is not None:
        return known
    return PackedSeries.objects.create(
        digest=digest.hexdigest(),
        instances=len(rows),
        size_bytes=sum(row[_COLUMNS.index("size_bytes")] for row in rows),
        rows=shelving.pack_rows(rows),
        listing=shelving.pack_pieces(_listing(series, members)),
        metadata=shelving.pack_pieces(_metadata(series, members)),
    )


def _listing(series: Series, members: QuerySet[Instance]) -> Iterator[bytes]:
    for instance in members.defer("dicom_json", "frames").iterator(chunk_size=_TOGETHER):
        instance.series = series
        values = chosen(SearchQuery(Level.INSTANCE), instance_attributes(instance, ROOT))
        yield orjson.dumps(values)


def _metadata(series: Series, members: QuerySet[Instance]) -> Iterator[bytes]:
    address = f"{ROOT}/studies/{series.study.study_instance_uid}/series/{series.series_instance_uid}/instances"
    columns: tuple[Any, ...] = ("sop_instance_uid", "dicom_json")
    for sop_instance_uid, packed in members.values_list(*columns).iterator(chunk_size=_TOGETHER):
        yield metadata.absolute(packed, f"{address}/{sop_instance_uid}")
