"""What readers are asked, and where each answer holds: labels, their groups, a version of a schema."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.geometry import Geometry
from radcommons.transfer.annotation.schema.answers import Condition, ValueRule, code_of, codes_json, slug_of
from radcommons.transfer.annotation.untyped import Node
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

SCHEMA_FORMAT = "radcommons.label-schema/1"
MOST_LABELS = 1000
HIGHEST_VERSION = 1_000_000

# Okabe and Ito's colours, in the order in which the reading page gives them to labels that name none.
COLORS = ("#56b4e9", "#e69f00", "#2fc39a", "#f0e442", "#e58fc0", "#ff7a3d", "#8fb8ff", "#f2f2f2")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Scope(StrEnum):
    """What one answer is about."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Example:
    """A picture that shows what a label means: a PNG or JPEG by its SHA-256, kept beside the schema, and its caption."""

    sha256: str
    caption: str

    def to_json(self) -> dict[str, object]:
        """The example as a plain mapping."""
        return {"caption": self.caption, "sha256": self.sha256}

    @classmethod
    def from_json(cls, node: Node) -> "Example":
        """Read what :meth:`to_json` wrote."""
        node.fields({"caption", "sha256"})
        if not _DIGEST.fullmatch(node["sha256"].name()):
            raise node["sha256"].wrong("is not a SHA-256 digest")
        return cls(node["sha256"].name(), node["caption"].text())


@dataclass(frozen=True, slots=True)
class Label:
    """One thing a reader may answer or draw.

    Parameters
    ----------
    id
        Stable inside the schema and across its versions.
    name, help, examples
        What the reader sees.
    scope, geometry, value
        Where it holds, how it is drawn, what its answer is. A region is drawn, or is an attribute of its parent's drawing.
    parent
        The label it refines, or "".
    codes
        What it means in terminologies.
    is_required
        Whether every reading must answer it; an attribute: whether every drawing of its parent must have it.
    required_if
        Conditions, one of which makes it required.
    sum_of_products
        For a computed label: terms to add, each the labels whose scores are multiplied. Readers never enter it.
    color
        ``#RRGGBB`` for drawings, or "".
    shortcut
        The key that picks it on the reading page, one character, or "".
    """

    id: str
    name: str
    scope: Scope
    value: ValueRule
    geometry: Geometry = Geometry.NONE
    parent: str = ""
    help: str = ""
    codes: tuple[Code, ...] = ()
    examples: tuple[Example, ...] = ()
    is_required: bool = False
    required_if: tuple[Condition, ...] = ()
    sum_of_products: tuple[tuple[str, ...], ...] = ()
    color: str = ""
    shortcut: str = ""

    @property
    def is_attribute(self) -> bool:
        """Whether it describes a drawing of its parent, as the malignancy of a nodule."""
        return self.scope is Scope.REGION and self.geometry is Geometry.NONE

    @property
    def is_computed(self) -> bool:
        """Whether its value follows from other labels."""
        return bool(self.sum_of_products)

    def to_json(self) -> dict[str, object]:
        """The label as a plain mapping."""
        return {
            "codes": codes_json(self.codes),
            "color": self.color,
            "examples": [example.to_json() for example in self.examples],
            "geometry": self.geometry.value,
            "help": self.help,
            "id": self.id,
            "is_required": self.is_required,
            "name": self.name,
            "parent": self.parent,
            "required_if": [condition.to_json() for condition in self.required_if],
            "scope": self.scope.value,
            "shortcut": self.shortcut,
            "sum_of_products": [list(term) for term in self.sum_of_products],
            "value": self.value.to_json(),
        }

    @classmethod
    def from_json(cls, node: Node) -> "Label":
        """Read what :meth:`to_json` wrote; everything but ``id``, ``name``, ``scope`` and ``value`` may be left out."""
        node.fields(_LABEL_KEYS, required={"id", "name", "scope", "value"})
        color = node.get("color", Node.text, "")
        if color and not _COLOR.fullmatch(color):
            raise node["color"].wrong("is not #RRGGBB")
        return cls(
            id=slug_of(node["id"]),
            name=node["name"].name(),
            scope=node["scope"].choice(Scope),
            value=ValueRule.from_json(node["value"]),
            geometry=node.get("geometry", lambda found: found.choice(Geometry), Geometry.NONE),
            parent=node.get("parent", Node.text, ""),
            help=node.get("help", Node.text, ""),
            codes=node.tuple_of("codes", code_of, most=20),
            examples=node.tuple_of("examples", Example.from_json, most=20),
            is_required=node.get("is_required", Node.flag, default=False),
            required_if=node.tuple_of("required_if", Condition.from_json, most=50),
            sum_of_products=node.tuple_of("sum_of_products", _term, most=100),
            color=color,
            shortcut=node.get("shortcut", lambda found: found.text(longest=1), ""),
        )


