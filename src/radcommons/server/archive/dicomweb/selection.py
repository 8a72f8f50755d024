"""The instances an address names, within a scope; how many, how large, how encoded."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet

from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.queries import INSTANCE_ORDER
from radcommons.server.platform.errors import NotFoundError

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Selection:
    """Some instances, without their rows: eight bytes each, so that a series of 100,000 costs no memory to send.

    Parameters
    ----------
    keys
        Primary keys in the order of sending.
    transfer_syntaxes
        How many instances are stored in each transfer syntax.
    digest
        Changes when any byte of any of them, or the set, changes.
    """

    keys: "array[int]"
    size_bytes: int
    transfer_syntaxes: Counter[str]
    digest: str


def instances_at(instances: QuerySet[Instance], address: Address) -> QuerySet[Instance]:
    """The stored instances of a scope that an address names; every level it names must fit."""
    wanted = {
        "series__study__study_instance_uid": address.study_instance_uid,
        "series__series_instance_uid": address.series_instance_uid,
        "sop_instance_uid": address.sop_instance_uid,
    }
    conditions = {column: uid for column, uid in wanted.items() if uid}
    return instances.filter(state=InstanceState.STORED, **conditions).order_by()


def one_at(instances: QuerySet[Instance], address: Address) -> Instance:
    """The instance an address names.

    Raises
    ------
    NotFoundError
        When it is not in the scope; whether it exists elsewhere is not told.
    """
    instance = instances_at(instances, address).defer("dicom_json").first()
    if instance is None:
        raise NotFoundError
    return instance


def select(instances: QuerySet[Instance], address: Address) -> Selection:
    """All instances an address names, by series and number.

    Raises
    ------
    NotFoundError
        When there are none in the scope.
    """
    order = (F("series__series_number").asc(nulls_last=True), "series_id", *INSTANCE_ORDER)
    rows = instances_at(instances, address).order_by(*order)
    keys = array("q")
    digest = hashlib.sha256()
    syntaxes: Counter[str] = Counter()
    size_bytes = 0
    for key, sha256, size, syntax in rows.values_list("pk", "sha256", "size_bytes", "transfer_syntax_uid").iterator():
        keys.append(key)
        digest.update(sha256.encode())
        syntaxes[syntax] += 1
        size_bytes += size
    if not keys:
        raise NotFoundError
    return Selection(keys, size_bytes, syntaxes, digest.hexdigest())


def pages(selection: Selection, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
    """Columns of the selected instances, some rows at a time; each page is a statement of its own."""
    for start in range(0, len(selection.keys), _PAGE):
        keys = selection.keys[start : start + _PAGE].tolist()
        rows = {row[0]: row[1:] for row in Instance.objects.filter(pk__in=keys).values_list("pk", *columns)}
        yield [rows[key] for key in keys if key in rows]
