"""Which labels of a case a person must decide: one policy a label, values in, an outcome out. Pure.

======== ============================================================ ==============================================
policy   for                                                          what needs no person
======== ============================================================ ==============================================
unanimous flags, choices                                              all say the same
majority flags, choices                                               more than half say the same
median   grades, whole numbers                                        all within ``within`` of each other
limits   numbers                                                      all within ``limit`` of each other
masks    masks, contours, ellipses                                    Dice and volume ratio of every pair within limits
boxes    boxes                                                        every box has enough supporters
points   points, lines, angles                                        every drawing has its like within ``pixels``
free     texts                                                        everything: texts are collected, never compared
======== ============================================================ ==============================================
"""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.rules.states import OutcomeState
from radcommons.transfer.annotation.geometry import AREAS, Geometry
from radcommons.transfer.annotation.record import Item, Reading, ReadingFlag, Value
from radcommons.transfer.annotation.schema import Label, LabelSchema, ValueKind

CODE_VERSION = "3"
UNREADABLE = frozenset({ReadingFlag.CANNOT_READ, ReadingFlag.WRONG_BODY_PART})


class Policy(StrEnum):
    """How the reads of a case are compared."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"
    MEDIAN = "median"
    LIMITS = "limits"
    MASKS = "masks"
    BOXES = "boxes"
    POINTS = "points"
    FREE = "free"


# Each policy's settings: published limits, see docs/guides/annotation.
SETTINGS: Mapping[Policy, Mapping[str, float]] = {
    Policy.UNANIMOUS: {},
    Policy.MAJORITY: {},
    Policy.MEDIAN: {"within": 1},
    Policy.LIMITS: {"limit": 0.0},
    Policy.MASKS: {"dice": 0.70, "volume_ratio": 1.5},
    Policy.BOXES: {"iou": 0.4, "supporters": 2},
    Policy.POINTS: {"pixels": 10},
    Policy.FREE: {},
}


@dataclass(frozen=True, slots=True)
class LabelOutcome:
    """What the reads make of one label.

    Parameters
    ----------
    value
        What they agree on, as plain JSON; None where a person must say.
    measure
        What was compared: the spread of numbers, the smallest Dice of two readers, the share of supported boxes.
    reason
        Why a person is needed, as a sentence.
    detail
        For drawn labels: by pairs of readers (numbers from 0, as ``0-1``) the Dice coefficient and the sizes in pixels.
    """

    state: OutcomeState
    value: Any = None
    measure: float | None = None
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def usual_policy(label: Label) -> Policy:
    """The policy of a label for which a project names none."""
    if label.geometry is Geometry.BOX:
        return Policy.BOXES
    if label.geometry in AREAS:
        return Policy.MASKS
    if label.geometry is not Geometry.NONE:
        return Policy.POINTS
    if label.value.is_ordinal:
        return Policy.MEDIAN
    by_kind = {ValueKind.NUMBER: Policy.LIMITS, ValueKind.TEXT: Policy.FREE}
    return by_kind.get(label.value.kind, Policy.MAJORITY)


def possible_policies(label: Label) -> frozenset[Policy]:
    """The policies that can compare answers to a label."""
    usual = usual_policy(label)
    if usual in {Policy.MAJORITY, Policy.MEDIAN}:
        return frozenset({usual, Policy.UNANIMOUS, Policy.MAJORITY})
    if usual is Policy.BOXES:
        return frozenset({Policy.BOXES, Policy.MASKS})
    return frozenset({usual})


def policies_for(schema: LabelSchema, wished: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, Any]]:
    """The policy of every label with all its settings: the wished ones, the usual ones for the others.

    Raises
    ------
    ProjectInvalidError
        When a wish names no label, a policy that cannot compare it, or a setting that the policy does not have.
    """
    if unknown := wished.keys() - {label.id for label in schema.labels}:
        raise ProjectInvalidError(f"{len(unknown)} policies are of labels that the schema does not have.")
    return {label.id: _policy(label, dict(wished.get(label.id, {}))) for label in schema.labels}


def policies_written(text: str) -> dict[str, dict[str, object]]:
    """Policies as people write them, one a line: ``opacity | masks | dice = 0.8 | volume_ratio = 1.3``.

    Raises
    ------
    ProjectInvalidError
        When a line is no policy.
    """
    found: dict[str, dict[str, object]] = {}
    for line in filter(str.strip, text.splitlines()):
        label, *parts = (part.strip() for part in line.split("|"))
        if not label or not parts or label in found:
            raise ProjectInvalidError("Write each label once, as: label | policy | setting = number.")
        settings = [part.partition("=") for part in parts[1:]]
        try:
            found[label] = {"policy": parts[0], **{name.strip(): float(number) for name, _, number in settings}}
        except ValueError as error:
            raise ProjectInvalidError("A setting of a policy is a number, as: dice = 0.8.") from error
    return found


def _policy(label: Label, wish: dict[str, object]) -> dict[str, Any]:
    name = str(wish.pop("policy", usual_policy(label)))
    if name not in possible_policies(label):
        raise ProjectInvalidError(f"The label '{label.id}' cannot have that policy.")
    settings = dict(SETTINGS[Policy(name)])
    if wish.keys() - settings.keys() or not all(map(_is_limit, wish.values())):
        raise ProjectInvalidError(f"The policy of '{label.id}' has a setting that it does not know.")
    return {"policy": name, **settings, **wish}


def _is_limit(value: object) -> bool:
    """Whether a setting is a number that answers can be compared with; with NaN nothing would ever be disputed."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def compare(label: Label, policy: Mapping[str, Any], readings: Sequence[Reading]) -> LabelOutcome | None:
    """What the submitted reads of a case make of a label that is not drawn.

    Returns
    -------
    outcome
        None for a drawn label, see :mod:`.regions`, and for one that nobody answered, which needs no further word.
    """
    if label.geometry is not Geometry.NONE:
        return None
    values = [_value(label, reading.items_of(label.id)) for reading in readings]
    if not any(reading.items_of(label.id) for reading in readings):
        return None
    match Policy(policy["policy"]):
        case Policy.FREE:
            return LabelOutcome(OutcomeState.AGREED, [value for value in values if value is not None])
        case Policy.MEDIAN:
            return _median(label, values, within=float(policy["within"]))
        case Policy.LIMITS:
            return _limits(values, limit=float(policy["limit"]))
        case Policy.UNANIMOUS | Policy.MAJORITY as name:
            return _vote(label, values, is_majority_enough=name is Policy.MAJORITY)
        case _:
            return None


