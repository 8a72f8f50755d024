"""What a profile does to an attribute and why, for people: the row of the table, the options, the object, its own rules."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_description, keyword_for_tag

from radcommons.deid.attribute_types import AttributeType, attribute_type, object_of
from radcommons.deid.private import PrivateAttribute, standard_private_attributes
from radcommons.deid.profile.overrides import sop_class_of, tag_of
from radcommons.deid.profile.rules import GRAPHIC_GROUPS, PATIENT_IDENTITY, Action, Profile
from radcommons.deid.profile.unlisted import unlisted_code
from radcommons.deid.tables import attribute_rows
from radcommons.dicom.elements import tag_text, vr_of_tag
from radcommons.dicom.errors import Kind, RadCommonsError

MEANINGS: Mapping[Action, str] = {
    Action.DUMMY: "replaced by a dummy value",
    Action.EMPTY: "emptied",
    Action.REMOVE: "removed",
    Action.KEEP: "kept",
    Action.CLEAN: "cleaned and kept",
    Action.UID: "replaced by a keyed UID",
}
_TYPE_MEANINGS = {
    AttributeType.REQUIRED: "must be there with a value (type 1)",
    AttributeType.MAY_BE_EMPTY: "must be there and may be empty (type 2)",
    AttributeType.OPTIONAL: "may be missing (type 3)",
}
_PRIVATE = re.compile(r"\(?([0-9A-Fa-f]{3}[13579BDFbdf]),?\s*xx([0-9A-Fa-f]{2})\)?")
# With its creator: (0019,"SIEMENS MR HEADER",0C), and as explanations print it: (0019,xx0C) SIEMENS MR HEADER.
_CREATOR_WITHIN = re.compile(r'\(?([0-9A-Fa-f]{3}[13579BDFbdf]),\s*"?([^"]*[^"\s])"?,\s*(?:xx)?([0-9A-Fa-f]{2})\)?')
_CREATOR_BEHIND = re.compile(r"(\([0-9A-Fa-f]{4},xx[0-9A-Fa-f]{2}\))\s+(\S.*)")
# Of a path through sequences the last attribute is meant: (0040,0275)/(0040,0007), <(0040,0275)>[<0>]<(0040,0007)>.
_STEP = re.compile(r"/(?=\()|>(?:\[<?\d+>?\])?<|\[<?\d+>?\](?=[/<]|$)")
_BARE_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NEAR = 0.75
# Attributes of which an object may have several, in groups of their own: (60xx,3000) is that of every overlay.
_REPEATING = {entry[4]: mask for mask, entry in RepeatersDictionary.items()}
_COMMON_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.481.3",
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happens to one attribute under one profile.

    Parameters
    ----------
    tag, keyword, name, vr
        The attribute; ``(gggg,xxee)`` for a private one.
    code
        The code the profile comes to, compound ones as the standard writes them.
    actions
        The letter it comes to, by the name of an object of PS3.3; one entry ``any`` when all objects agree.
    reasons
        Why, one sentence each.
    """

    tag: str
    keyword: str
    name: str
    vr: str
    code: str
    actions: Mapping[str, str]
    reasons: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """The explanation for a terminal."""
        yield f"{self.tag} {self.name or 'unknown attribute'} {f'({self.keyword}) ' if self.keyword else ''}{self.vr}".rstrip()
        for place, letter in self.actions.items():
            where = "" if place == "any" else f" in {place}"
            yield f"  {letter}: {MEANINGS[Action(letter)]}{where}"
        for reason in self.reasons:
            yield f"  - {reason}"


