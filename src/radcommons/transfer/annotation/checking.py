"""Whether a schema makes sense, and whether a reading answers it: findings, never exceptions.

Codes are ``annotation.…``; ``where`` is the path inside the schema or reading. A draft is checked for shape only: what is
required but missing counts when a reading is submitted (``is_complete``).
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.annotation.geometry import Geometry
from radcommons.transfer.annotation.record import Item, Reading, ReadingFlag, Value
from radcommons.transfer.annotation.schema import Condition, Label, LabelSchema, Scope, ValueKind


def _error(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.ERROR, code, where, message)


def _warning(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.WARNING, code, where, message)


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def check_schema(schema: LabelSchema) -> list[Finding]:
    """Everything that would make a schema ambiguous, unanswerable or impossible to draw."""
    found = [
        _error("annotation.repeated-id", f"groups.{name}", "Two groups have the same id.")
        for name in _repeated(group.id for group in schema.groups)
    ]
    found += [
        _error("annotation.repeated-id", f"labels.{name}", "Two labels have the same id.")
        for name in _repeated(label.id for label in schema.labels)
    ]
    found += [
        _warning("annotation.repeated-shortcut", "labels", "Two labels are picked by the same key.")
        for _ in _repeated(label.shortcut for label in schema.labels if label.shortcut)
    ]
    if not schema.labels:
        found.append(_error("annotation.no-labels", "groups", "The schema has no label."))
    by_id = {label.id: label for label in schema.labels}
    for label in schema.labels:
        found += _check_value_rule(label)
        found += _check_scope(label, by_id)
        found += _check_links(label, by_id)
    return found


def _check_scope(label: Label, by_id: dict[str, Label]) -> Iterator[Finding]:
    where, parent = f"labels.{label.id}", by_id.get(label.parent)
    if label.scope is not Scope.REGION and label.geometry is not Geometry.NONE:
        yield _error("annotation.scope-geometry", where, "Only a label whose scope is a region is drawn.")
    if label.is_attribute and (parent is None or parent.geometry is Geometry.NONE):
        yield _error(
            "annotation.scope-geometry", where, "A region that is not drawn needs a parent that is: it describes it."
        )
    if label.scope is Scope.REGION and label.is_required and not label.is_attribute:
        yield _warning(
            "annotation.required-region",
            where,
            "A region cannot be required of every reading; it is taken as optional.",
        )


def _check_value_rule(label: Label) -> Iterator[Finding]:
    rule, where = label.value, f"labels.{label.id}.value"
    has_choices = rule.kind in {ValueKind.ONE_OF, ValueKind.MANY_OF}
    if has_choices != bool(rule.choices):
        yield _error("annotation.choices", where, "Choices belong to one_of and many_of, which need them.")
    if has_choices and _repeated(choice.id for choice in rule.choices):
        yield _error("annotation.repeated-id", where, "Two choices have the same id.")
    if rule.is_ordered and rule.kind is not ValueKind.ONE_OF:
        yield _error("annotation.ordered", where, "Only one_of can have ordered choices.")
    limits = (rule.minimum, rule.maximum)
    if rule.kind is ValueKind.INTEGER and (None in limits or any(math.modf(limit or 0)[0] for limit in limits)):
        yield _error("annotation.limits", where, "An integer needs a whole minimum and maximum.")
    if rule.kind not in {ValueKind.INTEGER, ValueKind.NUMBER} and limits != (None, None):
        yield _error("annotation.limits", where, "Only integers and numbers have limits.")
    if None not in limits and limits[0] > limits[1]:  # type: ignore[operator]  # neither is None here
        yield _error("annotation.limits", where, "The minimum is above the maximum.")
    if rule.kind is ValueKind.NUMBER and rule.unit is None:
        yield _error("annotation.unit", where, "A number needs a unit; the unit of a plain number is 1.")


def _check_links(label: Label, by_id: dict[str, Label]) -> Iterator[Finding]:
    where = f"labels.{label.id}"
    if label.parent and label.parent not in by_id:
        yield _error("annotation.unknown-label", f"{where}.parent", "The parent is not a label of this schema.")
    if label.id in _ancestors(label, by_id):
        yield _error("annotation.parent-cycle", f"{where}.parent", "The label is its own ancestor.")
    for condition in label.required_if:
        yield from _check_condition(condition, by_id, f"{where}.required_if")
    for factor in {factor for term in label.sum_of_products for factor in term}:
        other = by_id.get(factor)
        if other is None or other.is_computed or not _is_scored(other):
            yield _error(
                "annotation.computed",
                f"{where}.sum_of_products",
                "A computed label needs entered labels with scores or integers.",
            )
    if any(not term for term in label.sum_of_products):
        yield _error("annotation.computed", f"{where}.sum_of_products", "A term has no label.")
    if label.is_computed and label.value.kind is not ValueKind.INTEGER:
        yield _error("annotation.computed", f"{where}.value", "A computed label is an integer.")


def _is_scored(label: Label) -> bool:
    if label.value.kind is ValueKind.ONE_OF:
        return all(choice.score is not None for choice in label.value.choices)
    return label.value.kind is ValueKind.INTEGER


def _ancestors(label: Label, by_id: dict[str, Label]) -> set[str]:
    seen: set[str] = set()
    parent = label.parent
    while parent in by_id and parent not in seen:
        seen.add(parent)
        parent = by_id[parent].parent
    return seen


def _check_condition(condition: Condition, by_id: dict[str, Label], where: str) -> Iterator[Finding]:
    other = by_id.get(condition.label_id)
    if other is None:
        yield _error("annotation.unknown-label", where, "A condition names a label that the schema does not have.")
        return
    if other.value.choices and any(other.value.choice(str(value)) is None for value in condition.values):
        yield _error("annotation.unknown-choice", where, "A condition names a choice that its label does not have.")


def check_reading(schema: LabelSchema, reading: Reading, *, is_complete: bool = True) -> list[Finding]:
    """Whether a reading answers a schema.

    Parameters
    ----------
    schema
        The version the reading says it answers.
    reading
        What was read.
    is_complete
        Whether it is meant to be finished: required answers count, and an empty reading must say that nothing was found.
    """
    found: list[Finding] = []
    if reading.schema != schema.reference:
        found.append(_error("annotation.other-schema", "schema", "The reading answers another schema or version."))
    found += [
        _error("annotation.repeated-id", "items", "Two items of the reading have the same id.")
        for _ in _repeated(item.id for item in reading.items)
    ]
    for index, item in enumerate(reading.items):
        label = schema.label(item.label_id)
        if label is None:
            found.append(
                _error("annotation.unknown-label", f"items[{index}]", "The item answers a label that the schema lacks.")
            )
        else:
            found += _check_item(reading, item, label, f"items[{index}]")
    found += _check_multiplicity(schema, reading)
    if is_complete:
        found += _check_completeness(schema, reading)
    found += _check_computed(schema, reading)
    return found


def _check_item(reading: Reading, item: Item, label: Label, where: str) -> Iterator[Finding]:
    if problem := value_problem(label, item.value):
        yield _error("annotation.value", f"{where}.value", problem)
    if item.target.study_instance_uid != reading.study_instance_uid:
        yield _error("annotation.target", f"{where}.target", "The item is about another study than the reading.")
    yield from _check_target(item, label, where)
    yield from _check_shapes(item, label, where)
    if label.is_attribute:
        described = next((other for other in reading.items if other.id == item.about), None)
        if described is None or described.label_id != label.parent:
            yield _error(
                "annotation.about", f"{where}.about", "The attribute describes no drawing of its label's parent."
            )
    elif item.about:
        yield _error("annotation.about", f"{where}.about", "Only attributes of drawings describe another item.")


def _check_target(item: Item, label: Label, where: str) -> Iterator[Finding]:
    target = item.target
    has_series, has_instance = bool(target.series_instance_uid), bool(target.sop_instance_uid)
    wanted = {
        Scope.STUDY: not has_series and not has_instance,
        Scope.SERIES: has_series and not has_instance,
        Scope.INSTANCE: has_series and has_instance,
        Scope.REGION: has_series,
    }
    if not wanted[label.scope]:
        yield _error(
            "annotation.target", f"{where}.target", f"The answer to a label of scope {label.scope} names another level."
        )


def _check_shapes(item: Item, label: Label, where: str) -> Iterator[Finding]:
    drawn = {Geometry.MASK} if item.masks else set()
    drawn |= {outline.geometry for outline in item.outlines}
    if label.geometry is Geometry.NONE and drawn:
        yield _error("annotation.geometry", f"{where}.shapes", "The label is not drawn, the item is.")
    elif label.geometry is not Geometry.NONE and not drawn:
        yield _error("annotation.geometry", f"{where}.shapes", "The label is drawn, the item has no shape.")
    elif drawn - {label.geometry}:
        yield _error(
            "annotation.geometry", f"{where}.shapes", f"The label is drawn as {label.geometry}, the item otherwise."
        )
    if len({shape.frame for shape in item.masks}) != len(item.masks):
        yield _error("annotation.repeated-mask", f"{where}.shapes", "Two masks of one item are of the same frame.")


def value_problem(label: Label, value: Value) -> str:
    """What is wrong with an answer to a label, as a sentence; "" when nothing is."""
    rule = label.value
    match rule.kind:
        case ValueKind.FLAG:
            return "" if value is True else "A flag is true; when it is not set there is no item."
        case ValueKind.ONE_OF:
            is_choice = isinstance(value, str) and rule.choice(value) is not None
            return "" if is_choice else "The answer is none of the choices."
        case ValueKind.MANY_OF:
            if not isinstance(value, tuple) or any(rule.choice(each) is None for each in value):
                return "The answer is not a list of choices."
            return "A choice is named twice." if _repeated(value) else ""
        case ValueKind.INTEGER | ValueKind.NUMBER:
            return _number_problem(label, value)
        case ValueKind.TEXT:
            return "" if isinstance(value, str) and value.strip() else "The answer is not a text."


def _number_problem(label: Label, value: Value) -> str:
    rule = label.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "The answer is not a number."
    if rule.kind is ValueKind.INTEGER and value != int(value):
        return "The answer is not a whole number."
    if (rule.minimum is not None and value < rule.minimum) or (rule.maximum is not None and value > rule.maximum):
        return "The answer is outside the limits of the label."
    return ""


def _check_multiplicity(schema: LabelSchema, reading: Reading) -> Iterator[Finding]:
    seen = Counter((item.label_id, item.target, item.about) for item in reading.items)
    for (label_id, *_), count in seen.items():
        label = schema.label(label_id)
        if count > 1 and label is not None and (label.scope is not Scope.REGION or label.is_attribute):
            yield _error(
                "annotation.answered-twice", f"labels.{label_id}", "The label is answered twice for the same object."
            )


def _check_completeness(schema: LabelSchema, reading: Reading) -> Iterator[Finding]:
    is_unreadable = bool({ReadingFlag.CANNOT_READ, ReadingFlag.WRONG_BODY_PART} & set(reading.flags))
    if reading.is_nothing_found and any(_is_finding(schema, item) for item in reading.items):
        yield _error(
            "annotation.nothing-found", "items", "The reading says that nothing was found and has drawn findings."
        )
    if is_unreadable:
        return
    if not reading.items and not reading.is_nothing_found:
        yield _error("annotation.nothing-said", "items", "An empty reading must say that nothing was found.")
    yield from _check_attributes(schema, reading)
    for label in schema.labels:
        if label.scope is Scope.REGION or label.is_computed or reading.items_of(label.id):
            continue
        if is_required(label, reading):
            yield _error("annotation.required", f"labels.{label.id}", "A required label is not answered.")


def _check_attributes(schema: LabelSchema, reading: Reading) -> Iterator[Finding]:
    for label in schema.labels:
        if not label.is_attribute or not label.is_required:
            continue
        described = {item.about for item in reading.items_of(label.id)}
        if any(item.id not in described for item in reading.items_of(label.parent)):
            yield _error("annotation.required", f"labels.{label.id}", "A drawing lacks an attribute that it must have.")


def _is_finding(schema: LabelSchema, item: Item) -> bool:
    label = schema.label(item.label_id)
    return label is not None and label.scope is Scope.REGION


def is_required(label: Label, reading: Reading) -> bool:
    """Whether a reading must answer a label, by itself or because of another answer."""
    return label.is_required or any(_holds(condition, reading) for condition in label.required_if)


def _holds(condition: Condition, reading: Reading) -> bool:
    for item in reading.items_of(condition.label_id):
        answers: set[object] = set(item.value) if isinstance(item.value, tuple) else {item.value}
        if not condition.values or answers & set(condition.values):
            return True
    return False


def computed_value(schema: LabelSchema, label: Label, reading: Reading) -> int | None:
    """The value of a computed label from the answers of a reading; None while one of them is lacking.

    Raises
    ------
    ValueError
        When the label is not computed.
    """
    if not label.is_computed:
        raise ValueError(f"{label.id} is entered, not computed")
    total = 0
    for term in label.sum_of_products:
        scores = [_score(schema, factor, reading) for factor in term]
        if None in scores:
            return None
        total += math.prod(score for score in scores if score is not None)
    return total


def _score(schema: LabelSchema, label_id: str, reading: Reading) -> int | None:
    label, items = schema.label(label_id), reading.items_of(label_id)
    if label is None or len(items) != 1:
        return None
    value = items[0].value
    if isinstance(value, str):
        choice = label.value.choice(value)
        return choice.score if choice else None
    return int(value) if isinstance(value, int | float) else None


def _check_computed(schema: LabelSchema, reading: Reading) -> Iterator[Finding]:
    for label in schema.labels:
        if not label.is_computed:
            continue
        right = computed_value(schema, label, reading)
        for item in reading.items_of(label.id):
            if right is not None and item.value != right:
                yield _error(
                    "annotation.computed", f"labels.{label.id}", "The computed value does not follow from its parts."
                )
