"""Leaks: one planted identifier that can be read in one place of one output file, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from radcommons.apps.deid_benchmark.attribute_path import FILE_NAME, without_indices
from radcommons.apps.deid_benchmark.key import Action, AnswerKey, Check, PlantedObject
from radcommons.apps.deid_benchmark.scoring.looking import Looked
from radcommons.apps.deid_benchmark.scoring.pixels import PixelsSeen
from radcommons.apps.deid_benchmark.scoring.successors import Pairing


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """One identifier left behind.

    Parameters
    ----------
    object_kind, object_path
        Of the object it was planted in; empty path when it was found in a file that came of none.
    slot, kind
        Of the check that names it.
    planted_at, found_at
        Attribute paths, equal when it never moved.
    text
        The invented identifier itself.
    file
        The output file.
    """

    object_kind: str
    object_path: str
    slot: str
    kind: str
    planted_at: str
    found_at: str
    text: str
    file: str


def find_leaks(key: AnswerKey, pairing: Pairing, pixels: dict[int, PixelsSeen]) -> list[Leak]:
    """All leaks, in the order of the key."""
    found: list[Leak] = []
    owners = {check.text: (planted, check) for planted in key.objects for check in planted.identifying()}
    for number, planted in enumerate(key.objects):
        output = pairing.files.get(number)
        if output is not None:
            found.extend(dict.fromkeys(_of_object(planted, output, owners)))
            found.extend(_of_pixels(planted, output, pixels.get(number)))
    for output in pairing.unexpected:
        for text, place in output.hits:
            planted, check = owners[text]
            found.append(Leak(planted.kind, "", check.slot, check.kind, check.path, place, text, output.path))
    return found


def _of_object(
    planted: PlantedObject, output: Looked, owners: dict[str, tuple[PlantedObject, Check]]
) -> Iterator[Leak]:
    own: dict[str, list[Check]] = {}
    for check in planted.identifying():
        own.setdefault(check.text, []).append(check)
    for text, place in output.hits:
        stranger, other = owners[text]
        checks = own.get(text, [other])
        check = next((each for each in checks if each.path == place), checks[0])
        about = planted if text in own else stranger
        yield Leak(about.kind, about.path, check.slot, check.kind, check.path, place, text, output.path)
    for check in planted.identifying():
        if not check.is_searchable and check.action != Action.PIXELS_HIDDEN:
            for place in _places(check, output):
                yield Leak(
                    planted.kind, planted.path, check.slot, check.kind, check.path, place, check.text, output.path
                )


def _places(check: Check, output: Looked) -> Iterator[str]:
    """Where an identifier that is too common to be searched for still stands: at its own attribute, in any item."""
    texts = {FILE_NAME: output.path} if check.path == FILE_NAME else _alike(check.path, output)
    for place, text in texts.items():
        if check.action == Action.DATE_SHIFTED or check.kind == "date":
            is_there = check.text in text
        else:
            is_there = re.search(rf"(?<!\w){re.escape(check.text)}(?!\w)", text, re.IGNORECASE) is not None
        if is_there:
            yield place


def _alike(path: str, output: Looked) -> dict[str, str]:
    if path in output.values:
        return {path: output.values[path].text}
    bare = without_indices(path)
    return {place: value.text for place, value in output.values.items() if without_indices(place) == bare}


def _of_pixels(planted: PlantedObject, output: Looked, seen: PixelsSeen | None) -> Iterator[Leak]:
    if seen is None:
        return
    for line, state in zip(planted.burned_in, seen.lines, strict=True):
        if line.kind != "marker" and not state.is_hidden:
            place = {"overlay": "OverlayData", "icon": "IconImageSequence[0].PixelData"}.get(line.place, "PixelData")
            slot = "burned-in" if line.place == "pixels" else line.place
            yield Leak(planted.kind, planted.path, slot, line.kind, place, place, line.text, output.path)
