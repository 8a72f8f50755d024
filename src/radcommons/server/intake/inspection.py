"""Looking into a stranger's file: runs in a limited child process, never in the web process (DESIGN, invariant 6)."""

from functools import lru_cache
from pathlib import Path

from radcommons.deid.profile import Profile, load_profile
from radcommons.deid.verify import verify_deidentified
from radcommons.dicom.instance import describe_file
from radcommons.server.intake.rules import Inspection, PartClaim, compare, judged, lost, unknown_profile, unreadable


@lru_cache(maxsize=64)
def profile_at(name_or_path: str) -> Profile:
    """A profile, compiled once a process; those with a path are named by their content, so none ever changes."""
    return load_profile(name_or_path)


def inspect_part(claim: PartClaim) -> Inspection:
    """Describe one file, verify its de-identification again and hold it against its manifest.

    Whatever is wrong comes back as findings; only the limits of the child process end it otherwise.
    """
    path = Path(claim.path)
    if not path.is_file():
        return Inspection(None, (lost(),))
    if not claim.profile:
        return Inspection(None, (unknown_profile(),))
    description, findings = describe_file(path)
    if description is None:
        return Inspection(None, findings if any(each.is_error for each in findings) else (*findings, unreadable()))
    seen = judged(
        verify_deidentified(path, profile=profile_at(claim.profile)), are_texts_approved=claim.are_texts_approved
    )
    return Inspection(description, (*findings, *seen, *compare(claim, description)))
