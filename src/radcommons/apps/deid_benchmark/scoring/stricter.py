"""Five questions without the loop-holes: intervals, real dates, legal UIDs, references that lead somewhere, the same twice."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

from radcommons.apps.deid_benchmark.key import Action, AnswerKey, Check, PlantedObject
from radcommons.apps.deid_benchmark.scoring.looking import Looked
from radcommons.apps.deid_benchmark.scoring.successors import Pairing

QUESTIONS = ("date_interval_kept", "date_in_range", "uid_legal", "reference_integrity", "idempotent")
_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_LONGEST_UID = 64
# PS3.5 9.1: the first arc is 0, 1 or 2, the second below 40 under the first two, no component begins with a zero.
_LEGAL_UID = re.compile(r"(?:[01]\.(?:[0-9]|[1-3][0-9])|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))*")
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?!\d{7,}$)")
Answer = tuple[str, PlantedObject, Check, bool]


def ask(key: AnswerKey, pairing: Pairing, again: Pairing | None) -> Iterator[Answer]:
    """Every question about every object that has a successor, with whether the answer is right.

    ``again`` is the pairing of a second output made from the same input, for ``idempotent``.
    """
    shifts = _shifts(key, pairing)
    new_uids = {
        planted.sop_instance_uid: pairing.files[number].text("SOPInstanceUID")
        for number, planted in enumerate(key.objects)
        if number in pairing.files
    }
    refused = {
        planted.sop_instance_uid
        for number, planted in enumerate(key.objects)
        if number not in pairing.files and planted.may_be_refused
    }
    for number, planted in enumerate(key.objects):
        output = pairing.files.get(number)
        if output is None:
            continue
        shift = shifts.get(planted.patient)
        for check in planted.checks:
            text = output.text(check.path)
            if is_whole_date(check):
                is_kept = shift is not None and _days_between(check.text, text) == shift
                yield "date_interval_kept", planted, check, is_kept
                yield "date_in_range", planted, check, date_of(text) is not None
            elif check.action == Action.UID_CONSISTENT:
                yield "uid_legal", planted, check, is_legal_uid(text)
                if check.target and check.target not in refused:
                    yield "reference_integrity", planted, check, text != "" and text == new_uids.get(check.target)
        if again is not None:
            same = again.files.get(number)
            yield "idempotent", planted, _WHOLE_FILE, same is not None and same.sha256 == output.sha256


_WHOLE_FILE = Check("idempotent", "file", "", "(file)", "")


def is_whole_date(check: Check) -> bool:
    """Whether a check is about a DA or DT value, and not about a date in a sentence."""
    return check.action == Action.DATE_SHIFTED and check.value == check.text and check.text[:8].isdigit()


def date_of(text: str) -> date | None:
    """The calendar date a DA or DT value begins with, when it is a real one of our times."""
    match = _DATE.match(text)
    if match is None:
        return None
    try:
        found = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    return found if _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def is_legal_uid(text: str) -> bool:
    """Whether a UID is legal by PS3.5 9.1."""
    return len(text) <= _LONGEST_UID and _LEGAL_UID.fullmatch(text) is not None


def _days_between(before: str, after: str) -> int | None:
    first, second = date_of(before), date_of(after)
    return None if first is None or second is None else (second - first).days


def _shifts(key: AnswerKey, pairing: Pairing) -> dict[int, int]:
    """By how many days most dates of each patient moved."""
    votes: dict[int, Counter[int]] = {}
    for number, planted in enumerate(key.objects):
        output: Looked | None = pairing.files.get(number)
        if output is None:
            continue
        for check in filter(is_whole_date, planted.checks):
            days = _days_between(check.text, output.text(check.path))
            if days is not None:
                votes.setdefault(planted.patient, Counter())[days] += 1
    return {patient: counter.most_common(1)[0][0] for patient, counter in votes.items()}
