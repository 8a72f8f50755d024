"""Looking into a stranger's file: runs in a limited child process, never in the web process (DESIGN, invariant 6)."""

from pathlib import Path

from radcommons.deid.verify import verify_deidentified
from radcommons.dicom.instance import describe_file
from radcommons.server.intake.rules import Inspection, PartClaim, compare, lost, unreadable


def inspect_part(claim: PartClaim) -> Inspection:
    """Describe one file, verify its de-identification again and hold it against its manifest.

    Whatever is wrong comes back as findings; only the limits of the child process end it otherwise.
    """
    path = Path(claim.path)
    if not path.is_file():
        return Inspection(None, (lost(),))
    description, findings = describe_file(path)
    if description is None:
        return Inspection(None, findings if any(each.is_error for each in findings) else (*findings, unreadable()))
    return Inspection(description, (*findings, *verify_deidentified(path), *compare(claim, description)))
