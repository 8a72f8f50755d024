"""Which output file came of which object: by the tool's own map when it gives one, otherwise by what tools leave alone.

Instance numbers are unique in our sets and no table asks to change them; where they are gone or not unique, the picture
decides, field by field so that blackened lines do no harm, and then how many of the values that have to stay are there.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from radcommons.apps.deid_benchmark.key import Action, AnswerKey, PlantedObject
from radcommons.apps.deid_benchmark.pictures import alike
from radcommons.apps.deid_benchmark.scoring.looking import Looked

_LEAST_ALIKE = 0.5


@dataclass(slots=True)
class Pairing:
    """Objects and what came of them.

    Parameters
    ----------
    files
        By ordinal of the object in the key.
    how
        How many were found in which way.
    unexpected
        Output files that came of no object, or a second time of one.
    """

    files: dict[int, Looked] = field(default_factory=dict)
    how: Counter[str] = field(default_factory=Counter)
    unexpected: list[Looked] = field(default_factory=list)


def pair(key: AnswerKey, outputs: Iterable[Looked], *, uid_map: dict[str, str] | None = None) -> Pairing:
    """Find the successor of every object."""
    found, left = Pairing(), [output for output in outputs if output.is_dicom]
    others = [output for output in outputs if not output.is_dicom]
    given = uid_map or {}
    _match(key, left, found, way="map", of_object=lambda planted: given.get(planted.sop_instance_uid), of_output=_uid)
    _match(key, left, found, way="same UID", of_object=lambda planted: planted.sop_instance_uid, of_output=_uid)
    _match(key, left, found, way="instance number", of_object=_number_of_object, of_output=_number_of_output)
    _match_by_likeness(key, left, found, way="pixels", likeness=_alike_in_pixels)
    _match_by_likeness(key, left, found, way="content", likeness=_alike_in_content)
    found.unexpected = [*left, *others]
    return found


def _uid(output: Looked) -> Hashable | None:
    return output.text("SOPInstanceUID") or output.text("(meta).MediaStorageSOPInstanceUID") or None


def _number_of_object(planted: PlantedObject) -> Hashable | None:
    return (planted.sop_class_uid, planted.instance_number) if planted.instance_number else None


def _number_of_output(output: Looked) -> Hashable | None:
    number = output.text("InstanceNumber")
    return (output.text("SOPClassUID"), number) if number else None


def _match(
    key: AnswerKey,
    left: list[Looked],
    found: Pairing,
    *,
    way: str,
    of_object: Callable[[PlantedObject], Hashable | None],
    of_output: Callable[[Looked], Hashable | None],
) -> None:
    """Pair what a mark names once on both sides."""
    waiting = [(number, of_object(planted)) for number, planted in enumerate(key.objects) if number not in found.files]
    wanted = Counter(mark for _, mark in waiting if mark is not None)
    offered = Counter(mark for output in left if (mark := of_output(output)) is not None)
    by_mark = {mark: output for output in left if (mark := of_output(output)) is not None and offered[mark] == 1}
    for number, mark in waiting:
        if mark is not None and wanted[mark] == 1 and mark in by_mark:
            found.files[number] = by_mark[mark]
            found.how[way] += 1
            left.remove(by_mark[mark])


def _match_by_likeness(
    key: AnswerKey,
    left: list[Looked],
    found: Pairing,
    *,
    way: str,
    likeness: Callable[[PlantedObject, Looked], float],
) -> None:
    """Pair the rest, the most alike first."""
    candidates = sorted(
        (-likeness(planted, output), number, index)
        for number, planted in enumerate(key.objects)
        if number not in found.files
        for index, output in enumerate(left)
        if output.text("SOPClassUID") == planted.sop_class_uid
    )
    taken: set[int] = set()
    for negative, number, index in candidates:
        if -negative >= _LEAST_ALIKE and number not in found.files and index not in taken:
            found.files[number] = left[index]
            found.how[way] += 1
            taken.add(index)
    left[:] = [output for index, output in enumerate(left) if index not in taken]


def _alike_in_pixels(planted: PlantedObject, output: Looked) -> float:
    return alike(planted.pixel_blocks, output.pixel_blocks) if tuple(planted.shape) == output.shape else 0.0


def _alike_in_content(planted: PlantedObject, output: Looked) -> float:
    kept = [check for check in planted.checks if check.action == Action.TEXT_RETAINED]
    if not kept:
        return 0.0
    return sum(check.text in output.text(check.path) for check in kept) / len(kept)
