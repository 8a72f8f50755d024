"""DICOM JSON as XML: the Native DICOM Model (PS3.19 A.1), which PS3.18 calls ``application/dicom+xml``. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">'
)
_TAIL = "</NativeDicomModel>"
# Characters that XML 1.0 cannot hold at all, however written.
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
Attributes = Mapping[str, Any]


def to_xml(attributes: Attributes) -> bytes:
    """One instance, or one search result, as an XML document.

    Parameters
    ----------
    attributes
        The DICOM JSON of a data set: tags to attributes (PS3.18 F.2).
    """
    return "".join([_HEAD, *_attributes(attributes), _TAIL]).encode()


def _attributes(attributes: Attributes) -> Iterator[str]:
    creators: dict[str, str] = {}
    for tag in sorted(attributes):
        attribute = attributes[tag]
        values = attribute.get("Value") or []
        is_private = int(tag[3], 16) % 2 == 1
        if is_private and tag[4:6] == "00" and tag[6:] >= "10":
            # The creators are told with each element; the blocks they reserve are not (Table A.1.5-2).
            creators[tag[:4] + tag[6:]] = str(values[0]) if values else ""
            continue
        if tag.endswith("0000"):
            continue
        creator = creators.get(tag[:6], "") if is_private else None
        yield from _attribute(tag, attribute, values, creator)


def _attribute(tag: str, attribute: Attributes, values: Sequence[Any], creator: str | None) -> Iterator[str]:
    if creator is None:
        keyword = keyword_for_tag(int(tag, 16))
        named = f" keyword={quoteattr(keyword)}" if keyword else ""
        yield f'<DicomAttribute tag="{tag}" vr="{attribute["vr"]}"{named}>'
    else:
        shown = f"{tag[:4]}00{tag[6:]}"
        yield f'<DicomAttribute tag="{shown}" vr="{attribute["vr"]}" privateCreator={quoteattr(_text(creator))}>'
    if "BulkDataURI" in attribute:
        yield f"<BulkData uri={quoteattr(str(attribute['BulkDataURI']))}/>"
    elif "InlineBinary" in attribute:
        yield f"<InlineBinary>{escape(str(attribute['InlineBinary']))}</InlineBinary>"
    for number, value in enumerate(values, 1):
        yield from _value(attribute["vr"], number, value)
    yield "</DicomAttribute>"


def _value(vr: str, number: int, value: Any) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value or {})
        yield "</Item>"
    elif vr == "PN":
        yield f'<PersonName number="{number}">'
        for group in _NAME_GROUPS:
            if text := (value or {}).get(group):
                parts = zip(_NAME_PARTS, str(text).split("^"), strict=False)
                inner = "".join(f"<{name}>{_written(part)}</{name}>" for name, part in parts if part)
                yield f"<{group}>{inner}</{group}>"
        yield "</PersonName>"
    else:
        # A value that is empty among others keeps its place.
        text = "" if value is None else _written(value)
        yield f'<Value number="{number}">{text}</Value>'


def _written(value: object) -> str:
    # A parser turns a carriage return that is not escaped into a line feed (XML 1.0 2.11).
    return escape(_text(value), {"\r": "&#13;"})


def _text(value: object) -> str:
    return _IMPOSSIBLE.sub("\N{REPLACEMENT CHARACTER}", str(value))
