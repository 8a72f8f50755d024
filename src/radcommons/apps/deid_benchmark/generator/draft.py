"""One object in the making: a data set, its picture, and the answers that are written down while identifiers are planted."""

import hashlib
import random
from collections.abc import Iterable, MutableSequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.apps.deid_benchmark.generator.persons import Person
from radcommons.apps.deid_benchmark.key import Action, BurnedIn, Check

UID_ROOT = "1.2.826.0.1.3680043.10.1555"
_SHORTEST_SEARCHABLE = 6
# Values of these kinds come about by themselves: a shift gives dates, a pseudonym may be a number.
_NOT_SEARCHABLE = frozenset({"date", "number"})


def made_uid(*parts: object) -> str:
    """A UID that is the same for the same parts, 56 characters or fewer."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"{UID_ROOT}.{int.from_bytes(digest[:9], 'big') + 1}"


@dataclass(slots=True)
class Picture:
    """Pixels before they are written.

    Parameters
    ----------
    samples
        Shape ``(frames, rows, columns)`` or ``(frames, rows, columns, 3)``.
    photometric
        Photometric Interpretation.
    bits_stored
        Bits of a sample that are used.
    """

    samples: NDArray[np.unsignedinteger[Any]]
    photometric: str = "MONOCHROME2"
    bits_stored: int = 12

    def ink(self, ground: NDArray[np.unsignedinteger[Any]]) -> int:
        """A value that is legible upon a ground: nearly the highest, or nothing where the ground is bright."""
        highest = (
            int(2**self.bits_stored - 1) if self.photometric == "PALETTE COLOR" else int(2**self.bits_stored * 0.95)
        )
        return 0 if float(ground.mean()) > highest / 2 else highest


@dataclass(frozen=True, slots=True)
class Spot:
    """A data set or item into which something is planted, and the path to it."""

    dataset: Dataset
    prefix: str = ""

    def item(self, keyword: str) -> "Spot":
        """A new item at the end of a sequence."""
        if keyword not in self.dataset:
            setattr(self.dataset, keyword, Sequence())
        sequence = self.dataset[keyword].value
        sequence.append(Dataset())
        return Spot(sequence[-1], f"{self.prefix}{keyword}[{len(sequence) - 1}].")


@dataclass(slots=True)
class Draft:
    """An object that is being made.

    Parameters
    ----------
    number
        Its ordinal in the set; Instance Number is 1000 more.
    visit
        Which of the patient's visits it belongs to.
    siblings
        Finished drafts of the same study, for references.
    found_pixels
        Whether the pixels came with a real file and its description of them stays as it is.
    """

    kind: str
    number: int
    person: Person
    seed: int
    visit: int
    modality: str
    sop_class_uid: str
    transfer_syntax_uid: str = str(ExplicitVRLittleEndian)
    may_be_refused: bool = False
    siblings: list["Draft"] = field(default_factory=list)
    dataset: Dataset = field(default_factory=Dataset)
    picture: Picture | None = None
    found_pixels: bool = False
    checks: list[Check] = field(default_factory=list)
    burned_in: list[BurnedIn] = field(default_factory=list)
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"draft/{self.seed}/{self.number}/{self.kind}")  # noqa: S311  no secret

    @property
    def top(self) -> Spot:
        """The data set itself."""
        return Spot(self.dataset)

    @property
    def is_implicit(self) -> bool:
        """Whether the file has no value representations: a sequence unknown to a reader shows there by its open length only."""
        return self.transfer_syntax_uid == ImplicitVRLittleEndian

    @property
    def day(self) -> date:
        """The day of the visit."""
        return self.person.visit(self.visit)

    @property
    def study_instance_uid(self) -> str:
        """One for each visit of a person."""
        return made_uid(self.seed, "study", self.person.ordinal, self.visit)

    @property
    def series_instance_uid(self) -> str:
        """One for each kind within a visit."""
        return made_uid(self.seed, "series", self.person.ordinal, self.visit, self.kind)

    @property
    def sop_instance_uid(self) -> str:
        """One for each object."""
        return made_uid(self.seed, "instance", self.number)

    @property
    def accession(self) -> str:
        """One for each visit."""
        return f"ACC{self.person.ordinal:02d}{self.visit}{self.seed % 1000:03d}77"

    def image_rng(self) -> np.random.Generator:
        """Chance for its pixels, its own."""
        return np.random.default_rng([self.seed, self.number])

    def code(self) -> str:
        """A made-up number that occurs nowhere else."""
        letters = "".join(self.rng.choice("BCDFGHKLMNPQRSTVWXZ") for _ in range(3))
        return f"{letters}{self.number:03d}{self.rng.randrange(10000, 99999)}"

    def must_go(self, path: str, value: str, secrets: Iterable[tuple[str, str]], *, slot: str) -> None:
        """Write down that parts of a value, given as (text, kind), have to disappear; a date in a sentence may also move."""
        for text, kind in secrets:
            if kind == "date" and text != value:
                self.checks.append(Check(Action.DATE_SHIFTED, slot, kind, path, text, text))
                continue
            self.checks.append(
                Check(Action.TEXT_REMOVED, slot, kind, path, value, text, self._is_searchable(text, kind))
            )

    def must_stay(self, path: str, value: str, text: str | None = None, *, slot: str = "kept") -> None:
        """Write down that a value, or a part of it, has to be there afterwards."""
        self.checks.append(Check(Action.TEXT_RETAINED, slot, "", path, value, value if text is None else text))

    def identifier(self, spot: Spot, keyword: str, value: str, *, kind: str, slot: str) -> None:
        """Plant a value that is an identifier as a whole."""
        setattr(spot.dataset, keyword, value)
        self.must_go(spot.prefix + keyword, value, [(value, kind)], slot=slot)

    def name(self, spot: Spot, keyword: str, value: str, *, slot: str) -> None:
        """Plant a person's name; every component of it has to go."""
        setattr(spot.dataset, keyword, value)
        parts = [part for group in value.split("=") for part in group.split("^") if part]
        self.must_go(spot.prefix + keyword, value, [(part, "name") for part in parts], slot=slot)

    def date(self, spot: Spot, keyword: str, value: str, *, slot: str) -> None:
        """Plant a date or date and time that has to be moved."""
        setattr(spot.dataset, keyword, value)
        self.checks.append(Check(Action.DATE_SHIFTED, slot, "date", spot.prefix + keyword, value, value))

    def uid(self, spot: Spot, keyword: str, value: str, *, slot: str, target: str = "") -> None:
        """Plant a UID that has to be replaced, everywhere by the same one."""
        setattr(spot.dataset, keyword, value)
        path = spot.prefix + keyword
        self.checks.append(Check(Action.UID_CHANGED, slot, "uid", path, value, value, is_searchable=True))
        self.checks.append(Check(Action.UID_CONSISTENT, slot, "", path, value, value, target=target))

    def kept(self, spot: Spot, keyword: str, value: object) -> None:
        """Set a value that says nothing about anybody and has to stay."""
        setattr(spot.dataset, keyword, value)
        text = "\\".join(map(str, value)) if isinstance(value, MutableSequence) else str(value)
        self.must_stay(spot.prefix + keyword, text)

    def reference(self, spot: Spot, target: "Draft", *, slot: str = "reference") -> None:
        """Refer to another object of the set."""
        spot.dataset.ReferencedSOPClassUID = target.sop_class_uid
        self.uid(spot, "ReferencedSOPInstanceUID", target.sop_instance_uid, slot=slot, target=target.sop_instance_uid)

    def _is_searchable(self, text: str, kind: str) -> bool:
        if kind in _NOT_SEARCHABLE or (kind == "name" and self.person.is_everyday):
            return False
        return len(text) >= _SHORTEST_SEARCHABLE or (not text.isascii() and len(text) > 1)
