"""What was decided for raw elements, kept within everything a decision depends on beside the bytes themselves.

A context is one job (profile, key, patient, cleaning), one SOP class, one character set, one encoding and one set of
identifiers. It asks the rewriter once for each distinct element and the second look once for each distinct result.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import TypeVar

from radcommons.deid.direct import Direct
from radcommons.deid.element_look import ElementLook, error, kept_identifiers, residues
from radcommons.deid.fast.layout import META_END, NotOrdinaryError
from radcommons.deid.identifiers import harvest_identifiers, pattern_of
from radcommons.deid.job import Job
from radcommons.deid.levels import Level, creator_tag_of, is_creator_tag
from radcommons.deid.marks import marks_of
from radcommons.deid.rewriting import ReportLine
from radcommons.deid.verify import residual_finding
from radcommons.dicom.elements import Element, ElementReader, Encoding, FormatError, write_elements
from radcommons.dicom.finding import Finding
from radcommons.dicom.text import SPECIFIC_CHARACTER_SET, encodings_of

_Value = TypeVar("_Value")
# Of raw elements in each memory, with what a dictionary needs for an entry.
_MOST_BYTES = 2**22
_LARGEST_BYTES = 2**16
_OVERHEAD_BYTES = 512
_SMALL_BYTES = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """What one or several decisions leave in the outcome; equal only to itself, so that notes are told apart at no cost."""

    report: tuple[ReportLine, ...] = ()
    kept_texts: tuple[tuple[str, str], ...] = ()
    redactions: int = 0
    has_cleaned_content: bool = False


NOTHING = Notes()


def together(notes: Iterable[Notes]) -> Notes:
    """Notes of a whole object, in the order of its elements."""
    every = tuple(notes)
    return Notes(
        tuple(dict.fromkeys(chain.from_iterable(each.report for each in every))),
        tuple(dict.fromkeys(chain.from_iterable(each.kept_texts for each in every))),
        sum(each.redactions for each in every),
        any(each.has_cleaned_content for each in every),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What comes of one raw element: its new bytes, empty when it goes, and what is to be said about it."""

    raw: bytes
    notes: Notes = NOTHING


_META_DECISION = Decision(b"")


