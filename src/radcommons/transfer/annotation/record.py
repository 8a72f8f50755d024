"""What one reader said about one study: items with their values and shapes, and the answer "nothing found".

A reading is complete in itself: schema version, method, who (a pseudonym), how long, what was drawn where. Consensus is a
reading too, with the method and inputs that made it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from radcommons.transfer.annotation.geometry import FrameMask, Outline, Shape, shape_from_json, uid_of
from radcommons.transfer.annotation.schema import SchemaReference
from radcommons.transfer.annotation.untyped import LARGEST_WHOLE, Node, plain
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

READING_FORMAT = "radcommons.reading/1"
MOST_ITEMS = 100_000
MOST_SHAPES = 100_000
LONGEST_FOREIGN = 50_000_000

Value = bool | int | float | str | tuple[str, ...]


class Method(StrEnum):
    """How an annotation came about; MIDRC's ``annotation_method``, verbatim."""

    CLINICALLY_DERIVED = "Clinically_derived"
    RETROSPECTIVE_EXPERT = "Retrospective_expert"
    RETROSPECTIVE_GENERAL = "Retrospective_general"
    RETROSPECTIVE_AUTO = "Retrospective_auto"


class ReadingFlag(StrEnum):
    """What a reader may say instead of, or besides, reading."""

    CANNOT_READ = "cannot_read"
    WRONG_BODY_PART = "wrong_body_part"
    BURNED_IN_TEXT = "burned_in_text"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What an item is about: a study, and when given one series, one image, one frame of it ("" and 0: not given)."""

    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    frame_number: int = 0

    def to_json(self) -> dict[str, object]:
        """The target as a plain mapping."""
        return {
            "frame_number": self.frame_number,
            "series_instance_uid": self.series_instance_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "study_instance_uid": self.study_instance_uid,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Target":
        """Read what :meth:`to_json` wrote; all but the study may be left out or empty."""
        node.fields(set(cls.__slots__), required={"study_instance_uid"})

        def optional_uid(found: Node) -> str:
            return uid_of(found) if found.value else ""

        return cls(
            uid_of(node["study_instance_uid"]),
            node.get("series_instance_uid", optional_uid, ""),
            node.get("sop_instance_uid", optional_uid, ""),
            node.get("frame_number", lambda found: found.whole(least=0), 0),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One answer.

    Parameters
    ----------
    id
        Unique inside the reading; the tracking identifier of a region.
    label_id
        Which label it answers.
    target
        What it is about.
    value
        True for a flag; the id of a choice; ids of choices; a whole number; a number; a text.
    shapes
        Where it was drawn: for one finding over many slices, one or more shapes on each.
    note
        Free text of the reader.
    foreign
        What the format it was imported from said, as JSON text, so that an export is what the import was; "" for own items.
    about
        For an attribute of a drawn finding: the id of the finding's item.
    """

    id: str
    label_id: str
    target: Target
    value: Value
    shapes: tuple[Shape, ...] = ()
    note: str = ""
    foreign: str = ""
    about: str = ""

    @property
    def outlines(self) -> tuple[Outline, ...]:
        """Its shapes that are points."""
        return tuple(shape for shape in self.shapes if isinstance(shape, Outline))

    @property
    def masks(self) -> tuple[FrameMask, ...]:
        """Its shapes that are masks."""
        return tuple(shape for shape in self.shapes if isinstance(shape, FrameMask))

    def to_json(self) -> dict[str, object]:
        """The item as a plain mapping."""
        return {
            "about": self.about,
            "foreign": self.foreign,
            "id": self.id,
            "label_id": self.label_id,
            "note": self.note,
            "shapes": [shape.to_json() for shape in self.shapes],
            "target": self.target.to_json(),
            "value": _value_json(self.value),
        }

    @classmethod
    def from_json(cls, node: Node) -> "Item":
        """Read what :meth:`to_json` wrote; the last four may be left out."""
        node.fields(set(cls.__slots__), required={"id", "label_id", "target", "value"})
        return cls(
            node["id"].name(),
            node["label_id"].name(),
            Target.from_json(node["target"]),
            _value(node["value"]),
            node.tuple_of("shapes", shape_from_json, most=MOST_SHAPES),
            node.get("note", Node.text, ""),
            node.get("foreign", lambda found: found.text(longest=LONGEST_FOREIGN), ""),
            node.get("about", lambda found: found.text(longest=256), ""),
        )


