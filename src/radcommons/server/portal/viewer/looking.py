"""What the viewing pages know of a series in a scope: its kind, its objects, its neighbours, and links to other objects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from pydicom.uid import UID

from radcommons.server.archive.metadata import attributes_of
from radcommons.server.archive.models import Instance
from radcommons.server.archive.queries import INSTANCE_ORDER, series_list
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.portal.viewer.content import Reference, text
from radcommons.server.portal.viewer.kinds import Held, Kind, kind_of, kind_of_modality
from radcommons.server.portal.viewer.scopes import readable_scope

MAX_LISTED = 200
MAX_LINKS = 1000
_DESCRIPTION, _MODALITY, _SUBJECT = "0008103E", "00080060", "00100020"
_NOT_HERE = "These images are not in this collection, or were withdrawn from it."


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a series in the list beside it."""

    sop_instance_uid: str
    label: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another series of the study."""

    url: str
    title: str
    kind: Kind
    is_current: bool


@dataclass(frozen=True, slots=True)
class Link:
    """Where an object that is referred to can be looked at, and the picture that stands for it (empty without)."""

    url: str
    picture: str
    label: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One object of a series, as its page shows it; ``attributes`` are those that the scope shows."""

    scope: Scope
    study_instance_uid: str
    series_instance_uid: str
    kind: Kind
    instance: Instance
    attributes: Mapping[str, Any]
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """The description of the series, or its kind, or the name of its class."""
        named = self.class_name.removesuffix(" Storage") if self.kind is Kind.OTHER else self.kind.word
        return text(self.attributes, _DESCRIPTION) or named

    @property
    def subject(self) -> str:
        """The pseudonym of the person; empty where the scope hides it."""
        return text(self.attributes, _SUBJECT)

    @property
    def modality(self) -> str:
        """The modality of the series."""
        return text(self.attributes, _MODALITY)

    @property
    def class_name(self) -> str:
        """The name of the object's SOP Class."""
        return UID(self.instance.sop_class_uid).name

    @property
    def dicomweb_root(self) -> str:
        """The DICOMweb root of the scope."""
        return f"/dicom-web/{self.scope.name}"

    @property
    def url(self) -> str:
        """The address of the series."""
        return f"/view/{self.scope.name}/{self.study_instance_uid}/{self.series_instance_uid}/"

    @property
    def study_url(self) -> str:
        """The page of the study that this scope belongs to."""
        return study_page(self.scope.name, self.study_instance_uid)


def study_page(scope: str, study_instance_uid: str) -> str:
    """The page that lists the series of a study of a scope; the study's images where the scope has no such page."""
    if scope == "curation":
        return f"/curation/studies/{study_instance_uid}/"
    if scope.startswith("releases/"):
        return f"/{scope}/studies/{study_instance_uid}/"
    return f"/view/{scope}/studies/{study_instance_uid}/"


def scope_with(path: str, actor: Actor, study: str, series: str = "") -> Scope:
    """The scope at a path, for someone who may read it, when a study or series is in it.

    Raises
    ------
    NotFoundError
        When there is no such scope for this actor, or no such series in it.
    """
    scope = readable_scope(path, actor)
    if scope.veil is not None and scope.veil.aliases is not None:
        # Read on a page of its own; an answer here would tell which study it is.
        raise NotFoundError(_NOT_HERE)
    wanted = {"series__study__study_instance_uid": study}
    if series:
        wanted["series__series_instance_uid"] = series
    if not scope.instances.filter(**wanted).exists():
        raise NotFoundError(_NOT_HERE)
    return scope


def kind_of_series(scope: Scope, series_instance_uid: str) -> Kind:
    """What a series of a scope holds."""
    rows = scope.instances.filter(series__series_instance_uid=series_instance_uid).order_by()
    return kind_of(Held(*row) for row in rows.values_list("sop_class_uid", "is_image").distinct())


def look(request: HttpRequest, scope: Scope, study: str, series: str) -> Looked:
    """One object of a series: the one that the address names with ``instance``, or its first.

    Raises
    ------
    NotFoundError
        When the series has no such object.
    """
    rows = scope.instances.filter(series__series_instance_uid=series, series__study__study_instance_uid=study)
    listed = list(rows.order_by(*INSTANCE_ORDER).values_list("sop_instance_uid", "instance_number")[:MAX_LISTED])
    wanted = request.GET.get("instance") or (listed[0][0] if listed else "")
    instance = rows.filter(sop_instance_uid=wanted).first()
    if instance is None:
        raise NotFoundError(_NOT_HERE)
    attributes = attributes_of(instance.dicom_json)
    return Looked(
        scope=scope,
        study_instance_uid=study,
        series_instance_uid=series,
        kind=kind_of_series(scope, series),
        instance=instance,
        attributes=scope.veil.over(attributes) if scope.veil else attributes,
        entries=tuple(
            Entry(uid, f"No. {number}" if number is not None else f"Object {position}")
            for position, (uid, number) in enumerate(listed, start=1)
        ),
    )


def neighbours(scope: Scope, study: str, series: str = "") -> tuple[Neighbour, ...]:
    """The series of a study that the scope shows."""
    is_described = scope.veil is None or scope.veil.shows(_DESCRIPTION)
    found = []
    for line in series_list(study, instances=scope.instances):
        kind = kind_of_modality(line.modality, has_images=bool(line.image_count))
        title = (line.series_description if is_described else "") or line.modality or kind.word
        url = f"/view/{scope.name}/{study}/{line.series_instance_uid}/"
        found.append(Neighbour(url, title, kind, line.series_instance_uid == series))
    return tuple(found)


def links_to(scope: Scope, references: Iterable[Reference]) -> dict[str, Link]:
    """Where referenced objects can be looked at, by SOP Instance UID; only those that the scope holds."""
    wanted = {reference.sop_instance_uid: reference for reference in references}
    columns = (
        "sop_instance_uid",
        "series__series_instance_uid",
        "series__study__study_instance_uid",
        "series__modality",
        "instance_number",
        "is_image",
    )
    rows = scope.instances.filter(sop_instance_uid__in=list(wanted)[:MAX_LINKS]).values_list(*columns)
    found = {}
    for uid, series, study, modality, number, is_image in rows:
        frames = wanted[uid].frame_numbers
        frame = f"&frame={frames[0]}" if frames else ""
        instance = f"/dicom-web/{scope.name}/studies/{study}/series/{series}/instances/{uid}"
        has_picture = is_image and kind_of_modality(modality).has_picture
        found[uid] = Link(
            url=f"/view/{scope.name}/{study}/{series}/?instance={uid}{frame}",
            picture=f"{instance}{f'/frames/{frames[0]}' if frames else ''}/thumbnail" if has_picture else "",
            label=f"{modality or 'Object'}{f' no. {number}' if number is not None else ''}"
            + (f", frame {frames[0]}" if frames else ""),
        )
    return found
