"""Proposed findings: items that an algorithm or an earlier read made, on each of which a reader says yes or no. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from radcommons.dicom.finding import Finding, Severity
from radcommons.server.annotation.rules.states import ProposalVerdict


def check_verdicts(
    proposals: Sequence[Mapping[str, Any]], verdicts: Mapping[str, str], *, is_complete: bool
) -> list[Finding]:
    """Whether a reader judged what was proposed, all of it when the read is finished, and nothing else."""
    known = {str(item["id"]) for item in proposals}
    found = [
        Finding(Severity.ERROR, "annotation.verdict", f"verdicts[{index}]", "Nothing of this name was proposed.")
        for index, name in enumerate(verdicts)
        if name not in known
    ]
    if any(verdict not in set(ProposalVerdict) for verdict in verdicts.values()):
        message = "A proposal is accepted or rejected."
        found.append(Finding(Severity.ERROR, "annotation.verdict", "verdicts", message))
    if is_complete and known - verdicts.keys():
        message = f"{len(known - verdicts.keys())} proposed findings have no answer yet."
        found.append(Finding(Severity.ERROR, "annotation.verdict-missing", "verdicts", message))
    return found


def accepted_items(proposals: Sequence[Mapping[str, Any]], verdicts: Mapping[str, str]) -> list[dict[str, Any]]:
    """The proposed items that a reader accepted, which thereby are the reader's own."""
    return [dict(item) for item in proposals if verdicts.get(str(item["id"])) == ProposalVerdict.ACCEPT]


def without(proposals: Sequence[Mapping[str, Any]], items: Sequence[Any]) -> list[Any]:
    """What a reader sent beside the proposals: those follow from the verdicts alone."""
    known = {str(item["id"]) for item in proposals}
    return [item for item in items if not (isinstance(item, dict) and item.get("id") in known)]
