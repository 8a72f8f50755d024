"""The verb ``score``: an answer key and the output folder of a tool become one score."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from radcommons.apps.deid_benchmark.case_key import describe_from_files
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, Action, AnswerKey, Check
from radcommons.apps.deid_benchmark.midi_b import read_map
from radcommons.apps.deid_benchmark.reading_keys import read_key
from radcommons.apps.deid_benchmark.scoring.actions import is_passed
from radcommons.apps.deid_benchmark.scoring.leaks import Leak, find_leaks
from radcommons.apps.deid_benchmark.scoring.looking import Looked, Words, look, search
from radcommons.apps.deid_benchmark.scoring.pixels import PixelsSeen, PixelTask, compare
from radcommons.apps.deid_benchmark.scoring.stricter import ask
from radcommons.apps.deid_benchmark.scoring.successors import Pairing, pair
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool

_TIMEOUT_S = 60.0
# Real pictures have writing of their own, which a tool does right to blacken.
_REAL = "file:"


@dataclass(slots=True)
class Tally:
    """How often an action was judged and how often it passed."""

    passed: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        """Passed of total, 1 when nothing was asked."""
        return self.passed / self.total if self.total else 1.0

    def add(self, is_right: bool) -> None:  # noqa: FBT001  the only thing there is to add
        """Count one more."""
        self.total += 1
        self.passed += is_right


@dataclass(frozen=True, slots=True)
class Failure:
    """One action that did not pass and is no leak: what was lost, or done wrongly."""

    action: str
    object_kind: str
    slot: str
    path: str
    file: str


@dataclass(slots=True)
class Score:
    """What a tool did.

    Parameters
    ----------
    objects, found
        Objects of the key, and those with a successor.
    refused
        Objects left out that may be: documents and directories nobody can clean.
    missing
        Objects left out that should be there; none of their actions passes.
    unexpected
        Output files that came of no object.
    unreadable
        Output files that are no DICOM file to its end, or ended the process that read them.
    leaks
        Every identifier left behind, with its place.
    actions, stricter
        The ten actions of MIDI-B and our five. An object that is missing fails all of its ten.
    given_out
        The ten actions of the objects that came out, which is how MIDI-B counts.
    pixels_outside
        Generated pictures with writing whose other pixels are as they were.
    markers
        Side markers that survived.
    failures
        Everything that did not pass and is no leak.
    matched_by
        How successors were found.
    uid_map, patient_map
        Old to new, given or derived.
    """

    objects: int = 0
    found: int = 0
    refused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    actions: dict[str, Tally] = field(default_factory=dict)
    given_out: Tally = field(default_factory=Tally)
    stricter: dict[str, Tally] = field(default_factory=dict)
    pixels_outside: Tally = field(default_factory=Tally)
    markers: Tally = field(default_factory=Tally)
    failures: list[Failure] = field(default_factory=list)
    matched_by: dict[str, int] = field(default_factory=dict)
    uid_map: dict[str, str] = field(default_factory=dict)
    patient_map: dict[str, str] = field(default_factory=dict)

    @property
    def all_actions(self) -> Tally:
        """The ten actions together."""
        return Tally(
            sum(tally.passed for tally in self.actions.values()), sum(tally.total for tally in self.actions.values())
        )

    @property
    def retention(self) -> Tally:
        """The actions that ask for something to stay."""
        names = (Action.TAG_RETAINED, Action.TEXT_NOTNULL, Action.TEXT_RETAINED, Action.PIXELS_RETAINED)
        found = [self.actions[name] for name in names if name in self.actions]
        return Tally(sum(tally.passed for tally in found), sum(tally.total for tally in found))

    def to_json(self) -> dict[str, object]:
        """The score as a plain mapping."""
        return {"leak_count": len(self.leaks), "all_actions": asdict(self.all_actions), **asdict(self)}


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How to score.

    Parameters
    ----------
    uid_map, patient_map
        CSV files ``id_old,id_new`` of the tool; derived from the output when ``None``.
    second
        A second output folder made from the same input, for ``idempotent``.
    files
        Where the original files lie; ``files`` beside the key when ``None``.
    processes
        Children that read the output.
    """

    uid_map: Path | None = None
    patient_map: Path | None = None
    second: Path | None = None
    files: Path | None = None
    processes: int = 1


def score_output(key_path: Path, output: Path, *, options: ScoreOptions | None = None) -> Score:
    """Score an output folder against the answer key of its input.

    Raises
    ------
    RadCommonsError
        ``benchmark.no-key``, ``benchmark.bad-key``, ``benchmark.no-output``, ``benchmark.bad-map``.
    """
    options = options or ScoreOptions()
    if not output.is_dir():
        raise RadCommonsError(Kind.NOT_FOUND, "benchmark.no-output", "There is no such output folder.")
    key = read_key(key_path)
    originals = options.files or (key_path if key_path.is_dir() else key_path.parent) / FILES_FOLDER
    return score_key(key, output, originals=originals, options=options)


