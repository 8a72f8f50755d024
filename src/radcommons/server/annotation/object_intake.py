"""Where finished objects go: the intake is a wing of its own, so annotation says what it hands over, and `apps` joins them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.policy import Actor


@dataclass(frozen=True, slots=True)
class ObjectBatch:
    """Objects made of one site's images.

    Parameters
    ----------
    site_code, project
        Whose the images are; the objects become theirs, under the same agreement.
    name
        The batch: the same name is the same batch.
    observers
        Pseudonyms that the objects may name as persons.
    words
        Texts of the project itself that they hold.
    is_coded
        Whether they hold no other: nothing that a reader typed.
    files
        The bytes of each object.
    """

    site_code: str
    project: str
    name: str
    observers: tuple[str, ...]
    words: tuple[str, ...]
    is_coded: bool
    files: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of one object: in the archive, or held back, with the codes of what was found."""

    is_stored: bool
    codes: tuple[str, ...]


class ObjectIntake(Protocol):
    """Takes objects in."""

    def __call__(self, batch: ObjectBatch, actor: Actor) -> Sequence[TakenIn]:
        """Take a batch in; one answer an object, in their order. Taking it in again changes nothing.

        Raises
        ------
        RadCommonsError
            When nothing of it can be taken, as without an agreement in force.
        """
        ...


_intakes: list[ObjectIntake] = []


def register_intake(intake: ObjectIntake) -> None:
    """Say who takes objects in; called once by the wiring."""
    _intakes[:] = [intake]


def take_in(batch: ObjectBatch, actor: Actor) -> Sequence[TakenIn]:
    """Hand objects to the intake.

    Raises
    ------
    UnavailableError
        When nobody takes them.
    """
    if not _intakes:
        raise UnavailableError("annotation.no-intake", "Nobody takes in objects here.")
    return _intakes[0](batch, actor)