def find_attribute(text: str) -> tuple[int, str]:
    """The attribute a person names, and the creator where a private one is named with it; otherwise an empty text.

    Parameters
    ----------
    text
        A keyword, ``(0010,0010)``, ``00100010``; ``(0019,xx0C)`` or ``(0019,"SIEMENS MR HEADER",0C)`` for a private one; or a
        path through sequences, of which the last is meant. Of a repeating attribute, such as ``OverlayData`` or
        ``(60xx,3000)``, the first is told; what happens to it happens to all.

    Raises
    ------
    RadCommonsError
        ``deid.unknown-attribute`` when it is none of these.
    """
    named = [step for step in _STEP.split(text.strip().strip("<>")) if step]
    text = named[-1].strip() if named else ""
    if (match := _CREATOR_BEHIND.fullmatch(text)) is not None:
        return find_attribute(match[1])[0], _known_creator(match[2])
    if (match := _CREATOR_WITHIN.fullmatch(text)) is not None:
        return int(match[1], 16) << 16 | 0x1000 | int(match[3], 16), _known_creator(match[2])
    if (match := _PRIVATE.fullmatch(text)) is not None:
        return int(match[1], 16) << 16 | 0x1000 | int(match[2], 16), ""
    mask = _REPEATING.get(text, re.sub(r"[(),\s]", "", text.upper()).replace("X", "x"))
    if mask in RepeatersDictionary:
        return int(mask.replace("x", "0"), 16), ""
    tag = tag_of(f"{text[:4]},{text[4:]}" if _BARE_TAG.fullmatch(text) else _keyword_like(text))
    if tag is None:
        message = f'Name a keyword such as StationName, or a tag such as (0008,1010) or, if private, (0019,"ACME CT",0C).{_guess(text)}'
        raise RadCommonsError(Kind.INVALID, "deid.unknown-attribute", message)
    return tag, ""


def _keyword_like(text: str) -> str:
    """The keyword that differs from a text in capitals only; the text itself when there is none."""
    return _keywords().get(text.casefold(), text)


@cache
def _keywords() -> Mapping[str, str]:
    return {entry[4].casefold(): entry[4] for entry in DicomDictionary.values() if entry[4]}


def _guess(text: str) -> str:
    near = get_close_matches(text.casefold(), _keywords(), n=1, cutoff=_NEAR)
    return f" Did you mean {_keywords()[near[0]]}?" if near else ""


def _known_creator(text: str) -> str:
    """A creator as its owner writes it: tables of benchmarks have it in capitals."""
    known = {attribute.creator for attribute in standard_private_attributes().values()}
    return next((creator for creator in known if creator.casefold() == text.casefold()), text)


def find_class(text: str) -> str:
    """The UID of the SOP class a person names by keyword or UID.

    Raises
    ------
    RadCommonsError
        ``deid.unknown-class`` when there is none.
    """
    uid = sop_class_of(text)
    if uid is None:
        raise RadCommonsError(
            Kind.INVALID, "deid.unknown-class", "There is no such SOP class; name one such as CTImageStorage."
        )
    return uid


def explain(profile: Profile, tag: int, *, vr: str = "", sop_class_uid: str = "", creator: str = "") -> Explanation:
    """Say what happens to an attribute and why.

    Parameters
    ----------
    profile
        The profile asked.
    tag
        The attribute; for a private one its group and the last two digits of its element count.
    vr
        Its value representation; that of the dictionary when empty.
    sop_class_uid
        The class of the object; a few common ones when empty.
    creator
        Whose block a private attribute lies in.
    """
    if tag >> 16 & 1:
        return _explain_private(profile, tag, vr, creator)
    asked = vr or vr_of_tag(tag)
    row = attribute_rows().get(tag, {})
    actions = {
        object_of(uid): profile.for_class(uid).action_for(tag, asked, attribute_type=attribute_type(tag, uid)).value
        for uid in ((sop_class_uid,) if sop_class_uid else _COMMON_CLASSES)
    }
    if tag in PATIENT_IDENTITY:
        actions = dict.fromkeys(actions, Action.DUMMY.value)
    if len(set(actions.values())) == 1 and not sop_class_uid:
        actions = {"any": next(iter(actions.values()))}
    return Explanation(
        tag=tag_text(tag),
        keyword=keyword_for_tag(tag),
        name=str(row.get("name", "")) or _name_of(tag),
        vr=asked,
        code=profile.codes.get(tag, "") or next(iter(actions.values())),
        actions=actions,
        reasons=tuple(_reasons(profile, tag, asked, sop_class_uid)),
    )


def _name_of(tag: int) -> str:
    try:
        return dictionary_description(tag)
    except KeyError:
        return ""


