"""How one version of a schema differs from the next, and how readings of the old one are carried over.

A mapping says for each label and choice of the old version what it is in the new one, or that it ended. It is proposed from
equal ids, completed by a person, checked, and applied without loss: what cannot be carried over is reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.annotation.checking import value_problem
from radcommons.transfer.annotation.record import Item, Reading, Value
from radcommons.transfer.annotation.schema import Label, LabelSchema, SchemaReference
from radcommons.transfer.annotation.untyped import Node


class ChangeKind(StrEnum):
    """What happened to a label."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One label that differs; ``parts`` names the fields that do, choices as ``value.choices.<id>``."""

    kind: ChangeKind
    label_id: str
    parts: tuple[str, ...] = ()


def differences(old: LabelSchema, new: LabelSchema) -> tuple[Change, ...]:
    """What changed from one version to another, label by label, in the order of the new one; removed ones last."""
    before = {label.id: label for label in old.labels}
    changes = []
    for label in new.labels:
        if label.id not in before:
            changes.append(Change(ChangeKind.ADDED, label.id))
        elif parts := _changed_parts(before[label.id], label):
            changes.append(Change(ChangeKind.CHANGED, label.id, parts))
    kept = {label.id for label in new.labels}
    changes += [Change(ChangeKind.REMOVED, label.id) for label in old.labels if label.id not in kept]
    return tuple(changes)


def _changed_parts(old: Label, new: Label) -> tuple[str, ...]:
    names = [each.name for each in fields(Label) if each.name != "value"]
    parts = [name for name in names if getattr(old, name) != getattr(new, name)]
    rules = ("kind", "is_ordered", "minimum", "maximum", "unit")
    parts += [f"value.{name}" for name in rules if getattr(old.value, name) != getattr(new.value, name)]
    before, after = ({choice.id: choice for choice in label.value.choices} for label in (old, new))
    parts += [f"value.choices.{name}" for name in before | after if before.get(name) != after.get(name)]
    if list(before) != list(after) and set(before) == set(after):
        parts.append("value.choices")
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class SchemaMapping:
    """What the labels and choices of one version are in another.

    Parameters
    ----------
    old, new
        The two versions.
    labels
        New label id by old one; "" when it ended.
    choices
        New choice id by (old label id, old choice id); "" when it ended. Only where it differs.
    """

    old: SchemaReference
    new: SchemaReference
    labels: Mapping[str, str]
    choices: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The mapping as plain JSON."""
        choices = [{"choice": choice, "label": label, "to": to} for (label, choice), to in sorted(self.choices.items())]
        return {
            "choices": choices,
            "labels": dict(sorted(self.labels.items())),
            "new": self.new.to_json(),
            "old": self.old.to_json(),
        }

    @classmethod
    def from_json(cls, value: object) -> "SchemaMapping":
        """Read what :meth:`to_json` wrote."""
        node = Node(value, "mapping")
        node.fields({"old", "new", "labels", "choices"}, required={"old", "new", "labels"})
        labels = node["labels"]
        if not isinstance(labels.value, dict):
            raise labels.wrong("is not an object")
        rows = node.tuple_of("choices", lambda row: row.fields({"choice", "label", "to"}), most=100_000)
        return cls(
            SchemaReference.from_json(node["old"]),
            SchemaReference.from_json(node["new"]),
            {old: labels[old].text(longest=64) for old in labels.value},
            {(row["label"].name(), row["choice"].name()): row["to"].text(longest=64) for row in rows},
        )


def proposed_mapping(old: LabelSchema, new: LabelSchema) -> SchemaMapping:
    """Equal ids become each other; everything else ends until a person says what it became."""
    labels = {label.id: label.id if new.label(label.id) else "" for label in old.labels}
    choices = {}
    for label in old.labels:
        other = new.label(label.id)
        for choice in label.value.choices:
            if other is not None and other.value.choices and other.value.choice(choice.id) is None:
                choices[label.id, choice.id] = ""
    return SchemaMapping(old.reference, new.reference, labels, choices)


def check_mapping(mapping: SchemaMapping, old: LabelSchema, new: LabelSchema) -> list[Finding]:
    """Whether a mapping names every old label and only what the two versions have."""
    found: list[Finding] = []
    if (mapping.old, mapping.new) != (old.reference, new.reference):
        found.append(Finding(Severity.ERROR, "annotation.other-schema", "mapping", "The mapping is of other versions."))
    found += [_unmapped(f"labels.{label.id}") for label in old.labels if label.id not in mapping.labels]
    for old_id, new_id in mapping.labels.items():
        label, other = old.label(old_id), new.label(new_id)
        if label is None or (new_id and other is None):
            found.append(_unmapped(f"labels.{old_id}"))
        elif other is not None and label.geometry is not other.geometry:
            message = "The label is drawn differently in the new version; its drawings cannot be carried over."
            found.append(Finding(Severity.ERROR, "annotation.geometry", f"labels.{old_id}", message))
    for label_id, choice_id in mapping.choices:
        chosen = old.label(label_id)
        if chosen is None or chosen.value.choice(choice_id) is None:
            found.append(_unmapped(f"choices.{label_id}"))
    return found


def _unmapped(where: str) -> Finding:
    message = "The mapping does not say what this became, or names something that is not there."
    return Finding(Severity.ERROR, "annotation.unmapped", where, message)


def carried_over(reading: Reading, mapping: SchemaMapping, new: LabelSchema) -> tuple[Reading, list[Finding]]:
    """A reading as an answer to the new version, and a warning for every item that could not go with it.

    The reading keeps its id and reader; readings of record are never replaced by what this returns, only compared by it.
    """
    mapped = [_mapped_item(item, mapping, new) for item in reading.items]
    kept = {item.id for item in mapped if item is not None}
    lost, items = [], []
    for index, item in enumerate(mapped):
        # An attribute goes with the drawing that it describes.
        if item is None or (item.about and item.about not in kept):
            message = "The answer has no counterpart in the new version of the schema."
            lost.append(Finding(Severity.WARNING, "annotation.not-carried-over", f"items[{index}]", message))
        else:
            items.append(item)
    return replace(reading, schema=mapping.new, items=tuple(items)), lost


def _mapped_item(item: Item, mapping: SchemaMapping, new: LabelSchema) -> Item | None:
    label, value = new.label(mapping.labels.get(item.label_id, "")), _mapped_value(item, mapping)
    if label is None or value is None or value_problem(label, value):
        return None
    return replace(item, label_id=label.id, value=value)


def _mapped_value(item: Item, mapping: SchemaMapping) -> Value | None:
    if isinstance(item.value, tuple):
        mapped = [mapping.choices.get((item.label_id, choice), choice) for choice in item.value]
        # Choices that became one are named once.
        return tuple(dict.fromkeys(mapped)) if all(mapped) else None
    if isinstance(item.value, str):
        return mapping.choices.get((item.label_id, item.value), item.value) or None
    return item.value
