"""Attributes that Table E.1-1 does not list and that hold a person, a date or a UID all the same."""

from datetime import timedelta

from radcommons.apps.deid_benchmark.generator.draft import Draft, made_uid
from radcommons.apps.deid_benchmark.generator.slots.texts import words
from radcommons.apps.deid_benchmark.key import Action, Check

SLOT = "unlisted"
_NAMES = ("SecondaryReviewerName", "EvaluatorName")
_DATES = ("SecondaryReviewDate", "ExpiryDate", "DateOfGainCalibration")
_DATE_TIMES = ("ExpirationDateTime", "StudyUpdateDateTime", "ItemInventoryDateTime")
_UIDS = ("TargetFrameOfReferenceUID", "VolumeFrameOfReferenceUID", "ReferencedFiducialUID")
# Attribute, sentence, and the words of it that say nothing about anybody.
_TEXTS = (
    ("PaddleDescription", "Paddle large for {family}", "Paddle large"),
    ("DetectorDescription", "Flat panel of {hospital}, tested for {mrn}", "Flat panel"),
    ("InstructionDescription", "Hold breath; phone {phone} afterwards", "Hold breath"),
    ("ImageProcessingApplied", "Edge enhancement, Dr. {physician}", "Edge enhancement"),
    ("RTImageDescription", "Portal image of {family}, {given}", "Portal image"),
    ("GeneralAccessoryDescription", "Head rest, room of Dr. {stranger}", "Head rest"),
)


def plant_unlisted(draft: Draft) -> None:
    """Plant one of each sort, by turns."""
    top, number, person = draft.top, draft.number, draft.person
    draft.name(top, _NAMES[number % len(_NAMES)], person.second_physician, slot=SLOT)
    earlier = draft.day - timedelta(days=40 + number)
    draft.date(top, _DATES[number % len(_DATES)], f"{earlier:%Y%m%d}", slot=SLOT)
    draft.date(top, _DATE_TIMES[number % len(_DATE_TIMES)], f"{earlier:%Y%m%d}0712", slot=SLOT)
    draft.dataset.SecondaryReviewTime = "071200"
    draft.checks.append(Check(Action.TAG_RETAINED, "kept", "", "SecondaryReviewTime", "071200"))
    keyword = _UIDS[number % len(_UIDS)]
    draft.uid(top, keyword, made_uid(draft.seed, keyword, person.ordinal), slot=SLOT)
    keyword, form, kept = _TEXTS[number % len(_TEXTS)]
    _plant_sentence(draft, keyword, form, kept)
    draft.dataset.RetrieveURL = url = words(draft)["url"]
    draft.must_go("RetrieveURL", url, [(url, "url")], slot=SLOT)
    _plant_uid_as_text(draft)


def _plant_sentence(draft: Draft, keyword: str, form: str, kept: str) -> None:
    known = words(draft)
    value = form.format(**known)
    setattr(draft.dataset, keyword, value)
    for name, kind in (
        *(("family", "name"), ("given", "name"), ("physician", "name"), ("stranger", "name")),
        *(("hospital", "institution"), ("mrn", "patient_id"), ("phone", "phone")),
    ):
        if "{" + name + "}" in form:
            draft.must_go(keyword, value, [(known[name], kind)], slot=SLOT)
    draft.must_stay(keyword, value, kept, slot=SLOT)


def _plant_uid_as_text(draft: Draft) -> None:
    """UIDs that people copied into sentences."""
    for keyword, uid in (
        ("AcquisitionComments", draft.series_instance_uid),
        ("AlgorithmDescription", draft.study_instance_uid),
    ):
        if keyword in draft.dataset:
            continue
        value = f"see {uid}"
        setattr(draft.dataset, keyword, value)
        draft.checks.append(Check(Action.UID_CHANGED, "uid-as-text", "uid", keyword, uid, uid, is_searchable=True))
