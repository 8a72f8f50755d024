"""Answer keys of another form, ``{"cases": [{"file", "phi", "burned_in", "keep"}]}``, read as ours.

There every identifier is named with its path and an advice (remove, replace, remap, shift, clean, keep), and writing by its box
alone. What has to go of a sentence is not marked; it is what the key names elsewhere, and what has the form of a number.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom

from radcommons.apps.deid_benchmark.attribute_path import FILE_NAME, PREAMBLE
from radcommons.apps.deid_benchmark.key import Action, AnswerKey, BurnedIn, Check, PlantedObject
from radcommons.apps.deid_benchmark.pictures import blocks_of, decoded

Case = dict[str, Any]
_CHANGING = {"shift": Action.DATE_SHIFTED, "remap": Action.UID_CHANGED, "keep": Action.TEXT_RETAINED}
_PRIVATE = re.compile(r"private (?P<creator>.+)")
_NUMBER = re.compile(r"[\w.+-]+@[\w.-]+|[\w-]*\d[\d./ -]{3,}\d|\d{4}-\d\d-\d\d")
_PLACES = {"pixels": "pixels", "IconImageSequence": "icon"}
# An age that is already written as the category of all who are older.
_CATEGORY = "090Y"
_SHORTEST_NAME, _SHORTEST_SEARCHABLE = 3, 6


def from_cases(content: Case) -> AnswerKey:
    """The key of a folder of cases.

    Raises
    ------
    KeyError, TypeError, ValueError
        When it has another form.
    """
    cases = content["cases"]
    known = frozenset(_known_words(cases))
    patients: dict[str, int] = {}
    objects = []
    for case in cases:
        uids = {entry["path"]: entry["value"] for entry in case["phi"]}
        patient_id = str(uids.get("PatientID", ""))
        patient = patients.setdefault(patient_id.strip().casefold(), len(patients))
        objects.append(_object(case, uids, patient_id, patient, known))
    return AnswerKey("cases", 0, {}, objects)


def describe_from_files(key: AnswerKey, originals: Path) -> None:
    """Fill in what such a key does not say and a scorer needs to find successors, from the original files."""
    for planted in key.objects:
        if planted.sop_class_uid:
            continue
        dataset = pydicom.dcmread(originals / planted.path)
        planted.sop_class_uid = str(dataset.get("SOPClassUID", ""))
        planted.instance_number = str(dataset.get("InstanceNumber", ""))
        frames = decoded(dataset) if "PixelData" in dataset else None
        if frames is not None:
            planted.shape, planted.pixel_blocks = frames.shape, blocks_of(frames)


def _object(case: Case, uids: dict[str, str], patient_id: str, patient: int, known: frozenset[str]) -> PlantedObject:
    found = PlantedObject(
        path=case["file"],
        kind=f"case:{case['file']}",
        patient=patient,
        patient_id=patient_id,
        modality=str(case["keep"].get("Modality", "")),
        sop_class_uid="",
        transfer_syntax_uid="",
        study_instance_uid=uids.get("StudyInstanceUID", ""),
        series_instance_uid=uids.get("SeriesInstanceUID", ""),
        sop_instance_uid=uids.get("SOPInstanceUID", ""),
        may_be_refused=any("reject" in entry["action"] for entry in case["phi"]),
    )
    for entry in case["phi"]:
        found.checks.extend(_checks(entry, known))
    for keyword, value in case["keep"].items():
        found.checks.append(Check(Action.TEXT_RETAINED, "kept", "", keyword, _joined(value), _joined(value)))
    stem = case["file"].rpartition(".")[0]
    for place, is_told in ((FILE_NAME, case.get("file_name_is_phi")), (PREAMBLE, case.get("preamble_is_phi"))):
        if is_told:
            found.checks.extend(
                _removed(place, stem, [word for word in re.split(r"[_ ]", stem) if word.casefold() in known])
            )
    found.burned_in.extend(_line(line) for line in case["burned_in"])
    hidden = [line for line in found.burned_in if line.place == "pixels" and line.kind != "marker"]
    found.checks += [
        Check(Action.PIXELS_HIDDEN, "burned-in", "text", "PixelData", line.text, line.text) for line in hidden
    ]
    return found


def _checks(entry: Case, known: frozenset[str]) -> Iterator[Check]:
    path, value = _path(entry), _joined(entry["value"])
    action = _CHANGING.get(entry["action"], Action.TEXT_REMOVED)
    kind = str(entry["type"])
    if entry["action"].startswith("cap") and value == _CATEGORY:
        return
    if action == Action.TEXT_RETAINED:
        yield Check(action, "kept", "", path, value, value)
    elif entry["action"] in {"clean", "reject or remove"} or entry["vr"] in {"OB", "UN"}:
        yield from _removed(path, value, _secrets(value, known))
    elif action == Action.TEXT_REMOVED:
        parts = value.split("\\") if entry["vr"] != "PN" else re.split(r"[\^=]", value)
        yield from _removed(path, value, [part for part in parts if part], kind=kind)
    else:
        yield Check(action, "header", kind, path, value, value, is_searchable=action == Action.UID_CHANGED)
        if action == Action.UID_CHANGED:
            yield Check(Action.UID_CONSISTENT, "header", "", path, value, value)


def _removed(path: str, value: str, parts: list[str], *, kind: str = "text") -> Iterator[Check]:
    for part in dict.fromkeys(parts):
        is_searchable = len(part) >= _SHORTEST_SEARCHABLE and kind not in {"date", "age", "demographic"}
        yield Check(Action.TEXT_REMOVED, "header", kind, path, value, part, is_searchable)


def _path(entry: Case) -> str:
    private = _PRIVATE.fullmatch(entry["path"])
    if private is None:
        return str(entry["path"])
    tag = entry["tag"].strip("()").lower()
    return f'({tag[:4]},"{private["creator"]}",{tag[-2:]})'


def _joined(value: object) -> str:
    """A list that was written down as Python text, as DICOM writes several values."""
    text = str(value)
    if text.startswith("[") and text.endswith("]"):
        return "\\".join(str(each) for each in ast.literal_eval(text))
    return text


def _known_words(cases: list[Case]) -> Iterator[str]:
    """Names and numbers that the key names anywhere, folded."""
    for case in cases:
        for entry in case["phi"]:
            value = _joined(entry["value"])
            if entry["vr"] == "PN":
                yield from (
                    part.casefold()
                    for part in re.split(r"[\^=]", value)
                    if len(part) >= _SHORTEST_NAME or not part.isascii()
                )
            elif entry["type"] in {"id", "phone"}:
                yield value.casefold().strip()
                yield from (part for part in re.findall(r"\d{5,}", value))


def _secrets(text: str, known: frozenset[str]) -> list[str]:
    folded = text.casefold()
    words = [
        text[folded.index(word) : folded.index(word) + len(word)] for word in sorted(known) if _stands_in(word, folded)
    ]
    return [*words, *(match.group().strip() for match in _NUMBER.finditer(text))]


def _stands_in(word: str, folded: str) -> bool:
    return bool(word) and (
        re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded) is not None or (not word.isascii() and word in folded)
    )


def _line(line: Case) -> BurnedIn:
    left, top, right, bottom = line["box"]
    place = _PLACES.get(line["where"], "overlay" if line["where"].startswith("overlay") else "pixels")
    kind = "marker" if line.get("phi") is False else "text"
    frames = (line["frame"],) if place == "pixels" else None
    return BurnedIn(place, (left, top, right - left, bottom - top), frames, kind, line["text"])
