"""What is asked for one object: by which profile, with which secret, for whom, and what was decided beforehand."""

from dataclasses import dataclass

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.profile import Profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping, Rewriter


@dataclass(frozen=True, slots=True)
class Job:
    """One object to de-identify; see :func:`radcommons.deid.engine.deidentify_file`."""

    profile: Profile
    key: PseudonymKey
    patient: PatientMapping
    cleaning: Cleaning

    @property
    def has_seen_pixels(self) -> bool:
        """Whether somebody or something looked for writing in the pixels."""
        return self.cleaning.boxes is not None

    def identifiers(self, harvested: frozenset[str]) -> frozenset[str]:
        """What must not remain: what the object itself carries and what is known of the patient."""
        found = harvested | {*self.patient.known_identifiers, self.patient.original_patient_id}
        return frozenset(each for each in found if each.strip() and each != self.patient.subject_id)

    def rewriter(self, sop_class_uid: str, pattern: IdentifierPattern) -> Rewriter:
        """A rewriter for one object of a class."""
        return Rewriter(self.profile, self.key, self.patient, sop_class_uid, pattern, self.cleaning.text_decisions)
