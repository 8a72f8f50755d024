"""What was decided for raw elements, kept within everything a decision depends on beside the bytes themselves.

A context is one job (profile, key, patient, cleaning), one SOP class, one character set, one encoding and one set of
identifiers. It asks the rewriter once for each distinct element and the second look once for each distinct result.
"""

from collections.abc import Hashable, Iterable
from functools import cached_property

from radcommons.deid.byte_texts import texts_in_bytes
from radcommons.deid.direct import Direct
from radcommons.deid.element_look import ElementLook, error, kept_identifiers, residues
from radcommons.deid.fast.layout import META_END
from radcommons.deid.fast.memories import NOTHING, Anybody, Decision, Harvest, Memory, Notes, parsed
from radcommons.deid.fast.unnamed import unnamed
from radcommons.deid.identifiers import beginnings_in, pattern_of
from radcommons.deid.job import Job
from radcommons.deid.levels import Level, creator_tag_of, is_creator_tag
from radcommons.deid.marks import marks_of
from radcommons.deid.verify import residual_finding
from radcommons.dicom.element_writing import write_elements
from radcommons.dicom.elements import Encoding
from radcommons.dicom.finding import Finding
from radcommons.dicom.text import SPECIFIC_CHARACTER_SET, encodings_of

_META_DECISION = Decision(b"")


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
    anybody
        What is decided alike for other patients, of the same profile, class and encoding.
    """

    def __init__(
        self,
        job: Job,
        sop_class_uid: str,
        harvest: Harvest,
        identifiers: frozenset[str],
        *,
        anybody: Anybody | None = None,
    ) -> None:
        self.job = job
        self.sop_class_uid = sop_class_uid
        self.harvest = harvest
        self.identifiers = identifiers
        self.encoding = harvest.encoding
        self.anybody = anybody or Anybody(harvest.encoding)
        self._pattern = pattern_of(identifiers)
        self._look = ElementLook(job.profile, sop_class_uid, job.patient.subject_id)
        self._kept = kept_identifiers(job.profile)
        self._directs: dict[tuple[int, str, str], Direct | None] = {}
        self._decisions: Memory[Decision] = Memory()
        self._seen: Memory[tuple[Finding, ...]] = Memory()
        self._marks: dict[tuple[bool, bool], dict[int, tuple[bytes, bool]]] = {}

    @cached_property
    def marked_tags(self) -> frozenset[int]:
        """The attributes that marks take the place of, whatever is there."""
        marks = self.marks(has_cleaned_content=True, has_pixels=True)
        return frozenset(tag for tag, (_, is_always) in marks.items() if is_always)

    def decide(self, tag: int, raw: bytes, creator: str) -> Decision:
        """What becomes of one element; an owner of a private block stays for now."""
        if tag < META_END:
            return _META_DECISION
        key: Hashable = (creator, raw) if tag >> 16 & 1 else raw
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decisions.keep(key, self._decided_alike(tag, raw, creator), raw)
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
        key = (tag, vr, creator)
        if key not in self._directs:
            rewriter = self.job.rewriter(self.sop_class_uid, self._pattern)
            self._directs[key] = rewriter.direct(tag, vr, self._level(tag, creator))
        return self._directs[key]

    def findings(self, tag: int, raw: bytes, creator: str) -> tuple[Finding, ...]:
        """What the second look says of one written element."""
        key: Hashable = (creator, raw) if tag >> 16 & 1 else raw
        found = self._seen.get(key)
        if found is None:
            found = self._seen.keep(key, self._found_alike(tag, raw, creator), raw)
        return found

    def is_named_among_numbers(self, value: bytes) -> bool:
        """Whether somebody is named in the bytes of a public number; nothing else about them can be wrong."""
        encodings, memory = self.harvest.encodings, self.anybody.beginnings
        beginnings = memory.get((encodings, value))
        if beginnings is None:
            read = frozenset(each for text in texts_in_bytes(value, encodings) for each in beginnings_in(text))
            beginnings = memory.keep((encodings, value), read, value)
        if self._pattern.is_silent_on(beginnings):
            return False
        return any(self._pattern.spans(text, is_thorough=False) for text in texts_in_bytes(value, encodings))

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

    def _decided_alike(self, tag: int, raw: bytes, creator: str) -> Decision:
        """What was decided for another patient where that cannot matter, and what is decided now."""
        anybody, place = self.anybody, (tag, raw[4:6], creator)
        known = anybody.removals.get(place)
        is_plain = known is None and anybody.is_plain(tag, raw)
        if is_plain:
            known = anybody.staying.get(raw)
        if known is not None:
            return known
        alike = anybody.unnamed.get((self.harvest.encodings, raw))
        if alike is not None and alike.holds_for(self._pattern, self.job.cleaning.text_decisions):
            return alike.answer
        decision = self._decided(tag, raw, creator)
        if is_plain and decision.raw is raw and decision.notes is NOTHING:
            return anybody.staying.keep(raw, decision, raw)
        if not decision.raw:
            direct = self.direct(tag, anybody.vr(tag, raw), creator)
            if direct is not None and direct.is_removed:
                return anybody.removals.keep(place, decision)
        if decision.raw is raw and decision.notes.is_about_texts:
            alike = unnamed(parsed(raw, self.encoding), self.harvest.encodings, self._pattern, decision)
            if alike is not None:
                anybody.unnamed.keep((self.harvest.encodings, raw), alike, raw)
        return decision

    def _found_alike(self, tag: int, raw: bytes, creator: str) -> tuple[Finding, ...]:
        anybody = self.anybody
        is_plain = anybody.is_plain(tag, raw)
        if is_plain and raw in anybody.unsuspicious:
            return ()
        known = anybody.unnamed_seen.get((self.harvest.encodings, raw))
        if known is not None and known.holds_for(self._pattern, {}):
            return known.answer
        found = tuple(self._looked_at(tag, raw, creator))
        if is_plain and not found:
            anybody.unsuspicious.keep(raw, value=True, raw=raw)
        elif not found:
            known = unnamed(parsed(raw, self.encoding), self.harvest.encodings, self._pattern, ())
            if known is not None:
                anybody.unnamed_seen.keep((self.harvest.encodings, raw), known, raw)
        return found

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