def _value(label: Label, items: Sequence[Item]) -> Value | None:
    """The one answer of a reader; a flag that is not set is an answer too."""
    if label.value.kind is ValueKind.FLAG:
        return bool(items)
    return items[0].value if len(items) == 1 else tuple(sorted(str(item.value) for item in items)) if items else None


def plain(value: Value | None) -> Any:
    """An answer as JSON keeps it."""
    return list(value) if isinstance(value, tuple) else value


def _vote(label: Label, values: Sequence[Value | None], *, is_majority_enough: bool) -> LabelOutcome:
    if label.value.kind is ValueKind.MANY_OF:
        return _vote_on_choices(label, values, is_majority_enough=is_majority_enough)
    counts = Counter(values)
    value, votes = counts.most_common(1)[0]
    share = votes / len(values)
    if votes == len(values):
        return LabelOutcome(OutcomeState.UNANIMOUS, plain(value), share)
    if is_majority_enough and votes * 2 > len(values):
        return LabelOutcome(OutcomeState.MAJORITY, plain(value), share)
    reason = "No answer has a majority." if is_majority_enough else "The readers do not all say the same."
    return LabelOutcome(OutcomeState.DISPUTED, None, share, reason)


def _vote_on_choices(label: Label, values: Sequence[Value | None], *, is_majority_enough: bool) -> LabelOutcome:
    chosen = [set(value) if isinstance(value, tuple) else set() for value in values]
    votes = {choice.id: sum(choice.id in one for one in chosen) for choice in label.value.choices}
    share = min(max(count, len(values) - count) / len(values) for count in votes.values())
    value = [name for name, count in votes.items() if count * 2 > len(values)]
    if share == 1:
        return LabelOutcome(OutcomeState.UNANIMOUS, value, share)
    if is_majority_enough and all(count * 2 != len(values) for count in votes.values()):
        return LabelOutcome(OutcomeState.MAJORITY, value, share)
    return LabelOutcome(OutcomeState.DISPUTED, None, share, "Some choice is as often taken as left.")


def _median(label: Label, values: Sequence[Value | None], *, within: float) -> LabelOutcome:
    if None in values:
        return LabelOutcome(OutcomeState.DISPUTED, None, None, "A reader did not answer.")
    if len(set(values)) == 1:
        return LabelOutcome(OutcomeState.UNANIMOUS, plain(values[0]), 0.0)
    numbers = sorted(grade for value in values if (grade := _grade(label, value)) is not None)
    if len(numbers) < len(values):
        return LabelOutcome(OutcomeState.DISPUTED, None, None, "An answer lies outside the scale.")
    spread = numbers[-1] - numbers[0]
    middle = statistics.median(numbers)
    if spread > within:
        return LabelOutcome(OutcomeState.DISPUTED, None, spread, f"The answers lie {spread:g} grades apart.")
    answer = next((value for value in values if _grade(label, value) == middle), None)
    if answer is None:
        return LabelOutcome(OutcomeState.DISPUTED, None, spread, "The readers are evenly split between two grades.")
    return LabelOutcome(OutcomeState.AGREED, plain(answer), spread)


def _grade(label: Label, value: Value | None) -> float | None:
    if isinstance(value, str):
        grade = label.value.grade(value)
        return None if grade is None else float(grade)
    return float(value) if isinstance(value, int | float) else None


def _limits(values: Sequence[Value | None], *, limit: float) -> LabelOutcome:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return LabelOutcome(OutcomeState.DISPUTED, None, None, "A reader did not answer.")
    spread = max(numbers) - min(numbers)
    # 4.2 and 4.1 lie 0.1 apart for whoever measured them, and a little more for a computer.
    if spread > limit and not math.isclose(spread, limit, abs_tol=1e-9):
        return LabelOutcome(OutcomeState.DISPUTED, None, spread, f"The measurements lie {spread:g} apart.")
    return LabelOutcome(OutcomeState.AGREED, statistics.fmean(numbers), spread)


def unreadable(readings: Sequence[Reading]) -> LabelOutcome | None:
    """What follows when readers say that a case cannot be read: all of them, and it is settled; some, and a person decides."""
    count = sum(bool(UNREADABLE & set(reading.flags)) for reading in readings)
    if not count:
        return None
    share = count / len(readings)
    if count == len(readings):
        return LabelOutcome(OutcomeState.UNANIMOUS, "unreadable", share)
    return LabelOutcome(OutcomeState.DISPUTED, None, share, "Some readers say that the case cannot be read.")