def _reasons(profile: Profile, tag: int, vr: str, sop_class_uid: str) -> Iterator[str]:
    row = attribute_rows().get(tag)
    if tag in PATIENT_IDENTITY:
        yield "In the object itself the code of the subject takes its place; what follows is said of items of sequences."
    override = profile.for_class(sop_class_uid).overrides.get(tag)
    if override is not None:
        code, reason = override
        yield f"Profile {profile.name} {profile.version} says {code} itself: {reason.rstrip('.')}."
    if row is None:
        yield from _unlisted_reasons(profile, tag, vr)
    else:
        yield f"PS3.15 Table E.1-1, edition 2026d: the Basic Profile says {row['basic']}."
        yield from _option_reasons(profile, row)
    if vr == "AS" and profile.maximum_age_years is not None:
        yield f"Ages above {profile.maximum_age_years} years become one category, {profile.maximum_age_years + 1:03d}Y, where an age stays."
    if vr == "UN" and row is not None:
        yield "Its bytes have no known form (UN): what would be kept or cleaned is removed."
    if sop_class_uid:
        kind = attribute_type(tag, sop_class_uid)
        yield f"In a {object_of(sop_class_uid)} it {_TYPE_MEANINGS[kind]}."


def _option_reasons(profile: Profile, row: Mapping[str, object]) -> Iterator[str]:
    given: Mapping[str, str] = row["options"]  # type: ignore[assignment]  # the generated tables have this shape
    for option, code in given.items():
        state = "is chosen" if option in profile.options else "is not chosen"
        yield f"Option {option} says {code}; it {state}."


def _unlisted_reasons(profile: Profile, tag: int, vr: str) -> Iterator[str]:
    if tag >> 24 in GRAPHIC_GROUPS:
        yield "PS3.15 Table E.1-1, edition 2026d: for overlays and curves the Basic Profile says X, clean_graphics says C."
        yield "They go as a whole group, and stay with that option where they show no writing."
        return
    yield "PS3.15 Table E.1-1, edition 2026d, does not list it."
    _, reason = unlisted_code(tag, vr, profile.options)
    yield reason


def _explain_private(profile: Profile, tag: int, vr: str, creator: str) -> Explanation:
    group, element = tag >> 16, tag & 0xFF
    attribute = profile.private_attribute(group, creator, element)
    action = profile.private_action(group, creator, element, vr or (attribute.vr.split("/")[0] if attribute else "UN"))
    return Explanation(
        tag=f"({group:04X},xx{element:02X})",
        keyword="",
        name=attribute.meaning if attribute else "",
        vr=vr or (attribute.vr if attribute else ""),
        code=action.value,
        actions={"any": action.value},
        reasons=tuple(_private_reasons(profile, attribute, creator)),
    )


def _private_reasons(profile: Profile, attribute: PrivateAttribute | None, creator: str) -> Iterator[str]:
    if "retain_safe_private" not in profile.options:
        yield "All private attributes go: the option retain_safe_private is not chosen."
    elif not creator:
        yield 'A private attribute is known only with its creator: write (0019,"SIEMENS MR HEADER",0C), or give --creator.'
    elif attribute is None:
        yield f'It is not among the safe attributes of the creator "{creator}".'
    else:
        yield f"{attribute.source}: it is safe as {attribute.vr or 'a number'}, number of values {attribute.vm}."
        yield "It goes all the same when its value has another value representation, number of values or form."


def tables_compared(left: Profile, right: Profile) -> Iterator[tuple[str, str, str]]:
    """What two profiles say differently, as (attribute, code on the left, code on the right)."""
    for tag in sorted(left.codes.keys() | right.codes.keys()):
        codes = left.codes.get(tag, "-"), right.codes.get(tag, "-")
        if codes[0] != codes[1]:
            name = keyword_for_tag(tag) or str(attribute_rows().get(tag, {}).get("name", ""))
            yield f"{tag_text(tag)} {name}", *codes
    for uid in sorted(left.classes.keys() | right.classes.keys()):
        own, other = left.for_class(uid), right.for_class(uid)
        for tag in sorted(own.overrides.keys() | other.overrides.keys()):
            codes = own.codes.get(tag, "-"), other.codes.get(tag, "-")
            if codes[0] != codes[1] and (left.codes.get(tag), right.codes.get(tag)) != codes:
                yield f"{tag_text(tag)} {keyword_for_tag(tag)} in {UID_dictionary[uid][4]}", *codes
    kept = left.private_attributes(), right.private_attributes()
    for key in sorted(kept[0].keys() ^ kept[1].keys()):
        attribute = kept[0].get(key) or kept[1][key]
        yield attribute.text(), "kept" if key in kept[0] else "X", "kept" if key in kept[1] else "X"
