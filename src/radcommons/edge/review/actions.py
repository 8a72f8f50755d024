"""What the looking page asks for, and what is done: strict reading of a request, one verb, nothing guessed."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from radcommons.deid.pixels.boxes import Box
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import transaction
from radcommons.edge.pixels.deciding import Person, PixelDecisions
from radcommons.edge.pixels.looks import SiteRectangle
from radcommons.edge.pixels.memory import PixelMemory
from radcommons.edge.review.looking import ShownPicture, ShownSeriesPictures
from radcommons.transfer.manifest import ReleaseReason

Request = Mapping[str, object]
_MOST_PICTURES = 100_000


@dataclass(frozen=True, slots=True)
class Done:
    """What a request did: the act, and what the person is told."""

    act_id: int
    said: str


def perform(
    connection: sqlite3.Connection,
    shown: ShownSeriesPictures,
    request: Request,
    *,
    memory: PixelMemory,
    markers: Sequence[str],
) -> Done:
    """Do what a request of the page asks for, in one transaction.

    Raises
    ------
    RadCommonsError
        ``edge.invalid-request`` when it is malformed, ``edge.pictures-changed`` when the pictures are not those the
        person saw, and those of :class:`~radcommons.edge.pixels.deciding.PixelDecisions`.
    """
    verb = _VERBS.get(_text(request, "verb"))
    if verb is None:
        raise _invalid("There is no such verb.")
    decisions = PixelDecisions(connection, memory, markers=markers)
    with transaction(connection):
        return verb(_Asked(shown, request, Person(_text(request, "by"))), decisions)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request about one series by one person."""

    shown: ShownSeriesPictures
    request: Request
    by: Person

    def pictures(self) -> tuple[ShownPicture, ...]:
        """The pictures it names, each with the digest that the person saw."""
        named = self.request.get("pictures")
        if not isinstance(named, dict) or not 0 < len(named) <= _MOST_PICTURES:
            raise _invalid("A decision names its pictures.")
        found = []
        for key, digest in named.items():
            picture = self.shown.picture(str(key))
            if not isinstance(digest, str) or not digest or not picture.sha256.startswith(digest):
                raise _changed()
            found.append(picture)
        return tuple(found)

    def every_picture(self) -> tuple[ShownPicture, ...]:
        """The pictures it names, which must be all that the series has."""
        found = self.pictures()
        if len(found) != len(self.shown.pictures):
            raise _changed()
        return found

    @property
    def reason(self) -> str:
        return _text(self.request, "reason")


def _edit(asked: _Asked, decisions: PixelDecisions) -> Done:
    drawn = asked.request.get("boxes")
    if not isinstance(drawn, dict):
        raise _invalid("Boxes are given for each picture.")
    return Done(
        decisions.edit({each.sha256: _boxes(drawn.get(each.key)) for each in asked.pictures()}, by=asked.by), "Kept"
    )


def _confirm(asked: _Asked, decisions: PixelDecisions) -> Done:
    every = asked.every_picture()
    if any(each.row["face"] == "held" and each.state != "rejected" for each in every):
        message = "A face can be made of this series. Decide about that first: keep it, take it away, or keep it out."
        raise RadCommonsError(Kind.CONFLICT, "edge.face-not-decided", message)
    chosen = {each.sha256: each.boxes or () for each in every if each.is_confirmable}
    return Done(decisions.confirm(chosen, by=asked.by), "Confirmed")


def _reject(asked: _Asked, decisions: PixelDecisions) -> Done:
    return Done(decisions.reject(_digests(asked.pictures()), by=asked.by, reason=asked.reason), "Kept out")


def _release(asked: _Asked, decisions: PixelDecisions) -> Done:
    pictures = asked.pictures()
    if not all(each.is_refused for each in pictures):
        raise _invalid("Only what cannot be cleaned is released.")
    try:
        why = ReleaseReason(_text(asked.request, "why"))
    except ValueError as error:
        raise _invalid("Say which of the three reasons it is.") from error
    return Done(decisions.release(_digests(pictures), by=asked.by, reason=asked.reason, why=why), "Let go")


def _keep_faces(asked: _Asked, decisions: PixelDecisions) -> Done:
    every = asked.every_picture()
    return Done(decisions.keep_faces(_digests(every), by=asked.by, reason=asked.reason), "The face may stay")


def _deface(asked: _Asked, decisions: PixelDecisions) -> Done:
    return Done(decisions.deface(_digests(asked.every_picture()), by=asked.by), "The face is being taken away")


def _allow(asked: _Asked, decisions: PixelDecisions) -> Done:
    return Done(decisions.allow(_text(asked.request, "word"), by=asked.by), "This word may stay in every picture")


def _spread(asked: _Asked, decisions: PixelDecisions) -> Done:
    pictures = asked.pictures()
    (box,) = _boxes([asked.request.get("box")])
    if len(pictures) != 1:
        raise _invalid("A box is taken from one picture.")
    picture = pictures[0]
    if picture.look is None:
        raise RadCommonsError(Kind.CONFLICT, "edge.no-device", "Nothing is known of the device; draw the box by hand.")
    rectangle = SiteRectangle(picture.look.device, replace(box, frames=None))
    return Done(decisions.spread(rectangle, by=asked.by), "Blackened in every image of this device and size")


def _undo(asked: _Asked, decisions: PixelDecisions) -> Done:
    act_id = asked.request.get("act")
    if not isinstance(act_id, int) or isinstance(act_id, bool):
        raise _invalid("Which decision is to be taken back?")
    decisions.undo(act_id, by=asked.by)
    return Done(act_id, "Taken back")


_VERBS: Mapping[str, Callable[[_Asked, PixelDecisions], Done]] = {
    "allow": _allow,
    "confirm": _confirm,
    "deface": _deface,
    "edit": _edit,
    "keep-faces": _keep_faces,
    "reject": _reject,
    "release": _release,
    "spread": _spread,
    "undo": _undo,
}


def _digests(pictures: Sequence[ShownPicture]) -> list[str]:
    return [each.sha256 for each in pictures]


def _boxes(value: object) -> tuple[Box, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _invalid("Boxes are a list.")
    try:
        return tuple(Box.from_json(each) for each in value)
    except ValueError as error:
        raise _invalid(str(error)) from error


def _text(request: Request, name: str) -> str:
    value = request.get(name, "")
    if not isinstance(value, str):
        raise _invalid(f"{name} is a text.")
    return value


def _changed() -> RadCommonsError:
    return RadCommonsError(
        Kind.CONFLICT,
        "edge.pictures-changed",
        "The pictures changed since this page was shown. Load it again and look.",
    )


def _invalid(message: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-request", message)
