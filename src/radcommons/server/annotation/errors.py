"""Refusals of annotation.

RadCommonsError
├── SchemaUsedError         annotation.schema-used          a version that a project uses was to be changed
├── SchemaInvalidError      annotation.schema-invalid       labels that contradict each other
├── ProjectInvalidError     annotation.project-invalid      a project that cannot be made as wished
├── MoveNotPossibleError    annotation.move-not-possible    the state does not allow what was asked
├── LeaseHeldError          annotation.lease-held           another window of the same reader is at it
├── RevisionConflictError   annotation.revision-conflict    another window has saved since
├── ReadEndedError          annotation.read-ended           the project closed, the case gone, before it was submitted
├── ProjectPausedError      annotation.project-paused       a submission while nobody is to submit
├── ReadIncompleteError     annotation.read-incomplete      a submission without the answers that its schema demands
├── NotYourTaskError        platform.not-found              somebody else's read, or none
├── ReadsHereError          annotation.reads-here           results asked for by somebody who reads in the project
├── ExampleInvalidError     annotation.example-invalid      an example that is no picture, or too large
├── DrawingTooLargeError    annotation.drawing-too-large    drawings that no memory holds one above the other
├── DecisionInvalidError    annotation.decision-invalid     an adjudication without what it needs
└── NothingToPublishError   annotation.nothing-to-publish   everything was published already, or nothing can be
"""

from collections.abc import Sequence

from radcommons.dicom.finding import Finding
from radcommons.server.platform.errors import ConflictError, ForbiddenError, InvalidError
from radcommons.server.platform.words import counted


def _plain(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {"severity": one.severity.value, "code": one.code, "where": one.where, "message": one.message}
        for one in findings
    ]


class SchemaUsedError(ConflictError):
    """A version of a schema that a project uses never changes."""

    def __init__(self) -> None:
        message = "A project uses this version, so it never changes. Make the next version."
        super().__init__("annotation.schema-used", message)


class SchemaInvalidError(InvalidError):
    """The labels of a schema contradict each other, or a mapping names labels that are not there."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        message = "The schema cannot be used as it is; each finding says what to change."
        super().__init__("annotation.schema-invalid", message, findings=_plain(findings))


class ExampleInvalidError(InvalidError):
    """An example for a label is no picture that can be shown."""

    def __init__(self) -> None:
        message = "An example is a PNG, JPEG or WebP of at most 8 MiB and 40 million pixels."
        super().__init__("annotation.example-invalid", message)


class ProjectInvalidError(InvalidError):
    """A reading project cannot be made or changed as wished."""

    def __init__(self, message: str) -> None:
        super().__init__("annotation.project-invalid", message)


class MoveNotPossibleError(ConflictError):
    """A task, a case or a project is in a state that does not allow what was asked."""

    def __init__(self, state: str) -> None:
        message = f"This is {state.replace('_', ' ')}; that is not possible now. Reload to see what is."
        super().__init__("annotation.move-not-possible", message, state=state)


class LeaseHeldError(ConflictError):
    """Another window of the same reader holds the task."""

    def __init__(self) -> None:
        message = "The case is open in another window of yours. Go on there, or take it over here."
        super().__init__("annotation.lease-held", message)


class RevisionConflictError(ConflictError):
    """What is saved is newer than what this window has seen."""

    def __init__(self, revision: int) -> None:
        message = "Another window has saved since. Load what it saved before you go on."
        super().__init__("annotation.revision-conflict", message, revision=revision)


class ReadEndedError(ConflictError):
    """A read ended before its reader had submitted it.

    Parameters
    ----------
    ending, words
        Why, as one of :class:`.states.Ending` and as its reader is told.
    is_kept
        Whether what was sent is kept as a late draft; None when nothing was.
    """

    def __init__(self, ending: str, words: str, *, is_kept: bool | None = None) -> None:
        kept = {
            None: "",
            True: " What you had is kept as a late draft; it does not count as a read.",
            False: " What you sent is no read of this case, and could not be kept.",
        }
        super().__init__("annotation.read-ended", f"{words}{kept[is_kept]}", ending=ending, is_kept=bool(is_kept))


class ProjectPausedError(ConflictError):
    """Nothing is submitted while a project is paused; drafts are kept."""

    def __init__(self) -> None:
        message = "The project is paused. Your draft is kept; you can submit it when reading goes on."
        super().__init__("annotation.project-paused", message)


class ReadIncompleteError(InvalidError):
    """A read lacks answers that its schema demands, or has answers that it forbids."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        message = "The read is not complete; each finding names what is missing or wrong."
        super().__init__("annotation.read-incomplete", message, findings=_plain(findings))


class ReadsHereError(ForbiddenError):
    """Somebody who reads in a project may not see its results before it is closed."""

    def __init__(self) -> None:
        super().__init__("You read in this project, so its results are closed to you until the project is.")
        self.code = "annotation.reads-here"


class DrawingTooLargeError(InvalidError):
    """What was drawn covers more pixels than can be laid over each other."""

    def __init__(self) -> None:
        super().__init__("annotation.drawing-too-large", "The drawings are too large to be compared.")


class DecisionInvalidError(InvalidError):
    """An adjudication lacks what it needs, or names what is not there."""

    def __init__(self, message: str) -> None:
        super().__init__("annotation.decision-invalid", message)


class NothingToPublishError(ConflictError):
    """Everything there is was published already, or nothing can be."""

    def __init__(self, *, published: int, left_out: int) -> None:
        message = f"There is nothing new to publish: {counted(published, 'reading')} published before, {left_out:,} cannot be."
        super().__init__("annotation.nothing-to-publish", message, published=published, left_out=left_out)