class Memory(dict[Hashable, _Value]):
    """A dictionary that forgets everything rather than grow without end."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0

    def keep(self, key: Hashable, value: _Value, raw: bytes = b"") -> _Value:
        """Remember and return a value, unless the raw element it was found for is too large to be met again."""
        if len(raw) <= _LARGEST_BYTES:
            self._bytes += len(raw) + _OVERHEAD_BYTES
            if self._bytes > _MOST_BYTES:
                self.clear()
                self._bytes = len(raw)
            self[key] = value
        return value


def parsed(raw: bytes, encoding: Encoding) -> Element:
    """The one element that raw bytes hold."""
    return (_parsed_small if len(raw) <= _SMALL_BYTES else _parsed)(raw, encoding)


def _parsed(raw: bytes, encoding: Encoding) -> Element:
    try:
        elements = ElementReader(memoryview(raw), encoding).read_data_set(0)
    except FormatError as error_in_it:
        raise NotOrdinaryError from error_in_it
    if len(elements) != 1:
        raise NotOrdinaryError
    return elements[0]


# One element is harvested, rewritten and, where it stays, looked at: three readings of the same bytes.
_parsed_small = lru_cache(maxsize=4096)(_parsed)


@dataclass(slots=True)
class Harvest:
    """What raw elements of one character set identify, whoever they belong to."""

    encoding: Encoding
    encodings: tuple[str, ...]
    _found: Memory[frozenset[str]] = field(default_factory=Memory)

    def of(self, tag: int, raw: bytes) -> frozenset[str]:
        """The identifiers of one element."""
        if tag < META_END:
            return frozenset()
        found = self._found.get(raw)
        if found is None:
            found = harvest_identifiers((parsed(raw, self.encoding),), self.encodings)
            self._found.keep(raw, found, raw)
        return found


class Context:
    """See the module.

    Parameters
    ----------
    job
        Profile, key, patient and cleaning.
    sop_class_uid
        The class of the objects.
    harvest
        What their elements identify; it knows their encoding and their character set.
    identifiers
        What must not remain in them.
    """

    def __init__(self, job: Job, sop_class_uid: str, harvest: Harvest, identifiers: frozenset[str]) -> None:
        self.job = job
        self.sop_class_uid = sop_class_uid
        self.harvest = harvest
        self.identifiers = identifiers
        self.encoding = harvest.encoding
        self._pattern = pattern_of(identifiers)
        self._look = ElementLook(job.profile, sop_class_uid, job.patient.subject_id)
        self._kept = kept_identifiers(job.profile)
        self._kept = kept_identifiers(job.profile)
        self._decisions: Memory[Decision] = Memory()
        self._seen: Memory[tuple[Finding, ...]] = Memory()
        self._marks: dict[tuple[bool, bool], dict[int, tuple[bytes, bool]]] = {}

    def decide(self, tag: int, raw: bytes, creator: str) -> Decision:
        """What becomes of one element; an owner of a private block stays for now."""
        if tag < META_END:
            return _META_DECISION
        key: Hashable = (creator, raw) if tag >> 16 & 1 else raw
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decisions.keep(key, self._decided(tag, raw, creator), raw)
        return decision

    def idle(self, tag: int, raw: bytes) -> Decision:
        """What becomes of the owner of a private block of which nothing stays."""
        key = ("", tag, raw)
        decision = self._decisions.get(key)
        if decision is None:
            rewriter = self.job.rewriter(self.sop_class_uid, self._pattern)
            rewriter.note_idle_creator(parsed(raw, self.encoding), self._level(tag, ""))
            decision = self._decisions.keep(key, Decision(b"", Notes(tuple(rewriter.report))), raw)
        return decision

    def direct(self, tag: int, vr: str, creator: str) -> Direct | None:
        """What becomes of every plain value of an attribute, where that can be said at once."""
        rewriter = self.job.rewriter(self.sop_class_uid, self._pattern)
        return rewriter.direct(tag, vr, self._level(tag, creator))

    def findings(self, tag: int, raw: bytes, creator: str) -> tuple[Finding, ...]:
        """What the second look says of one written element."""
        key: Hashable = (creator, raw) if tag >> 16 & 1 else raw
        found = self._seen.get(key)
        if found is None:
            found = self._seen.keep(key, tuple(self._looked_at(tag, raw, creator)), raw)
        return found

    def marks(self, *, has_cleaned_content: bool, has_pixels: bool) -> dict[int, tuple[bytes, bool]]:
        """The elements to add by their tags: their bytes, and whether they stand in place of what is there."""
        key = (has_cleaned_content, has_pixels and self.job.has_seen_pixels)
        if key not in self._marks:
            marks = marks_of(
                self.job.profile, self.job.patient.subject_id, has_cleaned_content=key[0], has_seen_pixels=key[1]
            )
            added = {**dict.fromkeys(marks.if_absent, False), **dict.fromkeys(marks.always, True)}
            elements = {**marks.if_absent, **marks.always}
            self._marks[key] = {
                tag: (write_elements((elements[tag],), self.encoding), is_always)
                for tag, is_always in sorted(added.items())
            }
        return self._marks[key]

    def _decided(self, tag: int, raw: bytes, creator: str) -> Decision:
        rewriter = self.job.rewriter(self.sop_class_uid, self._pattern)
        new = rewriter.rewrite_element(parsed(raw, self.encoding), self._level(tag, creator))
        written = b"" if new is None else write_elements((new,), self.encoding)
        notes = Notes(
            tuple(rewriter.report), tuple(rewriter.kept_texts), rewriter.redactions, rewriter.has_cleaned_content
        )
        is_silent = not (notes.report or notes.kept_texts or notes.redactions or notes.has_cleaned_content)
        return Decision(raw if written == raw else written, NOTHING if is_silent else notes)

    def _looked_at(self, tag: int, raw: bytes, creator: str) -> Iterable[Finding]:
        element, level = parsed(raw, self.encoding), self._level(tag, creator)
        if element.tag != tag:
            yield error("deid.unwritable", "object", "What was written is not what was meant.")
        yield from self._look.findings(element, level)
        yield from map(residual_finding, dict.fromkeys(residues(element, self._pattern, level, kept=self._kept)))

    def _level(self, tag: int, creator: str) -> Level:
        creators = {creator_tag_of(tag): creator} if creator else {}
        return Level(self.harvest.encodings, (), creators)


def encodings_in(tags: tuple[int, ...], raws: tuple[bytes, ...], encoding: Encoding) -> tuple[str, ...]:
    """The codecs an object declares for its texts."""
    if SPECIFIC_CHARACTER_SET not in tags:
        return encodings_of(())
    return encodings_of((parsed(raws[tags.index(SPECIFIC_CHARACTER_SET)], encoding),))


def creators_in(
    tags: tuple[int, ...], raws: tuple[bytes, ...], encoding: Encoding, encodings: tuple[str, ...]
) -> dict[int, str]:
    """The owners of the private blocks of an object, by the tags of the elements that name them."""
    owners = (parsed(raw, encoding) for tag, raw in zip(tags, raws, strict=True) if is_creator_tag(tag))
    return dict(Level(encodings).holding(owners).creators)
