"""The overview as numbers: which pictures an address asks for, in groups that one decision settles, page by page."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.review.listing import ListedPicture

SHOWN = {
    "waiting": "undecided",
    "person": "needs a person",
    "blackened": "blackened",
    "clean": "no writing found",
    "decided": "decided",
    "all": "all",
}
GROUPINGS = {
    "alike": "same device, same place, same words",
    "place": "same device, same place",
    "device": "same device",
    "series": "same series",
    "none": "one by one",
}
ORDERS = {"size": "largest group first", "subject": "by subject", "device": "by device"}
GROUPS_A_PAGE = 24
# Seen large, so that writing can be read.
PICTURES_A_PAGE = 12
_LONGEST_TEXT = 100


@dataclass(frozen=True, slots=True)
class Query:
    """What an address of the overview asks for; every part of it stands in the address.

    Parameters
    ----------
    show, modality, text
        Which pictures: a list of :data:`SHOWN`, a modality, and words that were read in them.
    grouping, order
        How they are put together and in which order.
    group
        The pictures of one group, large.
    after
        Where the page before ended.
    """

    show: str = "waiting"
    modality: str = ""
    text: str = ""
    grouping: str = "alike"
    order: str = "size"
    group: str = ""
    after: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> "Query":
        """What the fields of an address ask for.

        Raises
        ------
        RadCommonsError
            ``edge.invalid-request`` when a filter has a value that there is not.
        """
        usual = cls()
        query = cls(
            show=fields.get("show", usual.show),
            modality=fields.get("modality", ""),
            text=fields.get("text", "").strip()[:_LONGEST_TEXT],
            grouping=fields.get("by", usual.grouping),
            order=fields.get("order", usual.order),
            group=fields.get("group", ""),
            after=fields.get("after", ""),
        )
        if query.show not in SHOWN or query.grouping not in GROUPINGS or query.order not in ORDERS:
            raise RadCommonsError(Kind.INVALID, "edge.invalid-request", "There is no such list of pictures.")
        return query

    def with_(self, **changes: str) -> "Query":
        """The query with some parts changed, from its first page."""
        return replace(self, **{"after": "", **changes})

    @property
    def address(self) -> str:
        """The query string; what is as always is left out."""
        usual = Query()
        parts = {
            "show": self.show,
            "modality": self.modality,
            "text": self.text,
            "by": self.grouping,
            "order": self.order,
            "group": self.group,
            "after": self.after,
        }
        names = {"by": "grouping"}
        return urlencode({name: each for name, each in parts.items() if each != getattr(usual, names.get(name, name))})

    @property
    def place(self) -> str:
        """The whole address."""
        return "/pictures" + (f"?{self.address}" if self.address else "")

    def includes(self, picture: ListedPicture) -> bool:
        """Whether a picture belongs to what is asked for, its group aside."""
        is_shown = picture.shown.is_waiting if self.show == "waiting" else self.show in {"all", picture.kind}
        is_modality = self.modality in {"", picture.modality}
        return is_shown and is_modality and self.text.casefold() in picture.seen.text.casefold()


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that one decision settles."""

    group_id: str
    pictures: tuple[ListedPicture, ...]

    @property
    def first(self) -> ListedPicture:
        """The one that stands for all in the overview."""
        return self.pictures[0]

    @property
    def seen(self) -> str:
        """Stands for exactly these pictures with exactly these boxes and verdicts."""
        lines = (
            f"{each.shown.key} {each.shown.sha256} {each.state} {[box.to_json() for box in each.shown.boxes or ()]}\n"
            for each in self.pictures
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:32]

    def is_confirmable(self, *, is_large: bool) -> bool:
        """Whether it may be confirmed where it is shown: what no program vouches for only where it is seen large."""
        return all(
            each.shown.is_waiting
            and each.shown.is_confirmable
            and not each.is_face
            and (is_large or not each.is_unsure)
            for each in self.pictures
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """How many pictures there are of what, with their denominators.

    Parameters
    ----------
    shown
        Pictures in each list of :data:`SHOWN`, whatever the other filters say.
    modalities
        Pictures of each modality in the list that is shown.
    decided, waiting
        Of those a person has to decide.
    """

    shown: Mapping[str, int]
    modalities: Mapping[str, int]
    decided: int
    waiting: int

    @property
    def to_decide(self) -> int:
        """Everything a person decided or has to."""
        return self.decided + self.waiting


@dataclass(frozen=True, slots=True)
class Page:
    """One page of groups.

    Parameters
    ----------
    groups
        On this page.
    number_of_groups, pictures
        On all pages.
    before
        Groups on the pages before.
    following
        The query of the next page, ``None`` on the last.
    """

    groups: tuple[Group, ...]
    number_of_groups: int
    pictures: int
    before: int
    following: Query | None


def counts_of(pictures: Sequence[ListedPicture], query: Query) -> Counts:
    """The numbers beside the filters."""
    shown = dict.fromkeys(SHOWN, 0) | {"all": len(pictures)}
    modalities: dict[str, int] = {}
    for each in pictures:
        if each.kind in shown:
            shown[each.kind] += 1
        shown["waiting"] += each.shown.is_waiting
        if query.with_(modality="").includes(each):
            modalities[each.modality] = modalities.get(each.modality, 0) + 1
    return Counts(shown, dict(sorted(modalities.items())), shown["decided"], shown["waiting"])


def grouped(pictures: Iterable[ListedPicture], query: Query) -> tuple[Group, ...]:
    """What a query asks for, in groups, in its order; of one group, its pictures one by one."""
    found: dict[str, list[ListedPicture]] = {}
    for each in pictures:
        if query.includes(each):
            found.setdefault(_group_id(each, query.grouping), []).append(each)
    if query.group:
        return tuple(Group(each.shown.key, (each,)) for each in found.get(query.group, ()))
    groups = [Group(name, tuple(each)) for name, each in found.items()]
    return tuple(sorted(groups, key=lambda group: (_rank(group, query), group.group_id)))


def page_of(groups: Sequence[Group], query: Query) -> Page:
    """The page that follows what an address says was seen; decided groups may have gone since."""
    most = PICTURES_A_PAGE if query.group else GROUPS_A_PAGE
    rank, _, name = query.after.rpartition("~")
    if query.group:
        start = next((place + 1 for place, each in enumerate(groups) if each.group_id == name), 0)
    else:
        start = sum((_rank(each, query), each.group_id) <= (rank, name) for each in groups)
    listed = tuple(groups[start : start + most])
    following = None
    if start + most < len(groups):
        last = listed[-1]
        following = replace(query, after=f"{_rank(last, query)}~{last.group_id}")
    pictures = sum(len(each.pictures) for each in groups)
    return Page(listed, len(groups), pictures, start, following)


def _group_id(picture: ListedPicture, grouping: str) -> str:
    """Pictures of one group have the same verdict; of what no program could look at, each stands for itself."""
    key = _KEYS[grouping](picture)
    if not key:
        key = picture.series if picture.is_face else picture.shown.key
    words = [grouping, key, picture.state, picture.kind, picture.modality]
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:16]


_KEYS: Mapping[str, Callable[[ListedPicture], str]] = {
    "alike": lambda picture: picture.seen.alike,
    "place": lambda picture: picture.seen.place,
    "device": lambda picture: picture.seen.device,
    "series": lambda picture: picture.series,
    "none": lambda picture: picture.shown.key,
}


def _rank(group: Group, query: Query) -> str:
    """Where a group stands in the order, as text; it holds nothing that was read, since it stands in addresses."""
    if query.order == "size":
        return f"{10**9 - len(group.pictures):010d}"
    return group.first.subject if query.order == "subject" else group.first.seen.device