def score_key(key: AnswerKey, output: Path, *, originals: Path, options: ScoreOptions) -> Score:
    """Score an output folder against a key in memory; ``originals`` is the folder its paths are relative to."""
    describe_from_files(key, originals)
    uids, patients = _read(options.uid_map), _read(options.patient_map)
    looked, unreadable = _look_at(key, output, processes=options.processes)
    pairing = pair(key, looked, uid_map=uids)
    seen = _compare_pixels(key, pairing, originals, output, processes=options.processes)
    again = None
    if options.second is not None:
        second, _ = _look_at(key, options.second, processes=options.processes)
        again = pair(key, second)
    derived_uids, derived_patients = _derived_maps(key, pairing)
    score = Score(objects=len(key.objects), found=len(pairing.files), unreadable=unreadable)
    score.uid_map, score.patient_map = uids or derived_uids, patients or derived_patients
    score.matched_by = dict(sorted(pairing.how.items()))
    score.unexpected = sorted(each.path for each in pairing.unexpected)
    score.unreadable = sorted({*unreadable, *(each.path for each in looked if not each.is_dicom)})
    score.leaks = find_leaks(key, pairing, seen)
    _judge_actions(score, key, pairing, seen)
    for question, planted, check, is_right in ask(key, pairing, again):
        score.stricter.setdefault(question, Tally()).add(is_right)
        if not is_right:
            score.failures.append(Failure(question, planted.kind, check.slot, check.path, planted.path))
    return score


def _read(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        return read_map(path)
    except (OSError, KeyError, ValueError) as error:
        message = "A map is a CSV file with the columns id_old and id_new."
        raise RadCommonsError(Kind.INVALID, "benchmark.bad-map", message) from error


def _look_at(key: AnswerKey, folder: Path, *, processes: int) -> tuple[list[Looked], list[str]]:
    """Look at every file of a folder in limited children; those too large even to be searched are named apart."""
    searched = {check.text for planted in key.objects for check in planted.identifying() if check.is_searchable}
    names = sorted(str(path.relative_to(folder)) for path in _files(folder))
    looked: list[Looked] = []
    # What ended or failed the child that read it is searched once more by one that does not try to understand it.
    for function in (look, search):
        prepared = partial(function, folder=str(folder), words=Words.of(searched))
        broken = []
        with LimitedPool(prepared, processes=processes, timeout_s=_TIMEOUT_S) as pool:
            for name, answer in pool.run(names):
                if isinstance(answer, Finding):
                    broken.append(name)
                else:
                    looked.append(answer)
        names = sorted(broken)
    return sorted(looked, key=lambda each: each.path), names


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _compare_pixels(
    key: AnswerKey, pairing: Pairing, originals: Path, output: Path, *, processes: int
) -> dict[int, PixelsSeen]:
    tasks = [
        PixelTask(
            number, str(originals / planted.path), str(output / pairing.files[number].path), tuple(planted.burned_in)
        )
        for number, planted in enumerate(key.objects)
        if number in pairing.files and planted.burned_in
    ]
    seen = {}
    with LimitedPool(compare, processes=processes, timeout_s=_TIMEOUT_S) as pool:
        for task, answer in pool.run(tasks):
            if not isinstance(answer, Finding):
                seen[task.number] = answer
    return seen


def _derived_maps(key: AnswerKey, pairing: Pairing) -> tuple[dict[str, str], dict[str, str]]:
    """What most places of an old UID and of an old patient identifier became."""
    votes: dict[str, dict[str, Counter[str]]] = {Action.UID_CONSISTENT: {}, Action.PATID_CONSISTENT: {}}
    for number, planted in enumerate(key.objects):
        output = pairing.files.get(number)
        if output is None:
            continue
        for check in planted.checks:
            if check.action in votes and check.path in output.values:
                votes[check.action].setdefault(check.text, Counter())[output.text(check.path)] += 1
    uids, patients = (
        {old: min(counter, key=lambda new: (-counter[new], new)) for old, counter in found.items()}
        for found in votes.values()
    )
    return uids, patients


def _judge_actions(score: Score, key: AnswerKey, pairing: Pairing, seen: Mapping[int, PixelsSeen]) -> None:
    for number, planted in enumerate(key.objects):
        output = pairing.files.get(number)
        if output is None:
            (score.refused if planted.may_be_refused else score.missing).append(planted.path)
            if planted.may_be_refused:
                continue
        pixels = seen.get(number)
        hidden = {
            line.text: state.is_hidden
            for line, state in zip(planted.burned_in, pixels.lines if pixels else (), strict=pixels is not None)
            if line.place == "pixels"
        }
        for check in planted.checks:
            is_right = output is not None and _is_right(check, output, score, hidden)
            score.actions.setdefault(check.action, Tally()).add(is_right)
            if output is not None:
                score.given_out.add(is_right)
            if not is_right and output is not None:
                score.failures.append(Failure(check.action, planted.kind, check.slot, check.path, planted.path))
        if pixels is not None and any(line.place == "pixels" for line in planted.burned_in):
            if not planted.kind.startswith(_REAL):
                score.pixels_outside.add(pixels.is_comparable and pixels.changed_outside == 0)
            for line, state in zip(planted.burned_in, pixels.lines, strict=True):
                if line.kind == "marker":
                    score.markers.add(state.changed == 0)


def _is_right(check: Check, output: Looked, score: Score, hidden: Mapping[str, bool]) -> bool:
    if check.action == Action.PIXELS_HIDDEN:
        return hidden.get(check.text, False)
    return is_passed(check, output, uids=score.uid_map, patients=score.patient_map)
