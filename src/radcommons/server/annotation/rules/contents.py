"""The contents of a read: how it is kept, what it must say, which answers it gives. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.annotation.checking import computed_value
from radcommons.transfer.annotation.geometry import FrameMask, Shape
from radcommons.transfer.annotation.record import Item, Reading, Target
from radcommons.transfer.annotation.schema import Label, LabelSchema, Scope, ValueKind
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

YES, NO = "yes", "no"
# Between the label and what is asked of it, in the name of a question.
PART = "/"
FrameSize = tuple[int | None, int | None, int]


def shape_key(shape: Shape) -> tuple[str, str]:
    """A shape's digest and canonical JSON."""
    body = canonical_json(shape.to_json())
    return sha256_hex(body), body.decode()


def packed(reading: Reading) -> tuple[dict[str, Any], dict[str, str]]:
    """A read as it is kept: its JSON with shapes named by digest, and the shapes' own JSON by digest."""
    shapes: dict[str, str] = {}
    body: dict[str, Any] = replace(reading, items=()).to_json()
    body["items"] = []
    for item in reading.items:
        names = []
        for shape in item.shapes:
            digest, text = shape_key(shape)
            shapes[digest] = text
            names.append({"sha256": digest})
        body["items"].append({**replace(item, shapes=()).to_json(), "shapes": names})
    return body, shapes


def named_shapes(items: object) -> set[str]:
    """The digests by which items, as a browser sends them, name shapes that were sent before."""
    if not isinstance(items, list):
        return set()
    shapes = (shape for item in items if isinstance(item, dict) for shape in _list(item.get("shapes")))
    return {shape["sha256"] for shape in shapes if isinstance(shape, dict) and isinstance(shape.get("sha256"), str)}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def with_shapes(items: object, shapes: Mapping[str, object]) -> object:
    """Items with named shapes put in; a name that is not known stays and is refused by whoever reads the items."""
    if not isinstance(items, list):
        return items
    return [
        {**item, "shapes": [_whole(shape, shapes) for shape in _list(item.get("shapes"))]}
        if isinstance(item, dict)
        else item
        for item in items
    ]


def _whole(shape: object, shapes: Mapping[str, object]) -> object:
    digest = shape.get("sha256") if isinstance(shape, dict) else None
    return shapes.get(digest, shape) if isinstance(digest, str) else shape


def check_places(reading: Reading, frames: Mapping[str, FrameSize], series: Mapping[str, str]) -> list[Finding]:
    """Whether everything a read names is an image of its case, and every mask as large as its image.

    Parameters
    ----------
    frames
        Rows, columns and number of frames by SOP Instance UID.
    series
        The series of each SOP Instance UID.
    """
    found = []
    for index, item in enumerate(reading.items):
        places = {(shape.frame.sop_instance_uid, shape.frame.frame_number) for shape in item.shapes}
        if item.target.sop_instance_uid:
            places.add((item.target.sop_instance_uid, item.target.frame_number or 1))
        if any(uid not in frames or number > frames[uid][2] for uid, number in places):
            found.append(_error("place", index, "The item names an image that is not in this case."))
        elif item.target.series_instance_uid and any(
            series[uid] != item.target.series_instance_uid for uid, _ in places
        ):
            found.append(_error("place", index, "The item names images of another series than its own."))
        elif any(
            (shape.rows, shape.columns) != frames[shape.frame.sop_instance_uid][:2]
            for shape in item.shapes
            if isinstance(shape, FrameMask)
        ):
            found.append(_error("mask-size", index, "A mask is not as large as its image."))
    return found


def _error(code: str, index: int, message: str) -> Finding:
    return Finding(Severity.ERROR, f"annotation.{code}", f"items[{index}]", message)


def with_computed(schema: LabelSchema, reading: Reading) -> Reading:
    """A read with the labels that follow from others filled in, whatever was sent for them."""
    computed = {label.id for label in schema.labels if label.is_computed}
    entered = tuple(item for item in reading.items if item.label_id not in computed)
    base = replace(reading, items=entered)
    target = Target(reading.study_instance_uid)
    values = ((label, computed_value(schema, label, base)) for label in schema.labels if label.is_computed)
    made = tuple(Item(f"computed.{label.id}", label.id, target, value) for label, value in values if value is not None)
    return replace(base, items=(*entered, *made))


def answers_of(schema: LabelSchema, reading: Reading) -> dict[str, tuple[str, float | None]]:
    """The answers of a finished read to the questions that agreement is about: text, and a number where there is one.

    A flag and a drawn label are questions of yes and no; each choice of ``many_of`` is one of its own. A read that could
    not be made answers nothing; texts are not compared.
    """
    if reading.flags and not reading.items and not reading.is_nothing_found:
        return {}
    found: dict[str, tuple[str, float | None]] = {}
    for label in schema.labels:
        items = reading.items_of(label.id)
        found.update(_answers(label, items))
    return found


def _answers(label: Label, items: Iterable[Item]) -> Iterable[tuple[str, tuple[str, float | None]]]:
    given = list(items)
    kind = label.value.kind
    if kind is ValueKind.FLAG or label.scope is Scope.REGION:
        yield label.id, (YES if given else NO, float(bool(given)))
    elif kind is ValueKind.MANY_OF:
        chosen = {choice for item in given if isinstance(item.value, tuple) for choice in item.value}
        if given:
            for choice in label.value.choices:
                is_chosen = choice.id in chosen
                yield f"{label.id}{PART}{choice.id}", (YES if is_chosen else NO, float(is_chosen))
    elif len(given) == 1 and kind is not ValueKind.TEXT:
        value = given[0].value
        if kind is ValueKind.ONE_OF and isinstance(value, str):
            grade = label.value.grade(value) if label.value.is_ordered else None
            yield label.id, (value, None if grade is None else float(grade))
        elif isinstance(value, int | float):
            yield label.id, (f"{value:g}", float(value))