def _value_json(value: Value) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, bool | str) else plain(value)


def _value(node: Node) -> Value:
    found = node.value
    if isinstance(found, list):
        return tuple(choice.name() for choice in node.each(most=1000))
    if isinstance(found, str):
        return node.text()
    if isinstance(found, bool):
        return found
    if isinstance(found, int) and abs(found) <= LARGEST_WHOLE:
        return found
    return node.number()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader, one algorithm or one consensus says about one study.

    Parameters
    ----------
    id
        Its name in the project; deterministic UIDs of DICOM objects are derived from it.
    study_instance_uid
        What was read.
    reader
        The reader's pseudonym; an algorithm's name; the rule of a consensus.
    method
        How it came about.
    schema
        The version of the schema it answers.
    items
        The answers.
    is_nothing_found
        That the reader looked and there is nothing: an explicit answer, never the absence of one.
    flags
        Why it could not be read as meant.
    note
        Free text about the whole study.
    active_seconds
        Time with focus and input.
    finished_at
        ISO 8601 date and time in UTC, or "" for a reading in work.
    software
        Name and version of the program it was made with.
    sources
        For a consensus: the readings it was made from.
    """

    id: str
    study_instance_uid: str
    reader: str
    method: Method
    schema: SchemaReference
    items: tuple[Item, ...] = ()
    is_nothing_found: bool = False
    flags: tuple[ReadingFlag, ...] = ()
    note: str = ""
    active_seconds: float = 0.0
    finished_at: str = ""
    software: str = ""
    sources: tuple[str, ...] = field(default=())

    def items_of(self, label_id: str) -> tuple[Item, ...]:
        """The answers to one label."""
        return tuple(item for item in self.items if item.label_id == label_id)

    def to_json(self) -> dict[str, object]:
        """The reading as a plain mapping."""
        return {
            "active_seconds": plain(self.active_seconds),
            "finished_at": self.finished_at,
            "flags": [flag.value for flag in self.flags],
            "format": READING_FORMAT,
            "id": self.id,
            "is_nothing_found": self.is_nothing_found,
            "items": [item.to_json() for item in self.items],
            "method": self.method.value,
            "note": self.note,
            "reader": self.reader,
            "schema": self.schema.to_json(),
            "software": self.software,
            "sources": list(self.sources),
            "study_instance_uid": self.study_instance_uid,
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal readings have equal bytes."""
        return canonical_json(self.to_json())

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes."""
        return sha256_hex(self.to_bytes())


def reading_from_json(value: object) -> Reading:
    """Read what :meth:`Reading.to_json` wrote; whether it fits its schema is for ``checking.check_reading``.

    Raises
    ------
    AnnotationFormatError
        When something is missing, unknown or of the wrong type, with its path.
    """
    node = Node(value, "reading")
    required = {"format", "id", "study_instance_uid", "reader", "method", "schema"}
    node.fields({"format", *Reading.__slots__}, required=required)
    if node["format"].value != READING_FORMAT:
        raise node["format"].wrong(f"is not {READING_FORMAT}")
    seconds = node.get("active_seconds", Node.number, 0.0)
    if seconds < 0:
        raise node["active_seconds"].wrong("is negative")
    return Reading(
        id=node["id"].name(),
        study_instance_uid=uid_of(node["study_instance_uid"]),
        reader=node["reader"].name(),
        method=node["method"].choice(Method),
        schema=SchemaReference.from_json(node["schema"]),
        items=node.tuple_of("items", Item.from_json, most=MOST_ITEMS),
        is_nothing_found=node.get("is_nothing_found", Node.flag, default=False),
        flags=node.tuple_of("flags", lambda found: found.choice(ReadingFlag), most=10),
        note=node.get("note", Node.text, ""),
        active_seconds=seconds,
        finished_at=node.get("finished_at", lambda found: found.text(longest=40), ""),
        software=node.get("software", lambda found: found.text(longest=256), ""),
        sources=node.tuple_of("sources", Node.name, most=1000),
    )
