"""What an answer may be: its kind, its choices, its limits, and the conditions that answers make."""

import re
from dataclasses import dataclass
from enum import StrEnum

from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.untyped import Node, plain

MOST_CHOICES = 500

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ValueKind(StrEnum):
    """What an answer looks like."""

    FLAG = "flag"
    ONE_OF = "one_of"
    MANY_OF = "many_of"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"


def slug_of(node: Node) -> str:
    """A stable name of letters, digits, dots, dashes and underscores."""
    found = node.name()
    if not _SLUG.fullmatch(found):
        raise node.wrong("is not a slug of letters, digits, dots, dashes and underscores")
    return found


def code_of(node: Node) -> Code:
    """A code as :func:`codes_json` writes it."""
    node.fields({"scheme", "value", "meaning"})
    return Code(node["scheme"].name(), node["value"].name(), node["meaning"].name())


def codes_json(codes: tuple[Code, ...]) -> list[dict[str, str]]:
    """Codes as plain mappings."""
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
            "codes": codes_json(self.codes),
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
        return cls(slug_of(node["id"]), node["name"].name(), help_text, score, node.tuple_of("codes", code_of, most=20))


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
            "unit": codes_json((self.unit,))[0] if self.unit else None,
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
            code_of(node["unit"]) if node.has("unit") else None,
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
        return cls(slug_of(node["label_id"]), node.tuple_of("values", _answer, most=MOST_CHOICES))


def _answer(node: Node) -> str | int:
    return node.name() if isinstance(node.value, str) else node.whole()
