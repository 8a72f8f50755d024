"""Decisions of the intake: whether a file holds what its manifest announced, and may go on."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from radcommons.deid.descriptors import looks_identifying
from radcommons.deid.pixel_text import PixelText, may_carry_pixel_text
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.instance import InstanceDescription
from radcommons.server.platform.words import counted

# After the site's code: what crosswalks and keys draw. No name has it, and no identifier of a hospital system.
_SUBJECT_NUMBER = re.compile(r"[0-9]{6,32}")
SUSPICIOUS_TEXT = "deid.suspicious-text"
PIXEL_TEXT = "intake.pixel-text-not-checked"
# Where objects name the person who looked at images: observer of a report, creator of a segmentation, operator and
# interpreter of a structure set.
OBSERVER_TAGS = ("(0040,A123)", "(0070,0084)", "(0008,1070)", "(3006,00A6)")
_PERSON_FINDINGS = frozenset({"deid.person-name", "deid.forbidden-value"})
# What the centre's programs call a reading or a finding: a word and 24 random digits.
_RANDOM_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,64}[.-])?[0-9a-f]{24}")
# The parts of a derived batch's statement.
OBSERVERS, WORDS, IS_CODED = "observers", "words", "is_coded"
# A person confirmed the pictures, or the site's profile lets its detector's word be enough.
_LOOKED_AT = frozenset({PixelText.APPROVED, PixelText.CLEAN, PixelText.REDACTED})
# Far beyond any disk, and what the tables can count.
MAXIMUM_BATCH_BYTES = 2**60
# Parts that one job verifies: enough to pay for the child process, few enough to spread over workers.
PARTS_PER_JOB = 200


@dataclass(frozen=True, slots=True)
class TextsWanted:
    """Which attributes of which file, by the paths of tags that findings name."""

    path: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartClaim:
    """What a manifest says about one file, and where its bytes lie; a value that travels to the child process.

    ``profile`` is the name or the path of the profile by whose rules the file is verified; ``are_texts_approved`` says
    that a curator read the texts that look suspicious, ``is_released`` that a person at the site let an object go that no
    program can clean. For what this centre made itself, ``observers`` are the pseudonyms of its readers, and ``words`` the
    texts that it put there, as the names of labels. ``is_fresh`` says that this centre took the digest of these bytes
    itself while it wrote them, not long ago; otherwise it is taken again.
    """

    part_id: int
    path: str
    sha256: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    pixel_text: str
    site: str
    profile: str
    are_texts_approved: bool
    is_released: bool = False
    observers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in one file; a file without description cannot be stored."""

    description: InstanceDescription | None
    findings: tuple[Finding, ...]

    @property
    def is_acceptable(self) -> bool:
        """Whether the file may enter the archive."""
        return self.description is not None and not any(finding.is_error for finding in self.findings)


def compare(claim: PartClaim, description: InstanceDescription) -> tuple[Finding, ...]:
    """Hold what a file says against what its manifest announced.

    Returns
    -------
    findings
        ``intake.digest-mismatch``, ``intake.manifest-mismatch`` (one for each identifier that differs),
        ``intake.subject-id`` and ``intake.pixel-text-not-checked``; empty when everything agrees.
    """
    findings = list(_mismatches(claim, description))
    if description.sha256 != claim.sha256:
        message = "The bytes changed after they were received. Send the file again in a new batch."
        findings.append(Finding(Severity.ERROR, "intake.digest-mismatch", "file", message))
    if not is_subject_id(description.patient_id or "", site=claim.site):
        message = "The Patient ID is not a pseudonym as the edge makes it: the site's code, a hyphen and digits."
        findings.append(Finding(Severity.ERROR, "intake.subject-id", "0010,0020", message))
    if claim.pixel_text not in _LOOKED_AT and may_carry_pixel_text(description):
        message = (
            "Objects of this kind may carry text in the picture, and nobody has checked it. A curator must look, "
            "or the site looks at it in its review and sends it again."
        )
        findings.append(Finding(Severity.ERROR, PIXEL_TEXT, "7FE0,0010", message))
    return tuple(findings)


def is_subject_id(value: str, *, site: str) -> bool:
    """Whether a Patient ID is a pseudonym of a site."""
    prefix = f"{site}-"
    return value.startswith(prefix) and _SUBJECT_NUMBER.fullmatch(value[len(prefix) :]) is not None


def judged(findings: Iterable[Finding], *, are_texts_approved: bool) -> tuple[Finding, ...]:
    """Findings as the centre weighs them: a suspicious text keeps a file out until somebody has read it."""
    return tuple(
        replace(each, severity=Severity.ERROR) if each.code == SUSPICIOUS_TEXT and not are_texts_approved else each
        for each in findings
    )


