"""What readers are asked: label schemas as immutable, versioned values with canonical JSON.

A schema is a list of groups of labels. A label says where it holds (scope), how it is drawn (geometry), what its answer is
(value), what it means to others (codes), and when it must be answered (required, required_if). Once a reading used a
version it never changes; a change is a new version and a mapping (``versions``).
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.geometry import Geometry
from radcommons.transfer.annotation.untyped import Node, plain
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

SCHEMA_FORMAT = "radcommons.label-schema/1"
MOST_LABELS = 1000
MOST_CHOICES = 500
HIGHEST_VERSION = 1_000_000

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Scope(StrEnum):
    """What one answer is about."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    REGION = "region"


class ValueKind(StrEnum):
    """What an answer looks like."""

    FLAG = "flag"
    ONE_OF = "one_of"
    MANY_OF = "many_of"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"


def _slug(node: Node) -> str:
    found = node.name()
    if not _SLUG.fullmatch(found):
        raise node.wrong("is not a slug of letters, digits, dots, dashes and underscores")
    return found


def _code(node: Node) -> Code:
    node.fields({"scheme", "value", "meaning"})
    return Code(node["scheme"].name(), node["value"].name(), node["meaning"].name())


def _codes_json(codes: tuple[Code, ...]) -> list[dict[str, str]]:
    return [{"meaning": code.meaning, "scheme": code.scheme, "value": code.value} for code in codes]


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible answer of ``one_of`` and ``many_of``.

    Parameters
    ----------
    id
        Its stable name inside the label.
    name, help
        What the reader sees.
    score
        What it counts in a computed label, when it counts.
    codes
        What it means in terminologies.
    """

    id: str
    name: str
    help: str = ""
    score: int | None = None
    codes: tuple[Code, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The choice as a plain mapping."""
        return {
            "codes": _codes_json(self.codes),
            "help": self.help,
            "id": self.id,
            "name": self.name,
            "score": self.score,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Choice":
        """Read what :meth:`to_json` wrote; ``codes``, ``help`` and ``score`` may be left out."""
        node.fields({"id", "name", "help", "score", "codes"})
        score = node["score"].whole(least=-1000, most=1000) if node.has("score") else None
        help_text = node.get("help", Node.text, "")
        return cls(_slug(node["id"]), node["name"].name(), help_text, score, node.tuple_of("codes", _code, most=20))


@dataclass(frozen=True, slots=True)
class ValueRule:
    """What the answer to a label may be.

    Parameters
    ----------
    kind
        Its kind.
    choices
        For ``one_of`` and ``many_of``, in the order shown.
    is_ordered
        Whether the choices are grades of one thing, by their scores or, when none has a score, as listed. Agreement and
        adjudication then count distances; beside scored choices, one without a score lies outside the scale.
    minimum, maximum
        Limits of an ``integer`` (both needed) or a ``number``, inclusive.
    unit
        The unit of a ``number``, in UCUM; also of an ``integer`` that counts or scores something.
    """

    kind: ValueKind
    choices: tuple[Choice, ...] = ()
    is_ordered: bool = False
    minimum: float | None = None
    maximum: float | None = None
    unit: Code | None = None

    @property
    def is_ordinal(self) -> bool:
        """Whether answers have an order: grades and whole numbers."""
        return self.kind is ValueKind.INTEGER or (self.kind is ValueKind.ONE_OF and self.is_ordered)

    def choice(self, choice_id: str) -> Choice | None:
        """The choice of that name."""
        return next((found for found in self.choices if found.id == choice_id), None)

    def grade(self, choice_id: str) -> int | None:
        """Where an ordered choice stands on its scale; None outside it."""
        if all(found.score is None for found in self.choices):
            return next((index for index, found in enumerate(self.choices) if found.id == choice_id), None)
        found = self.choice(choice_id)
        return found.score if found else None

    def to_json(self) -> dict[str, object]:
        """The rule as a plain mapping."""
        return {
            "choices": [choice.to_json() for choice in self.choices],
            "is_ordered": self.is_ordered,
            "kind": self.kind.value,
            "maximum": None if self.maximum is None else plain(self.maximum),
            "minimum": None if self.minimum is None else plain(self.minimum),
            "unit": _codes_json((self.unit,))[0] if self.unit else None,
        }

    @classmethod
    def from_json(cls, node: Node) -> "ValueRule":
        """Read what :meth:`to_json` wrote; everything but ``kind`` may be left out."""
        node.fields({"kind", "choices", "is_ordered", "minimum", "maximum", "unit"}, required={"kind"})
        return cls(
            node["kind"].choice(ValueKind),
            node.tuple_of("choices", Choice.from_json, most=MOST_CHOICES),
            node.get("is_ordered", Node.flag, default=False),
            node["minimum"].number() if node.has("minimum") else None,
            node["maximum"].number() if node.has("maximum") else None,
            _code(node["unit"]) if node.has("unit") else None,
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """A label answered in one of these ways; without ``values`` any answer counts (for a flag: that it was set)."""

    label_id: str
    values: tuple[str | int, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The condition as a plain mapping."""
        return {"label_id": self.label_id, "values": list(self.values)}

    @classmethod
    def from_json(cls, node: Node) -> "Condition":
        """Read what :meth:`to_json` wrote."""
        node.fields({"label_id", "values"}, required={"label_id"})
        return cls(_slug(node["label_id"]), node.tuple_of("values", _answer, most=MOST_CHOICES))


def _answer(node: Node) -> str | int:
    return node.name() if isinstance(node.value, str) else node.whole()


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
            "codes": _codes_json(self.codes),
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
            id=_slug(node["id"]),
            name=node["name"].name(),
            scope=node["scope"].choice(Scope),
            value=ValueRule.from_json(node["value"]),
            geometry=node.get("geometry", lambda found: found.choice(Geometry), Geometry.NONE),
            parent=node.get("parent", Node.text, ""),
            help=node.get("help", Node.text, ""),
            codes=node.tuple_of("codes", _code, most=20),
            examples=node.tuple_of("examples", Example.from_json, most=20),
            is_required=node.get("is_required", Node.flag, default=False),
            required_if=node.tuple_of("required_if", Condition.from_json, most=50),
            sum_of_products=node.tuple_of("sum_of_products", _term, most=100),
            color=color,
            shortcut=node.get("shortcut", lambda found: found.text(longest=1), ""),
        )


_LABEL_KEYS = set(Label.__slots__)


def _term(node: Node) -> tuple[str, ...]:
    return tuple(_slug(factor) for factor in node.each(most=10))


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
        return cls(_slug(node["id"]), node["name"].name(), labels, node.get("help", Node.text, ""))


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
        return cls(_slug(node["name"]), node["version"].whole(least=1, most=HIGHEST_VERSION))


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