_LABEL_KEYS = set(Label.__slots__)


def _term(node: Node) -> tuple[str, ...]:
    return tuple(slug_of(factor) for factor in node.each(most=10))


@dataclass(frozen=True, slots=True)
class LabelGroup:
    """Labels that stand together on the reading page."""

    id: str
    name: str
    labels: tuple[Label, ...]
    help: str = ""

    def to_json(self) -> dict[str, object]:
        """The group as a plain mapping."""
        labels = [label.to_json() for label in self.labels]
        return {"help": self.help, "id": self.id, "labels": labels, "name": self.name}

    @classmethod
    def from_json(cls, node: Node) -> "LabelGroup":
        """Read what :meth:`to_json` wrote."""
        node.fields({"id", "name", "labels", "help"}, required={"id", "name", "labels"})
        labels = node.tuple_of("labels", Label.from_json, most=MOST_LABELS)
        return cls(slug_of(node["id"]), node["name"].name(), labels, node.get("help", Node.text, ""))


@dataclass(frozen=True, slots=True)
class SchemaReference:
    """One version of one schema, by name."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    def to_json(self) -> dict[str, object]:
        """The reference as a plain mapping."""
        return {"name": self.name, "version": self.version}

    @classmethod
    def from_json(cls, node: Node) -> "SchemaReference":
        """Read what :meth:`to_json` wrote."""
        node.fields({"name", "version"})
        return cls(slug_of(node["name"]), node["version"].whole(least=1, most=HIGHEST_VERSION))


@dataclass(frozen=True, slots=True)
class LabelSchema:
    """One version of a set of labels.

    Parameters
    ----------
    name, version
        Its slug and its number from 1; together its identity.
    title, description
        For people; the description names the source of the definitions.
    groups
        Its labels, in order.
    modalities
        Modalities it is meant for (DICOM terms); empty for any.
    """

    name: str
    version: int
    title: str
    groups: tuple[LabelGroup, ...]
    description: str = ""
    modalities: tuple[str, ...] = field(default=())

    @property
    def reference(self) -> SchemaReference:
        """Its name and version."""
        return SchemaReference(self.name, self.version)

    @property
    def labels(self) -> tuple[Label, ...]:
        """All labels of all groups, in order."""
        return tuple(label for group in self.groups for label in group.labels)

    def label(self, label_id: str) -> Label | None:
        """The label of that id."""
        return next((label for label in self.labels if label.id == label_id), None)

    def title_of(self, label: Label) -> str:
        """What a label is called where it stands outside its group: with the group's name where another one has its name."""
        if sum(other.name == label.name for other in self.labels) < 2:  # noqa: PLR2004 - itself and another
            return label.name
        group = next((group.name for group in self.groups if label in group.labels), "")
        return f"{group}: {label.name}" if group else label.name

    def color_of(self, label_id: str) -> str:
        """``#RRGGBB`` of what is drawn for a label, in every reading the same: its own, or one by its place among those drawn."""
        drawn = [label for label in self.labels if label.scope is Scope.REGION]
        colors = {label.id: label.color or COLORS[place % len(COLORS)] for place, label in enumerate(drawn)}
        return colors.get(label_id, COLORS[0])

    def to_json(self) -> dict[str, object]:
        """The schema as a plain mapping."""
        return {
            "description": self.description,
            "format": SCHEMA_FORMAT,
            "groups": [group.to_json() for group in self.groups],
            "modalities": list(self.modalities),
            "name": self.name,
            "title": self.title,
            "version": self.version,
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal schemas have equal bytes."""
        return canonical_json(self.to_json())

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes."""
        return sha256_hex(self.to_bytes())


def schema_from_json(value: object) -> LabelSchema:
    """Read what :meth:`LabelSchema.to_json` wrote; whether it makes sense is for ``checking.check_schema``.

    Raises
    ------
    AnnotationFormatError
        When something is missing, unknown or of the wrong type, with its path.
    """
    node = Node(value, "schema")
    node.fields({"format", *LabelSchema.__slots__}, required={"format", "name", "version", "title", "groups"})
    if node["format"].value != SCHEMA_FORMAT:
        raise node["format"].wrong(f"is not {SCHEMA_FORMAT}")
    reference = SchemaReference.from_json(Node({key: node[key].value for key in ("name", "version")}, node.path))
    return LabelSchema(
        reference.name,
        reference.version,
        node["title"].name(),
        node.tuple_of("groups", LabelGroup.from_json, most=100),
        node.get("description", Node.text, ""),
        node.tuple_of("modalities", Node.name, most=50),
    )