def places_of_own_names(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Where findings are about the name of somebody who looked at images, or about a text that may be a name of ours."""
    return tuple(dict.fromkeys(each.where for each in findings if _may_be_ours(each)))


def without_own_names(
    findings: Iterable[Finding], texts: Iterable[tuple[str, str]], claim: PartClaim
) -> tuple[Finding, ...]:
    """Findings without those about nothing but this centre's own: pseudonyms, its words, random names of what was drawn.

    Parameters
    ----------
    texts
        What stands at the places of :func:`places_of_own_names`: place and text.
    """
    said: dict[str, set[str]] = {}
    for place, text in texts:
        said.setdefault(place, set()).add(text.rstrip("^"))
    return tuple(
        each for each in findings if not (_may_be_ours(each) and _is_ours(each, said.get(each.where, set()), claim))
    )


def _may_be_ours(finding: Finding) -> bool:
    is_person = finding.code in _PERSON_FINDINGS and finding.where.endswith(OBSERVER_TAGS)
    return is_person or finding.code == SUSPICIOUS_TEXT


def _is_ours(finding: Finding, texts: Collection[str], claim: PartClaim) -> bool:
    if finding.code != SUSPICIOUS_TEXT:
        return bool(texts) and set(texts) <= set(claim.observers)
    others = (text for text in texts if text not in claim.words and not _RANDOM_NAME.fullmatch(text))
    return bool(texts) and not any(looks_identifying(text, may_hold_dates=True) for text in others)


def _mismatches(claim: PartClaim, description: InstanceDescription) -> Iterable[Finding]:
    pairs = (
        ("0020,000D", claim.study_instance_uid, description.study_instance_uid),
        ("0020,000E", claim.series_instance_uid, description.series_instance_uid),
        ("0008,0018", claim.sop_instance_uid, description.sop_instance_uid),
        ("0008,0016", claim.sop_class_uid, description.sop_class_uid),
    )
    for where, announced, found in pairs:
        # What is stored directly was never announced: its own header is all there is.
        if announced and announced != found:
            message = "The header names another identifier than the manifest. Seal the batch again at the site."
            yield Finding(Severity.ERROR, "intake.manifest-mismatch", where, message)


def released() -> Finding:
    """The finding for an object that no program can clean and a person at the site answers for."""
    message = (
        "No program can clean this object. A person at the site let it go; a curator must open it before clearing."
    )
    return Finding(Severity.WARNING, "intake.released-object", "0008,0016", message)


def unreadable() -> Finding:
    """The finding for a file of which nothing could be made and nobody said why."""
    message = "The file cannot be read as DICOM. Check the original at the site."
    return Finding(Severity.ERROR, "intake.unreadable", "file", message)


def unknown_profile() -> Finding:
    """The finding for a file whose profile the centre accepted once and does not accept any longer."""
    message = "The centre does not accept the de-identification profile of this batch any longer."
    return Finding(Severity.ERROR, "intake.unknown-profile", "batch", message)


def lost() -> Finding:
    """The finding for a part whose bytes are no longer in the staging folder."""
    message = "The received bytes are gone from the staging folder. Send the file again in a new batch."
    return Finding(Severity.ERROR, "intake.staged-file-lost", "file", message)


def chunks(part_ids: Sequence[int], size: int = PARTS_PER_JOB) -> tuple[tuple[int, int], ...]:
    """Cut ascending part ids into closed ranges of at most ``size`` parts."""
    return tuple(
        (part_ids[start], part_ids[min(start + size, len(part_ids)) - 1]) for start in range(0, len(part_ids), size)
    )


def is_refused(*, accepted: int, quarantined: int) -> bool:
    """Whether a verified batch brought nothing in: then the batch as a whole is refused."""
    return accepted == 0 and quarantined > 0


def next_step(state: str, *, missing: int, quarantined: int) -> str:
    """What happens next with a batch, in one sentence for the site."""
    if state == "receiving":
        return f"{counted(missing, 'file is', 'files are')} still missing. Run the same send command again: it goes on where it stopped."
    if state == "held":
        return (
            "The batch is signed with a key the centre does not know. Somebody there compares its fingerprint with you."
        )
    if state == "sealed":
        return "The centre is verifying the files. Nothing is to be done."
    if state == "refused":
        return "No file could be accepted. Read the findings, correct the cause at the site and send a new batch."
    if quarantined:
        return "The accepted studies are with the curators. A curator decides about the files held back."
    return "All files were accepted; the studies are with the curators."


def study_state(*, sent: int, accepted: int, quarantined: int) -> str:
    """How far a study has come while nobody beyond the intake has spoken of it."""
    if accepted:
        return "stored"
    return "quarantined" if quarantined and quarantined == sent else "received"
