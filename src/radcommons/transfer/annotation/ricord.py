"""RICORD's exports as answers to the ready schemas, so that its readers can be compared and its reads repeated.

MD.ai knows flags only: a grade is one of several labels. Names are compared without regard to case, spaces and remarks in
brackets, because every team's copy of a label has another id.
"""

import re
from collections import Counter
from dataclasses import replace

from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.annotation.mdai import MdaiProject
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Item, Reading, ReadingFlag
from radcommons.transfer.annotation.schema import LabelSchema, ValueKind

# Names that the exports have and the ready schemas write otherwise: label and choice.
_OTHER_NAMES = {
    "mild opacities": ("grading", "mild"),
    "moderate opacities": ("grading", "moderate"),
    "severe opacities": ("grading", "severe"),
}
_CANNOT_READ = "invalid study"
RICORD = ("ricord-1a", "ricord-1c")
_REMARK = re.compile(r"\([^)]*\)")


def _plain(name: str) -> str:
    return " ".join(_REMARK.sub("", name).lower().split())


def _meanings(schema: LabelSchema) -> dict[str, tuple[str, str]]:
    """What a name means: label and choice of a schema; no choice for a flag."""
    meanings = {name: meaning for name, meaning in _OTHER_NAMES.items() if schema.label(meaning[0])}
    for label in schema.labels:
        if label.value.kind is ValueKind.FLAG:
            meanings[_plain(label.name)] = label.id, ""
        meanings.update({_plain(choice.name): (label.id, choice.id) for choice in label.value.choices})
    return meanings


def ricord_readings(project: MdaiProject, schema_name: str) -> tuple[tuple[Reading, ...], list[Finding]]:
    """The readings of an export as answers to ``ricord-1a`` or ``ricord-1c``, and what could not be said in it.

    Raises
    ------
    KeyError
        For any other schema.
    """
    if schema_name not in RICORD:
        raise KeyError(schema_name)
    schema = ready_schema(schema_name)
    names = {label.id: _plain(label.name) for label in project.schema.labels}
    found: list[Finding] = []
    readings = tuple(
        _ricord_reading(reading, schema, names, f"readings[{number}]", found=found)
        for number, reading in enumerate(project.readings)
    )
    return readings, found


def ricord_schema_of(project: MdaiProject) -> str:
    """The ready schema that an export's answers are answers to; "" when a twentieth of them or more has no place in either."""
    names = {label.id: _plain(label.name) for label in project.schema.labels}
    given = Counter(names[item.label_id] for reading in project.readings for item in reading.items)
    del given[_CANNOT_READ]
    known = {ready: _meanings(ready_schema(ready)).keys() for ready in RICORD}
    placed = {ready: sum(count for name, count in given.items() if name in known[ready]) for ready in RICORD}
    best = max(RICORD, key=lambda ready: placed[ready])
    return best if (given.total() - placed[best]) * 20 < given.total() else ""


def _ricord_reading(
    reading: Reading, schema: LabelSchema, names: dict[str, str], where: str, *, found: list[Finding]
) -> Reading:
    meanings = _meanings(schema)
    items: dict[str, Item] = {}
    flags = list(reading.flags)
    for index, item in enumerate(reading.items):
        name, place = names[item.label_id], f"{where}.items[{index}]"
        label = schema.label(meanings.get(name, ("", ""))[0])
        if name == _CANNOT_READ:
            flags.append(ReadingFlag.CANNOT_READ)
        elif label is None:
            found.append(
                _warning("annotation.ricord-unknown-label", place, "The label has no counterpart in the ready schema.")
            )
        elif label.value.kind is ValueKind.ONE_OF and label.id in items:
            found.append(_answered_twice(items[label.id], meanings[name][1], place))
        elif label.value.kind is ValueKind.MANY_OF:
            before = items[label.id].value if label.id in items else ()
            chosen = (*before, meanings[name][1]) if isinstance(before, tuple) else ()
            items[label.id] = replace(item, label_id=label.id, value=tuple(dict.fromkeys(chosen)))
        else:
            key = item.id if label.value.kind is ValueKind.FLAG else label.id
            items[key] = replace(item, label_id=label.id, value=meanings[name][1] or True)
    return replace(reading, schema=schema.reference, items=tuple(items.values()), flags=tuple(dict.fromkeys(flags)))


def _answered_twice(first: Item, second: str, where: str) -> Finding:
    if first.value == second:
        return _warning("annotation.ricord-answered-twice", where, "The same answer is given twice; it counts once.")
    return _warning(
        "annotation.ricord-contradiction", where, "Another answer to the same question follows; the first one counts."
    )


def _warning(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.WARNING, code, where, message)
